// SPDX-License-Identifier: BSL-1.0
// One connection, one small message at a time: the client writes it, the server writes it back.
#ifndef TLSMODE_BENCH_SCENARIOS_PINGPONG_HPP
#define TLSMODE_BENCH_SCENARIOS_PINGPONG_HPP

#include "ends.hpp"
#include "harness/statistics.hpp"
#include "harness/usage.hpp"

#include <chrono>
#include <cstring>
#include <vector>

namespace bench {

template <stream_adapter A>
typename A::template task<void> pingpong_server(typename A::loop& loop, typename A::context& context,
                                                unique_fd fd, const workload& work, usage& used) {
  typename A::connection connection = A::open(loop, context, std::move(fd));
  co_await A::handshake(connection, role::server);
  A::check(connection);
  std::vector<std::byte> message(work.write_size);
  usage before = usage_now();
  for (std::uint64_t trip = 0; trip < work.warm_up + work.amount; ++trip) {
    if (trip == work.warm_up) before = usage_now();
    for (std::size_t filled = 0; filled < message.size();)
      filled += co_await A::read_some(connection, std::span(message).subspan(filled));
    co_await A::write_all(connection, message);
  }
  used = usage_now() - before;
  co_await await_signal<A>(connection);
}

template <stream_adapter A>
typename A::template task<void> pingpong_client(typename A::loop& loop, typename A::context& context,
                                                unique_fd fd, const workload& work, usage& used,
                                                std::vector<float>& microseconds) {
  typename A::connection connection = A::open(loop, context, std::move(fd));
  co_await A::handshake(connection, role::client);
  A::check(connection);
  std::vector<std::byte> message(work.write_size), reply(work.write_size);
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::byte>(i);
  usage before = usage_now();
  auto last = std::chrono::steady_clock::now();
  for (std::uint64_t trip = 0; trip < work.warm_up + work.amount; ++trip) {
    if (trip == work.warm_up) {
      before = usage_now();
      last = std::chrono::steady_clock::now();
    }
    co_await A::write_all(connection, message);
    for (std::size_t filled = 0; filled < reply.size();)
      filled += co_await A::read_some(connection, std::span(reply).subspan(filled));
    if (std::memcmp(reply.data(), message.data(), message.size()) != 0)
      throw std::runtime_error("the reply differs from the message");
    const auto now = std::chrono::steady_clock::now();
    if (trip >= work.warm_up)
      microseconds.push_back(std::chrono::duration<float, std::micro>(now - last).count());
    last = now;
  }
  used = usage_now() - before;
  co_await send_signal<A>(connection);
}

template <stream_adapter A>
measurement run_pingpong(const workload& work) {
  typename A::context server_context(role::server, work.tls), client_context(role::client, work.tls);
  tcp_pair sockets = loopback().connect();
  usage server, client;
  std::vector<float> microseconds;
  microseconds.reserve(static_cast<std::size_t>(work.amount)); // no allocation while measuring
  run_ends<A>(
      work.where,
      [&](typename A::loop& loop) {
        return pingpong_client<A>(loop, client_context, std::move(sockets.client), work, client,
                                  microseconds);
      },
      [&](typename A::loop& loop) {
        return pingpong_server<A>(loop, server_context, std::move(sockets.server), work, server);
      });

  const usage both = work.where == placement::two_threads ? client + server : client;
  const auto trips = static_cast<double>(work.amount);
  const double messages = 2 * trips;
  measurement result{
      {metric::round_trips, trips / client.wall_seconds},
      {metric::round_trip_time, client.wall_seconds / trips * 1e6},
      {metric::latency_p50, percentile(microseconds, 0.50)},
      {metric::latency_p99, percentile(microseconds, 0.99)},
      {metric::round_trip_cpu, both.cpu_seconds / trips * 1e6},
  };
  if (counters_available()) {
    result.emplace_back(metric::transport_calls_message,
                        static_cast<double>(both.transport_calls()) / messages);
    result.emplace_back(metric::system_calls_message, static_cast<double>(both.system_calls()) / messages);
    result.emplace_back(metric::allocations_message, static_cast<double>(both.allocations) / messages);
    result.emplace_back(metric::own_allocations_message,
                        static_cast<double>(both.own_allocations()) / messages);
  }
  if (both.instructions)
    result.emplace_back(metric::instructions_message, static_cast<double>(*both.instructions) / messages);
  return result;
}

} // namespace bench

#endif
