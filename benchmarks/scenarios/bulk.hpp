// SPDX-License-Identifier: BSL-1.0
// One connection, one direction: the server writes as fast as it can, the client reads as fast as it can.
//
// The bytes are compared during the warm-up, so that a stream that corrupts data is not measured; in the
// measured part the reader only counts them.
#ifndef TLSMODE_BENCH_SCENARIOS_BULK_HPP
#define TLSMODE_BENCH_SCENARIOS_BULK_HPP

#include "ends.hpp"
#include "harness/usage.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace bench {

// A pattern whose period is no power of two, so that swapped or shifted records do not look right.
inline std::vector<std::byte> bulk_pattern(std::size_t size) {
  std::vector<std::byte> pattern(size);
  for (std::size_t i = 0; i < size; ++i) pattern[i] = static_cast<std::byte>(i % 251);
  return pattern;
}

// Throws unless what was read is what the sender writes at this place in its stream.
inline void compare_with_pattern(std::span<const std::byte> read, std::uint64_t offset,
                                 std::span<const std::byte> pattern) {
  while (!read.empty()) {
    const auto at = static_cast<std::size_t>(offset % pattern.size());
    const std::size_t size = std::min(read.size(), pattern.size() - at);
    if (std::memcmp(read.data(), pattern.data() + at, size) != 0)
      throw std::runtime_error("the received bytes differ from the sent ones");
    read = read.subspan(size);
    offset += size;
  }
}

template <stream_adapter A>
typename A::template task<void> bulk_server(typename A::loop& loop, typename A::context& context,
                                            unique_fd fd, const workload& work, usage& used) {
  typename A::connection connection = A::open(loop, context, std::move(fd));
  co_await A::handshake(connection, role::server);
  A::check(connection);
  const std::vector<std::byte> pattern = bulk_pattern(work.write_size);
  for (std::uint64_t sent = 0; sent < work.warm_up; sent += pattern.size())
    co_await A::write_all(connection, pattern);
  co_await await_signal<A>(connection);
  const usage before = usage_now();
  for (std::uint64_t sent = 0; sent < work.amount; sent += pattern.size())
    co_await A::write_all(connection, pattern);
  used = usage_now() - before;
  co_await await_signal<A>(connection); // the reader has everything: closing now harms nothing
}

template <stream_adapter A>
typename A::template task<void> bulk_client(typename A::loop& loop, typename A::context& context,
                                            unique_fd fd, const workload& work, usage& used) {
  typename A::connection connection = A::open(loop, context, std::move(fd));
  co_await A::handshake(connection, role::client);
  A::check(connection);
  const std::vector<std::byte> pattern = bulk_pattern(work.write_size);
  std::vector<std::byte> buffer(work.read_size);
  for (std::uint64_t received = 0; received < work.warm_up;) {
    const std::size_t size = co_await A::read_some(connection, buffer);
    compare_with_pattern(std::span(buffer).first(size), received, pattern);
    received += size;
  }
  const usage before = usage_now();
  co_await send_signal<A>(connection);
  for (std::uint64_t received = 0; received < work.amount;)
    received += co_await A::read_some(connection, buffer);
  used = usage_now() - before;
  co_await send_signal<A>(connection);
}

template <stream_adapter A>
measurement run_bulk(const workload& requested) {
  workload work = requested; // whole writes only: both ends must agree on the sum
  const auto whole_writes = [&](std::uint64_t bytes) {
    return (bytes + work.write_size - 1) / work.write_size * work.write_size;
  };
  work.amount = whole_writes(work.amount);
  work.warm_up = whole_writes(work.warm_up);

  typename A::context server_context(role::server, work.tls), client_context(role::client, work.tls);
  tcp_pair sockets = loopback().connect();
  usage sender, receiver;
  run_ends<A>(
      work.where,
      [&](typename A::loop& loop) {
        return bulk_client<A>(loop, client_context, std::move(sockets.client), work, receiver);
      },
      [&](typename A::loop& loop) {
        return bulk_server<A>(loop, server_context, std::move(sockets.server), work, sender);
      });

  const bool apart = work.where == placement::two_threads;
  const usage both = apart ? sender + receiver : receiver; // one thread: its figures hold both ends
  const double bytes = static_cast<double>(work.amount);
  const double gigabytes = bytes / 1e9, mebibytes = bytes / (1024.0 * 1024.0);
  measurement result{
      {metric::throughput, bytes / 1e6 / receiver.wall_seconds},
      {metric::bytes_per_cpu, bytes / 1e6 / both.cpu_seconds},
      {metric::cpu_both, both.cpu_seconds / gigabytes},
  };
  if (apart) {
    result.emplace_back(metric::cpu_send, sender.cpu_seconds / gigabytes);
    result.emplace_back(metric::cpu_receive, receiver.cpu_seconds / gigabytes);
  }
  if (counters_available()) {
    // On one thread the two ends' calls are still told apart by their direction.
    const std::uint64_t sent = apart ? sender.transport_calls() : both.sends;
    const std::uint64_t received = apart ? receiver.transport_calls() : both.receives;
    result.emplace_back(metric::transport_calls_send, static_cast<double>(sent) / mebibytes);
    result.emplace_back(metric::transport_calls_receive, static_cast<double>(received) / mebibytes);
    result.emplace_back(metric::system_calls_mib, static_cast<double>(both.system_calls()) / mebibytes);
    result.emplace_back(metric::allocations_mib, static_cast<double>(both.allocations) / mebibytes);
  }
  if (both.instructions)
    result.emplace_back(metric::instructions_byte, static_cast<double>(*both.instructions) / bytes);
  return result;
}

} // namespace bench

#endif
