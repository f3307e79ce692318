// SPDX-License-Identifier: BSL-1.0
// One connection, one direction: the server writes the same sequence of small buffers again and again, each
// time with one gathered write; the client reads. Both ends are where the workload says.
//
// In the warm-up each sequence is answered before the next one and its bytes are compared. There the records
// and the sends are counted: counting records costs time, and in the measured part a send may find no room.
#ifndef TLSMODE_BENCH_SCENARIOS_SEQUENCE_HPP
#define TLSMODE_BENCH_SCENARIOS_SEQUENCE_HPP

#include "bulk.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

namespace bench {

struct sequence_costs {
  usage used;
  double records = 0; // per sequence; 0: nobody counted them
  double sends = 0;
};

inline std::size_t sequence_size(const workload& work) {
  return std::accumulate(work.pieces.begin(), work.pieces.end(), std::size_t{0});
}

template <sequence_adapter A>
typename A::template task<void> sequence_server(typename A::loop& loop, typename A::context& context,
                                                unique_fd fd, const workload& work, sequence_costs& costs) {
  typename A::connection connection = A::open(loop, context, std::move(fd));
  co_await A::handshake(connection, role::server);
  A::check(connection);
  const std::vector<std::byte> pattern = bulk_pattern(sequence_size(work));
  std::vector<std::vector<std::byte>> apart; // blocks of their own, as buffers of a program are
  std::vector<std::span<const std::byte>> buffers;
  for (std::size_t at = 0; const std::size_t size : work.pieces) {
    const auto from = pattern.begin() + static_cast<std::ptrdiff_t>(at);
    apart.emplace_back(from, from + static_cast<std::ptrdiff_t>(size));
    at += size;
  }
  buffers.assign(apart.begin(), apart.end());
  const usage at_first = usage_now();
  std::optional<record_counter> records;
  if constexpr (openssl_adapter<A>) records.emplace(A::native(connection));
  for (std::uint64_t i = 0; i < work.warm_up; ++i) {
    co_await A::write_sequence(connection, buffers);
    co_await await_signal<A>(connection);
  }
  if (work.warm_up > 0) {
    const auto count = static_cast<double>(work.warm_up);
    if (records) costs.records = static_cast<double>(records->count()) / count;
    records.reset();
    costs.sends = static_cast<double>((usage_now() - at_first).sends) / count;
    // On one thread the client's answers are among them: a byte each, and so a send each.
    if (work.where == placement::one_thread) costs.sends -= 1;
  }
  const usage before = usage_now();
  for (std::uint64_t i = 0; i < work.amount; ++i) co_await A::write_sequence(connection, buffers);
  costs.used = usage_now() - before;
  co_await await_signal<A>(connection); // the reader has everything
}

template <sequence_adapter A>
typename A::template task<void> sequence_client(typename A::loop& loop, typename A::context& context,
                                                unique_fd fd, const workload& work, usage& used) {
  typename A::connection connection = A::open(loop, context, std::move(fd));
  co_await A::handshake(connection, role::client);
  A::check(connection);
  const std::vector<std::byte> pattern = bulk_pattern(sequence_size(work));
  std::vector<std::byte> buffer(std::max(work.read_size, pattern.size()));
  usage before = usage_now();
  for (std::uint64_t i = 0; i < work.warm_up; ++i) {
    const auto one = std::span(buffer).first(pattern.size());
    co_await read_all<A>(connection, one);
    compare_with_pattern(one, 0, pattern);
    before = usage_now(); // before the server goes on
    co_await send_signal<A>(connection);
  }
  const std::uint64_t bytes = work.amount * pattern.size();
  for (std::uint64_t received = 0; received < bytes;) received += co_await A::read_some(connection, buffer);
  used = usage_now() - before;
  co_await send_signal<A>(connection);
}

template <sequence_adapter A>
measurement run_sequence(const workload& work) {
  typename A::context server_context(role::server, work.tls), client_context(role::client, work.tls);
  tcp_pair sockets = loopback().connect();
  sequence_costs sender;
  usage receiver;
  run_ends<A>(
      work.where,
      [&](typename A::loop& loop) {
        return sequence_client<A>(loop, client_context, std::move(sockets.client), work, receiver);
      },
      [&](typename A::loop& loop) {
        return sequence_server<A>(loop, server_context, std::move(sockets.server), work, sender);
      });

  const bool apart = work.where == placement::two_threads;
  const usage both = apart ? sender.used + receiver : receiver;
  const auto count = static_cast<double>(work.amount);
  measurement result{
      {metric::sequences, count / receiver.wall_seconds},
      {metric::sequence_cpu, both.cpu_seconds / count * 1e6},
  };
  if (sender.records > 0) result.emplace_back(metric::records_sequence, sender.records);
  if (counters_available()) {
    if (sender.sends > 0) result.emplace_back(metric::sends_sequence, sender.sends);
    result.emplace_back(metric::receives_sequence, static_cast<double>(both.receives) / count);
    result.emplace_back(metric::allocations_sequence, static_cast<double>(both.allocations) / count);
    result.emplace_back(metric::own_allocations_sequence,
                        static_cast<double>(both.own_allocations()) / count);
  }
  return result;
}

} // namespace bench

#endif
