// SPDX-License-Identifier: BSL-1.0
// Start, signals, drain and stop. The main thread does nothing else; the workers do the serving.
#include "server.hpp"

#include "certificates.hpp"
#include "listener.hpp"
#include "log.hpp"
#include "worker.hpp"

#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <deque>
#include <iostream>
#include <optional>
#include <sys/resource.h>
#include <thread>

namespace https_server {
namespace {

/// As many descriptors as the system allows us: the default of 1024 is below the default connection cap.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

class server {
public:
  explicit server(const options& opt)
      : opt_(opt), tls_(make_context(opt)), slots_(opt.max_connections),
        signals_(control_, SIGINT, SIGTERM), drain_deadline_(control_) {
    if (!opt.root.empty()) files_.emplace(opt.root);
  }

  void run() {
    error_code ec;
    const auto address = net::ip::make_address(opt_.address, ec);
    if (ec) throw startup_error("bad value '" + opt_.address + "' for --address: an IP address is needed");
    auto claim = claim_address(control_, {address, opt_.port});
    const tcp::endpoint where = claim.local_endpoint();
    for (unsigned i = 0; i < opt_.threads; ++i)
      workers_.emplace_back(shared{opt_, tls_, files_ ? &*files_ : nullptr, slots_}).listen(where);
    claim.close();

    await_signal();
    running_ = opt_.threads;
    std::vector<std::jthread> threads; // joined here, whatever happens
    try {
      for (worker& w : workers_)
        threads.emplace_back([this, &w] {
          w.run();
          net::post(control_, [this] { worker_done(); });
        });
    } catch (...) {
      for (worker& w : workers_) w.stop();
      throw;
    }
    // Connections that came since listen() are in the backlog, so "ready" is true from here on.
    std::cout << "listening on " << where << std::endl;
    control_.run();
    threads.clear();
    slots_.forget_waiting();
  }

private:
  void await_signal() {
    signals_.async_wait([this](const error_code& ec, int number) {
      if (ec) return;
      draining_ ? stop(signal_name(number)) : drain(number);
      await_signal();
    });
  }

  void drain(int number) {
    draining_ = true;
    log_line("server", std::string(signal_name(number)) + ": draining " + connections());
    for (worker& w : workers_) w.begin_drain();
    drain_deadline_.expires_after(opt_.drain_timeout);
    drain_deadline_.async_wait([this](const error_code& ec) {
      if (!ec) stop("drain timed out");
    });
  }

  void stop(std::string_view why) {
    log_line("server", std::string(why) + ": stopping now, cutting off " + connections());
    for (worker& w : workers_) w.stop();
  }

  void worker_done() {
    if (--running_ != 0) return;
    drain_deadline_.cancel();
    signals_.cancel();
  }

  [[nodiscard]] std::string connections() const {
    std::size_t n = 0;
    for (const worker& w : workers_) n += w.connection_count();
    return std::to_string(n) + (n == 1 ? " connection" : " connections");
  }

  static std::string_view signal_name(int number) { return number == SIGINT ? "SIGINT" : "SIGTERM"; }

  const options& opt_;
  tlsmode::context tls_;
  std::optional<static_files> files_;
  connection_slots slots_;
  net::io_context control_{1};
  net::signal_set signals_;
  net::steady_timer drain_deadline_;
  std::deque<worker> workers_; // they do not move
  unsigned running_ = 0;
  bool draining_ = false;
};

} // namespace

void run_server(const options& opt) {
  std::signal(SIGPIPE, SIG_IGN); // a log that nobody reads any more must not end us
  raise_descriptor_limit();
  server(opt).run();
}

} // namespace https_server
