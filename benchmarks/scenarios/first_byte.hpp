// SPDX-License-Identifier: BSL-1.0
// An answer over a slow link, on a new connection each time: how long until the client's program has its
// first byte, and until it has the last one. A record cannot be read before all of it is there.
#ifndef TLSMODE_BENCH_SCENARIOS_FIRST_BYTE_HPP
#define TLSMODE_BENCH_SCENARIOS_FIRST_BYTE_HPP

#include "bulk.hpp"
#include "harness/paced_relay.hpp"
#include "harness/statistics.hpp"

#include <chrono>
#include <vector>

namespace bench {

struct answer_times {
  std::vector<float> first, last; // milliseconds
};

template <stream_adapter A>
typename A::template task<void> first_byte_server(typename A::loop& loop, typename A::context& context,
                                                  unique_fd fd, const workload& work) {
  typename A::connection connection = A::open(loop, context, std::move(fd));
  co_await A::handshake(connection, role::server);
  A::check(connection);
  const std::vector<std::byte> answer = bulk_pattern(work.write_size);
  co_await await_signal<A>(connection);
  co_await A::write_all(connection, answer);
  co_await await_signal<A>(connection);
}

template <stream_adapter A>
typename A::template task<void> first_byte_client(typename A::loop& loop, typename A::context& context,
                                                  unique_fd fd, const workload& work, answer_times& times) {
  using clock = std::chrono::steady_clock;
  using milliseconds = std::chrono::duration<float, std::milli>;
  typename A::connection connection = A::open(loop, context, std::move(fd));
  co_await A::handshake(connection, role::client);
  A::check(connection);
  const std::vector<std::byte> pattern = bulk_pattern(work.write_size);
  std::vector<std::byte> buffer(work.read_size);
  const auto asked = clock::now();
  co_await send_signal<A>(connection);
  for (std::size_t received = 0; received < pattern.size();) {
    const std::size_t n = co_await A::read_some(connection, buffer);
    if (received == 0) times.first.push_back(milliseconds(clock::now() - asked).count());
    compare_with_pattern(std::span(buffer).first(n), received, pattern);
    received += n;
  }
  times.last.push_back(milliseconds(clock::now() - asked).count());
  co_await send_signal<A>(connection);
}

template <stream_adapter A>
measurement run_first_byte(const workload& work) {
  typename A::context server_context(role::server, work.tls), client_context(role::client, work.tls);
  answer_times times;
  for (std::uint64_t i = 0; i < work.amount; ++i) {
    paced_relay link(work.rate);
    run_ends<A>(
        work.where,
        [&](typename A::loop& loop) {
          return first_byte_client<A>(loop, client_context, std::move(link.ends.client), work, times);
        },
        [&](typename A::loop& loop) {
          return first_byte_server<A>(loop, server_context, std::move(link.ends.server), work);
        });
  }
  return {{metric::first_byte, percentile(times.first, 0.5)},
          {metric::last_byte, percentile(times.last, 0.5)}};
}

} // namespace bench

#endif
