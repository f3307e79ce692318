// SPDX-License-Identifier: BSL-1.0
// Full handshakes, client and server on one thread; one after the other, or some at a time.
//
// One handshake is: make both streams, shake hands, let one byte through (the client has then seen the
// tickets), destroy both. The TCP connections are made beforehand and not measured. Threads that a stream
// uses besides are on the second processor.
#ifndef TLSMODE_BENCH_SCENARIOS_HANDSHAKE_HPP
#define TLSMODE_BENCH_SCENARIOS_HANDSHAKE_HPP

#include "ends.hpp"
#include "harness/usage.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace bench {

// Every step-th connection from the first one on.
struct handshake_turns {
  std::size_t first, step;
};

struct handshake_costs {
  usage before, used;
  std::exception_ptr failure;
};

template <stream_adapter A>
typename A::template task<void> handshake_server(typename A::loop& loop, typename A::context& context,
                                                 std::vector<unique_fd>& sockets, handshake_turns turns) {
  for (std::size_t i = turns.first; i < sockets.size(); i += turns.step) {
    typename A::connection connection = A::open(loop, context, std::move(sockets[i]));
    co_await A::handshake(connection, role::server);
    A::check(connection);
    co_await send_signal<A>(connection);
  }
}

template <stream_adapter A>
typename A::template task<void> handshake_client(typename A::loop& loop, typename A::context& context,
                                                 std::vector<unique_fd>& sockets, handshake_turns turns,
                                                 handshake_costs& costs) {
  for (std::size_t i = turns.first; i < sockets.size(); i += turns.step) {
    typename A::connection connection = A::open(loop, context, std::move(sockets[i]));
    co_await A::handshake(connection, role::client);
    A::check(connection);
    co_await await_signal<A>(connection);
  }
  costs.used = usage_now() - costs.before; // the last one's word counts
}

// Adds what the handshakes cost to used.
template <stream_adapter A>
void shake_hands(typename A::context& client_context, typename A::context& server_context,
                 std::uint64_t count, std::size_t at_once, usage& used) {
  constexpr std::uint64_t batch = 100; // connections open at a time
  loopback listener;
  while (count > 0) {
    std::vector<unique_fd> clients, servers;
    for (std::uint64_t i = 0; i < std::min(count, batch); ++i) {
      tcp_pair sockets = listener.connect();
      clients.push_back(std::move(sockets.client));
      servers.push_back(std::move(sockets.server));
    }
    count -= clients.size();
    handshake_costs costs;
    const auto note = [&costs](std::exception_ptr error) {
      if (error && !costs.failure) costs.failure = error;
    };
    run_ends<A>(
        placement::one_thread,
        [&](typename A::loop& loop) {
          costs.before = usage_now();
          for (std::size_t i = 1; i < at_once; ++i)
            A::spawn(loop, handshake_client<A>(loop, client_context, clients, {i, at_once}, costs), note);
          return handshake_client<A>(loop, client_context, clients, {0, at_once}, costs);
        },
        [&](typename A::loop& loop) {
          for (std::size_t i = 1; i < at_once; ++i)
            A::spawn(loop, handshake_server<A>(loop, server_context, servers, {i, at_once}), note);
          return handshake_server<A>(loop, server_context, servers, {0, at_once});
        });
    if (costs.failure) std::rethrow_exception(costs.failure);
    usage& one = costs.used;
    one.wall_seconds += used.wall_seconds; // one batch after the other
    used = used + one;
  }
}

template <stream_adapter A>
measurement run_handshake(const workload& work) {
  std::optional<typename A::context> made;
  on_processor(1, [&] { made.emplace(role::server, work.key); });
  typename A::context &server_context = *made, client_context(role::client, work.key);
  const auto at_once = static_cast<std::size_t>(work.at_once);
  usage warm_up, used;
  shake_hands<A>(client_context, server_context, work.warm_up, at_once, warm_up);
  const double cpu_before = process_cpu_seconds();
  shake_hands<A>(client_context, server_context, work.amount, at_once, used);
  const double cpu = process_cpu_seconds() - cpu_before;
  const auto count = static_cast<double>(work.amount);
  measurement result{{metric::handshakes, count / used.wall_seconds}};
  if (at_once > 1) { // also for what other threads do
    result.emplace_back(metric::server_cpu, cpu / count * 1e6);
    result.emplace_back(metric::loop_cpu, used.cpu_seconds / count * 1e6);
    return result;
  }
  result.emplace_back(metric::handshake_cpu, used.cpu_seconds / count * 1e6);
  if (counters_available()) {
    result.emplace_back(metric::system_calls_handshake, static_cast<double>(used.system_calls()) / count);
    result.emplace_back(metric::allocations_handshake, static_cast<double>(used.allocations) / count);
  }
  if (used.instructions)
    result.emplace_back(metric::instructions_handshake, static_cast<double>(*used.instructions) / count);
  return result;
}

} // namespace bench

#endif
