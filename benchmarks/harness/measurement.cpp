// SPDX-License-Identifier: BSL-1.0
// Names and units of the metrics. See measurement.hpp.
#include "measurement.hpp"

#include <array>

namespace bench {
namespace {

// In the order of enum metric.
constexpr std::array<metric_description, static_cast<std::size_t>(metric::last_)> descriptions{{
    {"throughput", "throughput", "MB/s", 0},
    {"bytes_per_cpu", "throughput per CPU second, both ends", "MB/s", 0},
    {"cpu_both", "CPU time, both ends", "s/GB", 3},
    {"cpu_send", "CPU time, sender", "s/GB", 3},
    {"cpu_receive", "CPU time, receiver", "s/GB", 3},
    {"transport_calls_send", "transport calls, sender", "1/MiB", 1},
    {"transport_calls_receive", "transport calls, receiver", "1/MiB", 1},
    {"system_calls_mib", "system calls, both ends", "1/MiB", 1},
    {"allocations_mib", "heap allocations, both ends", "1/MiB", 2},
    {"instructions_byte", "instructions, both ends", "1/byte", 3},
    {"sequences", "buffer sequences", "1/s", 0},
    {"sequence_cpu", "CPU time per sequence, both ends", "us", 2},
    {"records_sequence", "TLS records per sequence", "", 2},
    {"sends_sequence", "send calls per sequence", "", 2},
    {"receives_sequence", "receive calls per sequence", "", 2},
    {"allocations_sequence", "heap allocations per sequence, both ends", "", 2},
    {"own_allocations_sequence", "heap allocations per sequence but OpenSSL's", "", 2},
    {"round_trips", "round trips", "1/s", 0},
    {"round_trip_time", "round trip, mean", "us", 2},
    {"round_trip_cpu", "CPU time per round trip, both ends", "us", 2},
    {"latency_p50", "round trip, p50", "us", 2},
    {"latency_p99", "round trip, p99", "us", 2},
    {"transport_calls_message", "transport calls per message", "", 2},
    {"system_calls_message", "system calls per message", "", 2},
    {"allocations_message", "heap allocations per message", "", 2},
    {"own_allocations_message", "heap allocations per message but OpenSSL's", "", 2},
    {"instructions_message", "instructions per message", "", 0},
    {"fraction_of_limit", "fraction of the limit (F)", "", 2},
    {"first_byte", "first byte of the answer, p50", "ms", 2},
    {"last_byte", "last byte of the answer, p50", "ms", 2},
    {"handshakes", "handshakes", "1/s", 0},
    {"handshake_cpu", "CPU time per handshake, both ends", "us", 1},
    {"instructions_handshake", "instructions per handshake, both ends", "", 0},
    {"system_calls_handshake", "system calls per handshake, both ends", "", 1},
    {"allocations_handshake", "heap allocations per handshake, both ends", "", 0},
    {"handshakes_offered", "handshakes offered", "1/s", 0},
    {"echo_p50", "echo of 64 bytes, p50", "us", 0},
    {"echo_p99", "echo of 64 bytes, p99", "us", 0},
    {"echo_p999", "echo of 64 bytes, p99.9", "us", 0},
    {"echo_max", "echo of 64 bytes, longest", "us", 0},
    {"late_p50", "lateness of a 1 ms timer, p50", "us", 0},
    {"late_p99", "lateness of a 1 ms timer, p99", "us", 0},
    {"late_p999", "lateness of a 1 ms timer, p99.9", "us", 0},
    {"late_max", "lateness of a 1 ms timer, longest", "us", 0},
    {"server_cpu", "CPU time of the server per handshake", "us", 0},
    {"loop_cpu", "the same, of the loop's thread alone", "us", 0},
    {"idle_heap", "heap per idle server connection", "bytes", 0},
    {"busy_heap", "heap per server connection, 10 % busy", "bytes", 0},
    {"heap_100", "heap per server connection, 100 connections", "bytes", 0},
    {"heap_1k", "the same, 1,000 connections", "bytes", 0},
    {"heap_10k", "the same, 10,000 connections", "bytes", 0},
    {"message_cpu_100", "CPU time of the server per message, 100 connections", "us", 2},
    {"message_cpu_1k", "the same, 1,000 connections", "us", 2},
    {"message_cpu_10k", "the same, 10,000 connections", "us", 2},
    {"message_cpu_growth", "the last of these / the first", "", 2},
    {"kernel_memory", "kernel memory per connection, both ends", "bytes", 0},
}};

} // namespace

const metric_description& describe(metric which) noexcept {
  return descriptions[static_cast<std::size_t>(which)];
}

} // namespace bench
