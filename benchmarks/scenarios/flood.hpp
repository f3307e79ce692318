// SPDX-License-Identifier: BSL-1.0
// A server on one thread: a few connections echo small messages, a timer of 1 ms ticks on the same loop, and
// new connections shake hands all the while, or none does, for comparison. How long do the echoes and the
// timer wait?
//
// The clients are a process of their own (clients/flood_clients.hpp) on the second processor. Threads that a
// stream uses besides the loop's are on the second processor, too: the loop has the first one to itself.
#ifndef TLSMODE_BENCH_SCENARIOS_FLOOD_HPP
#define TLSMODE_BENCH_SCENARIOS_FLOOD_HPP

#include "clients/client_process.hpp"
#include "clients/flood_clients.hpp"
#include "ends.hpp"
#include "flood_load.hpp"
#include "harness/statistics.hpp"
#include "harness/usage.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <vector>

namespace bench {

// What one tick of the timer was to be, and how late it was.
struct flood_lateness {
  steady::time_point due;
  float microseconds;
};

struct flood_server_state {
  std::atomic<std::uint64_t> handshakes = 0;
  std::vector<flood_lateness> ticks;
  steady::time_point next_tick = steady::now();
  std::exception_ptr failure; // the first one; only the loop's thread writes it
  std::atomic<bool> ending = false;

  void count_ticks(steady::time_point now) { // one late awakening stands for all ticks that it missed
    for (; next_tick <= now; next_tick += flood_tick)
      ticks.push_back({next_tick, std::chrono::duration<float, std::micro>(now - next_tick).count()});
  }
  void note(std::exception_ptr error) {
    if (error && !failure && !ending) failure = error;
  }
};

template <server_adapter A>
typename A::template task<void> flood_timer(typename A::loop& loop, flood_server_state& state) {
  for (;;) {
    co_await A::sleep_until(loop, state.next_tick);
    state.count_ticks(steady::now());
  }
}

template <server_adapter A>
typename A::template task<void> flood_echo(typename A::connection connection) {
  co_await A::handshake(connection, role::server);
  A::check(connection);
  std::vector<std::byte> buffer(4096);
  for (;;) {
    const std::size_t size = co_await A::read_some(connection, buffer);
    co_await A::write_all(connection, std::span(buffer).first(size));
  }
}

template <server_adapter A>
typename A::template task<void> flood_handshake(typename A::connection connection,
                                                flood_server_state& state) {
  co_await A::handshake(connection, role::server);
  A::check(connection);
  co_await send_signal<A>(connection);
  state.handshakes.fetch_add(1, std::memory_order_relaxed);
}

template <server_adapter A>
typename A::template task<void> flood_accept(typename A::loop& loop, typename A::context& context,
                                             typename A::acceptor& acceptor, flood_server_state& state) {
  for (;;)
    A::spawn(loop, flood_handshake<A>(co_await A::accept(loop, context, acceptor), state),
             [&state](std::exception_ptr error) { state.note(error); });
}

// The server: its loop on a thread of its own, from construction to destruction.
template <server_adapter A>
class flood_server {
 public:
  flood_server(typename A::context& context, unique_fd listener, std::vector<unique_fd> echoes,
               std::size_t ticks)
      : acceptor_(A::listen(loop_, std::move(listener))) {
    state_.ticks.reserve(ticks);
    const auto note = [this](std::exception_ptr error) { state_.note(error); };
    for (unique_fd& fd : echoes) A::spawn(loop_, flood_echo<A>(A::open(loop_, context, std::move(fd))), note);
    A::spawn(loop_, flood_accept<A>(loop_, context, acceptor_, state_), note);
    A::spawn(loop_, flood_timer<A>(loop_, state_), note);
    thread_ = std::thread([this] {
      pin_thread(0);
      A::run(loop_);
    });
  }
  ~flood_server() { stop(); }
  flood_server(const flood_server&) = delete;
  flood_server& operator=(const flood_server&) = delete;

  // Ends the loop; rethrows what went wrong on it.
  void finish() {
    stop();
    state_.count_ticks(steady::now()); // what it did not get to
    if (state_.failure) std::rethrow_exception(state_.failure);
  }
  std::uint64_t handshakes() const noexcept { return state_.handshakes; }
  double loop_cpu_seconds() { return cpu_seconds(thread_); }

  // Percentiles of the ticks that were due in the measured part, in microseconds.
  void report_ticks(steady::time_point from, steady::time_point to, measurement& result) const {
    std::vector<float> late;
    for (const flood_lateness& tick : state_.ticks)
      if (tick.due >= from && tick.due < to) late.push_back(tick.microseconds);
    if (late.empty()) return;
    result.emplace_back(metric::late_p50, percentile(late, 0.50));
    result.emplace_back(metric::late_p99, percentile(late, 0.99));
    result.emplace_back(metric::late_p999, percentile(late, 0.999));
    result.emplace_back(metric::late_max, percentile(late, 1));
  }

 private:
  void stop() {
    state_.ending = true; // what fails from here on fails because of this
    A::stop(loop_);
    if (thread_.joinable()) thread_.join();
  }

  flood_server_state state_; // outlives the coroutines, which the loop destroys
  typename A::loop loop_;
  typename A::acceptor acceptor_;
  std::thread thread_;
};

template <server_adapter A>
measurement run_flood(const workload& work) {
  require_descriptors(2 * work.at_once + 128);
  prepare_credentials(work.tls.key); // before there are two processes: both must have the same
  std::vector<unique_fd> echo_clients, echo_servers;
  const bool probing = work.rate == as_many_as_it_takes; // only how many that are
  if (!probing)
    for (std::size_t i = 0; i < flood_echoes; ++i) {
      tcp_pair sockets = loopback().connect();
      echo_clients.push_back(std::move(sockets.client));
      echo_servers.push_back(std::move(sockets.server));
    }
  loopback address(1024);
  flood_plan plan;
  plan.key = work.tls.key;
  plan.port = address.port();
  plan.echoes = std::move(echo_clients);
  plan.messages_per_second = flood_messages_per_second;
  plan.rate = work.rate;
  plan.at_once = work.at_once;
  plan.warm_up = std::chrono::milliseconds(work.warm_up);
  plan.measured = std::chrono::milliseconds(work.amount);
  const client_process clients([&](const unique_fd& control) {
    unique_fd(std::move(address.release_listener())); // the server's
    echo_servers.clear();
    run_flood_clients(control, plan);
  });
  plan.echoes.clear(); // the other process has them

  std::optional<typename A::context> context;
  on_processor(1, [&] { context.emplace(role::server, work.tls); });
  const auto all_ticks = static_cast<std::size_t>((plan.warm_up + 3 * plan.measured) / flood_tick);
  flood_server<A> server(*context, address.release_listener(), std::move(echo_servers), all_ticks);

  measurement result;
  if (receive_value<bool>(clients.control())) {
    const auto start = steady::now() + std::chrono::milliseconds(10) + plan.warm_up;
    const auto end = start + plan.measured;
    send_value<std::int64_t>(clients.control(), std::chrono::nanoseconds(start.time_since_epoch()).count());
    std::this_thread::sleep_until(start);
    const double cpu_before = process_cpu_seconds(), loop_before = server.loop_cpu_seconds();
    const std::uint64_t handshakes_before = server.handshakes();
    std::this_thread::sleep_until(end);
    const double cpu = process_cpu_seconds() - cpu_before, loop = server.loop_cpu_seconds() - loop_before;
    const auto handshakes = static_cast<double>(server.handshakes() - handshakes_before);
    if (handshakes > 0) {
      result.emplace_back(metric::server_cpu, cpu / handshakes * 1e6);
      result.emplace_back(metric::loop_cpu, loop / handshakes * 1e6);
    }
    const auto report = receive_value<flood_report>(clients.control());
    server.finish();
    if (report.error[0] != '\0') throw std::runtime_error(report.error);
    const double seconds = std::chrono::duration<double>(plan.measured).count();
    if (work.rate > 0) {
      result.emplace_back(metric::handshakes, static_cast<double>(report.completed) / seconds);
      if (!probing)
        result.emplace_back(metric::handshakes_offered, static_cast<double>(report.offered) / seconds);
    }
    if (!probing) server.report_ticks(start, end, result);
    if (report.sent > 0) {
      result.emplace_back(metric::echo_p50, report.echo_p50);
      result.emplace_back(metric::echo_p99, report.echo_p99);
      result.emplace_back(metric::echo_p999, report.echo_p999);
      result.emplace_back(metric::echo_max, report.echo_max);
    }
    return result;
  }
  const auto report = receive_value<flood_report>(clients.control());
  server.finish();
  throw std::runtime_error(report.error);
}

} // namespace bench

#endif
