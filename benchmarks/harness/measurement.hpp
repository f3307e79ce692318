// SPDX-License-Identifier: BSL-1.0
// What a scenario is asked to do and what it answers: the words that scenarios, streams and reports share.
#ifndef TLSMODE_BENCH_MEASUREMENT_HPP
#define TLSMODE_BENCH_MEASUREMENT_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

enum class scenario : std::uint8_t {
  bulk,
  pingpong,
  sequence,
  first_byte,
  handshake,
  idle,
  scale,
  flood,
  offload
};

// Where the two ends of a connection run: each on its own pinned thread with its own event loop, or
// both on one thread and one loop (nothing ever sleeps there, so it shows the cost of the code alone).
enum class placement : std::uint8_t { two_threads, one_thread };

// The server's key, and so who has how much to do in a handshake.
enum class server_key : std::uint8_t { ecdsa_p256, rsa_2048, rsa_4096 };

enum class tls_version : std::uint8_t { tls1_2, tls1_3 };
enum class aead : std::uint8_t { aes_128_gcm, aes_256_gcm, chacha20_poly1305 };

// What the two ends of a connection agree on. See harness/tls_settings.hpp.
struct tls_parameters {
  constexpr tls_parameters() noexcept = default;
  constexpr tls_parameters(server_key kind) noexcept : key(kind) {} // all else as usual

  server_key key = server_key::ecdsa_p256;
  tls_version version = tls_version::tls1_3;
  aead cipher = aead::aes_128_gcm;
  std::uint8_t tickets = 2; // that a TLS 1.3 server sends after a full handshake
  bool resume = false;      // the client keeps a session, and can offer it
  bool cached = false;      // the server keeps its sessions and sends no more than their names
};

constexpr double as_many_as_it_takes = std::numeric_limits<double>::infinity();

struct workload {
  scenario kind = scenario::bulk;
  placement where = placement::two_threads;
  std::size_t write_size = 0; // bytes per write operation
  std::size_t read_size = 0;  // bytes of the buffer that a read operation is given
  std::uint64_t amount =
      0; // bytes (bulk), round trips, sequences, answers, handshakes, connections, milliseconds (flood)
  std::uint64_t warm_up = 0; // the same unit; done first and not measured
  tls_parameters tls{};
  std::vector<std::size_t> pieces{}; // sequence: bytes of each buffer
  std::uint64_t at_once = 1;         // handshakes that are under way together; flood: at most
  double load = 0;                   // flood: handshakes offered, as a multiple of what the baseline can do
  double rate = 0;                   // flood: the same per second, or as_many_as_it_takes
                                     // first_byte: bytes per second of the link
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
  // sequences
  sequences,
  sequence_cpu,
  records_sequence,
  sends_sequence,
  receives_sequence,
  allocations_sequence,
  own_allocations_sequence,
  // ping-pong
  round_trips,
  round_trip_time,
  round_trip_cpu,
  latency_p50,
  latency_p99,
  transport_calls_message,
  system_calls_message,
  allocations_message,
  own_allocations_message,
  instructions_message,
  fraction_of_limit, // bulk as well; see harness/limit.hpp
  // first_byte
  first_byte,
  last_byte,
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
  // idle, scale
  idle_heap,
  busy_heap,
  heap_100,
  heap_1k,
  heap_10k,
  message_cpu_100,
  message_cpu_1k,
  message_cpu_10k,
  message_cpu_growth,
  kernel_memory,
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
