// SPDX-License-Identifier: BSL-1.0
// Running an io_context with a deadline.
#include "asio_loop.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <sys/socket.h>

namespace tlsmode::test {
namespace {

using clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds(20);

[[noreturn]] void give_up(const char* what, const boost::source_location& where) {
  throw std::runtime_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": " + what);
}

} // namespace

void run_until(net::io_context& io, const std::function<bool()>& done, boost::source_location where) {
  const auto deadline = clock::now() + patience;
  io.restart();
  while (!done()) {
    if (clock::now() >= deadline) give_up("it did not happen in time", where);
    if (io.run_one_for(std::chrono::milliseconds(100)) == 0 && io.stopped()) {
      if (done()) return;
      give_up("the loop has run out of work and it has not happened", where);
    }
  }
}

void run_out(net::io_context& io, boost::source_location where) {
  const auto deadline = clock::now() + patience;
  io.restart();
  while (!io.stopped()) {
    if (clock::now() >= deadline) give_up("the loop still has work", where);
    io.run_one_for(std::chrono::milliseconds(100));
  }
}

void settle(net::io_context& io, boost::source_location where) {
  int handlers = 0;
  io.restart();
  for (int quiet = 0; quiet < 4; ++quiet) {
    for (; io.poll_one() != 0; quiet = -1)
      if (++handlers > 1000000) give_up("the loop does not settle", where);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    if (io.stopped()) io.restart();
  }
}

watchdog::watchdog(std::vector<int> descriptors)
    : thread_([this, descriptors = std::move(descriptors)] {
        std::unique_lock lock(mutex_);
        if (ended_.wait_for(lock, patience, [this] { return over_; })) return;
        fired_ = true;
        for (const int fd : descriptors) ::shutdown(fd, SHUT_RDWR);
      }) {}

watchdog::~watchdog() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

} // namespace tlsmode::test
