// SPDX-License-Identifier: BSL-1.0
// How many handshakes a server can take if nobody else wants its processors: one for its loop, one for a
// thread that it may use besides.
//
// The clients have no processor of their own here, so they take turns with the server. In its turn the server
// begins a batch of handshakes and completes the batch before, as a busy server does both at a time, and the
// clients sleep; in theirs the server sleeps, and they compute the messages of the next turn. Only the
// server's turns are on the clock. They begin when the clients' messages are sent.
#ifndef TLSMODE_BENCH_SCENARIOS_OFFLOAD_HPP
#define TLSMODE_BENCH_SCENARIOS_OFFLOAD_HPP

#include "clients/turn_clients.hpp"
#include "ends.hpp"
#include "harness/usage.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

namespace bench {

// Counts connections that the server is done with; the clients' thread waits for it.
class offload_progress {
 public:
  void ended(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    ++ended_;
    if (error && !failure_) failure_ = error;
    changed_.notify_one();
  }
  // Until so many connections have ended, or one has failed, which it rethrows.
  void wait_for(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    const bool in_time =
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return failure_ || ended_ >= count; });
    if (failure_) std::rethrow_exception(failure_);
    if (!in_time) throw std::runtime_error("the server does not complete its handshakes");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t ended_ = 0;
  std::exception_ptr failure_;
};

template <server_adapter A>
typename A::template task<void> offload_session(typename A::connection connection) {
  co_await A::handshake(connection, role::server);
  A::check(connection);
  co_await send_signal<A>(connection);
}

template <server_adapter A>
typename A::template task<void> offload_accept(typename A::loop& loop, typename A::context& context,
                                               typename A::acceptor& acceptor, std::size_t count,
                                               offload_progress& progress) {
  for (std::size_t i = 0; i < count; ++i)
    A::spawn(loop, offload_session<A>(co_await A::accept(loop, context, acceptor)),
             [&progress](std::exception_ptr error) { progress.ended(error); });
}

// The server's loop, from construction to destruction. It sleeps when there is nothing to do.
template <server_adapter A>
class offload_server {
 public:
  offload_server(typename A::context& context, unique_fd listener)
      : context_(context), acceptor_(A::listen(loop_, std::move(listener))) {
    A::spawn(loop_, idle(), [](std::exception_ptr) {});
    thread_ = std::thread([this] {
      pin_thread(0);
      A::run(loop_);
    });
  }
  ~offload_server() {
    A::stop(loop_);
    thread_.join();
  }
  offload_server(const offload_server&) = delete;
  offload_server& operator=(const offload_server&) = delete;

  void accept(std::size_t count) {
    A::spawn(loop_, offload_accept<A>(loop_, context_, acceptor_, count, progress_),
             [this](std::exception_ptr error) {
               if (error) progress_.ended(error);
             });
  }
  void wait_for(std::uint64_t count) { progress_.wait_for(count); }
  double cpu() { return cpu_seconds(thread_); }

 private:
  typename A::template task<void> idle() { // so that the loop runs on
    for (;;) co_await A::sleep_until(loop_, steady::now() + std::chrono::hours(1));
  }

  offload_progress progress_;
  typename A::context& context_;
  typename A::loop loop_;
  typename A::acceptor acceptor_;
  std::thread thread_;
};

struct offload_costs {
  double wall = 0, server_cpu = 0, loop_cpu = 0;
};

// All but the calling thread, which is the clients'.
inline double server_cpu_seconds() { return process_cpu_seconds() - usage_now().cpu_seconds; }

// Turns with so many handshakes each; the first one and the last one do a half each and are not measured.
template <server_adapter A>
offload_costs offload_turns(offload_server<A>& server, SSL_CTX* clients, unsigned short port,
                            std::size_t batch, std::uint64_t turns) {
  offload_costs sum;
  std::optional<turn_clients> before; // have the server's answer and have computed theirs
  for (std::uint64_t turn = 0; turn <= turns + 1; ++turn) {
    std::optional<turn_clients> now;
    if (turn <= turns) {
      now.emplace(clients, port, batch);
      now->send(); // nobody has accepted them yet
    }
    const double cpu = server_cpu_seconds(), loop = server.cpu();
    const auto start = steady::now();
    if (now) server.accept(batch);
    if (before) before->send();
    if (now) now->await_server();
    if (before) server.wait_for(turn * batch);
    const double wall = std::chrono::duration<double>(steady::now() - start).count();
    if (before && now) {
      sum.wall += wall;
      sum.server_cpu += server_cpu_seconds() - cpu;
      sum.loop_cpu += server.cpu() - loop;
    }
    if (before) before->finish();
    if (now) now->compute();
    before = std::move(now);
  }
  return sum;
}

template <server_adapter A>
measurement run_offload(const workload& work) {
  const auto batch = static_cast<std::size_t>(work.at_once);
  const std::uint64_t turns = std::max<std::uint64_t>(work.amount / work.at_once, 1);
  loopback address(static_cast<int>(2 * batch));
  std::optional<typename A::context> context;
  const unsigned short port = address.port();
  offload_costs costs;
  on_processor(1, [&] {
    context.emplace(role::server, work.tls);
    const ssl_context_ptr clients = make_client_context(work.tls.key);
    offload_server<A> server(*context, address.release_listener());
    costs = offload_turns<A>(server, clients.get(), port, batch, turns);
  });
  const auto count = static_cast<double>(turns * batch);
  return {
      {metric::handshakes, count / costs.wall},
      {metric::server_cpu, costs.server_cpu / count * 1e6},
      {metric::loop_cpu, costs.loop_cpu / count * 1e6},
  };
}

} // namespace bench

#endif
