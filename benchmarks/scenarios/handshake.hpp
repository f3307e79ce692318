// SPDX-License-Identifier: BSL-1.0
// Full handshakes, one after the other, client and server on one thread.
//
// One handshake is: make both streams, shake hands, let one byte through (the client has then seen the
// tickets), destroy both. The TCP connections are made beforehand and not measured.
#ifndef TLSMODE_BENCH_SCENARIOS_HANDSHAKE_HPP
#define TLSMODE_BENCH_SCENARIOS_HANDSHAKE_HPP

#include "ends.hpp"
#include "harness/usage.hpp"

#include <algorithm>
#include <vector>

namespace bench {

template <stream_adapter A>
typename A::template task<void> handshake_server(typename A::loop& loop, typename A::context& context,
                                                 std::vector<unique_fd>& sockets) {
  for (unique_fd& fd : sockets) {
    typename A::connection connection = A::open(loop, context, std::move(fd));
    co_await A::handshake(connection, role::server);
    A::check(connection);
    co_await send_signal<A>(connection);
  }
}

template <stream_adapter A>
typename A::template task<void> handshake_client(typename A::loop& loop, typename A::context& context,
                                                 std::vector<unique_fd>& sockets, usage& used) {
  const usage before = usage_now();
  for (unique_fd& fd : sockets) {
    typename A::connection connection = A::open(loop, context, std::move(fd));
    co_await A::handshake(connection, role::client);
    A::check(connection);
    co_await await_signal<A>(connection);
  }
  used = usage_now() - before;
}

// Adds what the handshakes cost to used.
template <stream_adapter A>
void shake_hands(typename A::context& client_context, typename A::context& server_context,
                 std::uint64_t count, usage& used) {
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
    usage one;
    run_ends<A>(
        placement::one_thread,
        [&](typename A::loop& loop) { return handshake_client<A>(loop, client_context, clients, one); },
        [&](typename A::loop& loop) { return handshake_server<A>(loop, server_context, servers); });
    one.wall_seconds += used.wall_seconds; // one batch after the other
    used = used + one;
  }
}

template <stream_adapter A>
measurement run_handshake(const workload& work) {
  typename A::context server_context(role::server), client_context(role::client);
  usage warm_up, used;
  shake_hands<A>(client_context, server_context, work.warm_up, warm_up);
  shake_hands<A>(client_context, server_context, work.amount, used);
  const auto count = static_cast<double>(work.amount);
  measurement result{
      {metric::handshakes, count / used.wall_seconds},
      {metric::handshake_cpu, used.cpu_seconds / count * 1e6},
  };
  if (counters_available()) {
    result.emplace_back(metric::system_calls_handshake, static_cast<double>(used.system_calls()) / count);
    result.emplace_back(metric::allocations_handshake, static_cast<double>(used.allocations) / count);
  }
  return result;
}

} // namespace bench

#endif
