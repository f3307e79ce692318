// SPDX-License-Identifier: BSL-1.0
// What a scenario is asked to do and what it answers: the words that scenarios, streams and reports share.
#ifndef TLSMODE_BENCH_MEASUREMENT_HPP
#define TLSMODE_BENCH_MEASUREMENT_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

enum class scenario : std::uint8_t { bulk, pingpong, handshake, idle, flood, offload };

// Where the two ends of a connection run: each on its own pinned thread with its own event loop, or
// both on one thread and one loop (nothing ever sleeps there, so it shows the cost of the code alone).
enum class placement : std::uint8_t { two_threads, one_thread };

// The server's key, and so who has how much to do in a handshake.
enum class server_key : std::uint8_t { ecdsa_p256, rsa_2048, rsa_4096 };

struct workload {
  scenario kind = scenario::bulk;
  placement where = placement::two_threads;
  std::size_t write_size = 0; // bytes per write operation
  std::size_t read_size = 0;  // bytes of the buffer that a read operation is given
  std::uint64_t amount = 0;   // bytes (bulk), round trips, handshakes, connections, milliseconds (flood)
  std::uint64_t warm_up = 0;  // the same unit; done first and not measured
  server_key key = server_key::ecdsa_p256;
  std::uint64_t at_once = 1; // handshakes that are under way together; flood: at most
  double load = 0;           // flood: handshakes offered, as a multiple of what the baseline can do
  double rate = 0;           // flood: the same per second; 0: as many as the server takes
};

enum class metric : std::uint8_t {
  // bulk
  throughput,
  bytes_per_cpu,
  cpu_both,
  cpu_send,
  cpu_receive,
  transport_calls_send,
  transport_calls_receive,
  system_calls_mib,
  allocations_mib,
  instructions_byte,
  // ping-pong
  round_trips,
  round_trip_time,
  round_trip_cpu,
  latency_p50,
  latency_p99,
  transport_calls_message,
  system_calls_message,
  allocations_message,
  instructions_message,
  // handshake
  handshakes,
  handshake_cpu,
  instructions_handshake,
  system_calls_handshake,
  allocations_handshake,
  // flood, offload
  handshakes_offered,
  echo_p50,
  echo_p99,
  echo_p999,
  echo_max,
  late_p50,
  late_p99,
  late_p999,
  late_max,
  server_cpu,
  loop_cpu,
  // idle
  idle_heap,
  last_
};

struct metric_description {
  std::string_view key;  // in the CSV
  std::string_view name; // in tables
  std::string_view unit;
  int decimals;
};

const metric_description& describe(metric which) noexcept;

using measurement = std::vector<std::pair<metric, double>>;

} // namespace bench

#endif
