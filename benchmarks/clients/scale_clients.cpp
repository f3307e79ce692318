// SPDX-License-Identifier: BSL-1.0
// See scale_clients.hpp.
#include "scale_clients.hpp"

#include "client_process.hpp"
#include "harness/machine.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <numeric>
#include <poll.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>

namespace bench {
namespace {

constexpr std::chrono::seconds patience{60}; // with any one command
constexpr std::uint64_t at_once = 50;        // messages under way

class scale_clients {
 public:
  explicit scale_clients(const scale_plan& plan)
      : plan_(plan), context_(plan.plain ? nullptr : make_client_context(plan.tls)) {}

  void execute(const scale_command& command) {
    give_up_ = steady::now() + patience;
    switch (command.what) {
    case scale_command::kind::open: return open(command.count);
    case scale_command::kind::messages: return exchange(command.count);
    case scale_command::kind::busy: return busy(command.count);
    case scale_command::kind::calm: return calm(command.count);
    case scale_command::kind::leave: return;
    }
  }

 private:
  struct connection {
    raw_client tls;
    bool shaken = false;
    std::uint64_t received = 0; // bytes since the last command
  };

  void open(std::uint64_t count) {
    const std::size_t before = connections_.size();
    std::uint64_t echoed = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      connections_.push_back({raw_client(context_.get(), connect_to(plan_.port))});
      readable_.add(connections_.back().tls.descriptor(), connections_.size() - 1);
      go_on(connections_.back(), echoed);
    }
    while (echoed < count)
      for (const std::uint64_t name : wait()) go_on(connections_[name], echoed);
    std::vector<std::size_t> more(connections_.size() - before);
    std::iota(more.begin(), more.end(), before);
    order_.insert(order_.end(), more.begin(), more.end());
    std::shuffle(order_.begin(), order_.end(), random_);
  }

  // The handshake, then the first message, then its echo.
  void go_on(connection& one, std::uint64_t& echoed) {
    if (!one.shaken) {
      one.shaken = one.tls.handshake();
      if (!one.shaken) return;
      one.tls.write(message_);
    }
    echoed += receive(one, message_);
  }

  void exchange(std::uint64_t count) {
    std::uint64_t sent = 0, echoed = 0;
    while (echoed < count) {
      for (; sent < count && sent - echoed < at_once; ++sent)
        connections_[order_[sent % order_.size()]].tls.write(message_);
      for (const std::uint64_t name : wait()) echoed += receive(connections_[name], message_);
    }
  }

  void busy(std::uint64_t count) {
    const auto busy_message = scale_bytes(scale_message, scale_busy);
    const auto record = scale_bytes(scale_record, scale_busy);
    for (std::uint64_t i = 0; i < count; ++i) {
      connections_[order_[i]].tls.write(busy_message);
      connections_[order_[i]].tls.begin_record(record);
    }
  }

  void calm(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) connections_[order_[i]].tls.finish_record();
    const auto answer = scale_bytes(scale_answer, scale_busy);
    for (std::uint64_t complete = 0; complete < count;)
      for (const std::uint64_t name : wait()) complete += receive(connections_[name], answer);
  }

  // Reads what is there and compares it with the expected bytes, again and again; how often they are
  // complete.
  std::uint64_t receive(connection& from, std::span<const std::byte> expected) {
    std::uint64_t complete = 0;
    for (;;) {
      const auto left = expected.subspan(static_cast<std::size_t>(from.received));
      const std::size_t size =
          from.tls.read(std::span(scratch_).first(std::min(left.size(), scratch_.size())));
      if (size == 0) return complete;
      if (std::memcmp(scratch_.data(), left.data(), size) != 0)
        throw std::runtime_error("the server sent something else");
      from.received += size;
      if (from.received < expected.size()) continue;
      from.received = 0;
      ++complete;
    }
  }

  std::span<const std::uint64_t> wait() {
    if (steady::now() > give_up_) throw std::runtime_error("the server does not answer");
    return readable_.wait(give_up_);
  }

  const scale_plan plan_;
  ssl_context_ptr context_;
  std::deque<connection> connections_;
  std::vector<std::size_t> order_; // in which they have their turns
  std::mt19937_64 random_{1};
  readable_set readable_;
  steady::time_point give_up_;
  std::vector<std::byte> message_ = scale_bytes(scale_message, scale_echo);
  std::vector<std::byte> scratch_ = std::vector<std::byte>(scale_record);
};

scale_reply reply_with(const char* error) {
  scale_reply reply;
  std::strncpy(reply.error, error, sizeof(reply.error) - 1);
  return reply;
}

} // namespace

std::vector<std::byte> scale_bytes(std::size_t size, std::byte first) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i % 251);
  bytes.front() = first;
  return bytes;
}

void run_scale_clients(const unique_fd& control, const scale_plan& plan) noexcept {
  try {
    pin_thread(1);
    scale_clients clients(plan);
    for (;;) {
      const auto command = receive_value<scale_command>(control);
      if (command.what == scale_command::kind::leave) return;
      try {
        clients.execute(command);
      } catch (const std::exception& error) {
        send_value(control, reply_with(error.what()));
        return; // which ends the connections, and so what the server waits for
      }
      send_value(control, scale_reply{});
    }
  } catch (const std::exception&) {
    return; // the other end has gone
  }
}

unique_fd accept_client(const unique_fd& listener) {
  pollfd ready{listener.value(), POLLIN, 0};
  const int milliseconds = static_cast<int>(std::chrono::milliseconds(patience).count());
  if (::poll(&ready, 1, milliseconds) != 1) throw std::runtime_error("the clients do not connect");
  unique_fd accepted(::accept4(listener.value(), nullptr, nullptr, SOCK_CLOEXEC));
  if (accepted.value() < 0) throw std::system_error(errno, std::generic_category(), "accept");
  no_delay(accepted);
  return accepted;
}

void keep_send_buffer_small(int descriptor) {
  const int bytes = 8 * 1024;
  if (::setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) != 0)
    throw std::system_error(errno, std::generic_category(), "setsockopt");
}

} // namespace bench
