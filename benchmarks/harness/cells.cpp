// SPDX-License-Identifier: BSL-1.0
// The list of cells. See cells.hpp; README.md says in words what each measures.
#include "cells.hpp"

namespace bench {
namespace {

constexpr std::size_t kib = 1024, mib = 1024 * 1024;
using enum goal::kind;

// Transport calls per MiB: 64 full records, and what TCP's own pace adds.
const goal few_sends{metric::transport_calls_send, count_at_most, 80};
const goal few_receives{metric::transport_calls_receive, count_at_most, 80};

workload bulk(std::size_t write_size, std::size_t read_size, placement where = placement::two_threads) {
  return {scenario::bulk, where, write_size, read_size, 64 * mib, 32 * mib};
}

workload pingpong(placement where) { return {scenario::pingpong, where, 64, 64, 4000, 1000}; }

const std::vector<cell> cells{
    {"bulk-1m",
     "bulk: 1 MiB writes, 1 MiB read buffer, two threads",
     bulk(mib, mib),
     false,
     false,
     {{metric::bytes_per_cpu, ratio_at_least, 1.3}, few_sends, few_receives}},
    {"bulk-1m-r64k",
     "bulk: 1 MiB writes, 64 KiB read buffer, two threads",
     bulk(mib, 64 * kib),
     false,
     false,
     {}},
    {"bulk-16k",
     "bulk: 16 KiB writes, 1 MiB read buffer, two threads",
     bulk(16 * kib, mib),
     false,
     false,
     {}},
    {"bulk-1m-1t",
     "bulk: 1 MiB writes, 1 MiB read buffer, both ends on one thread",
     bulk(mib, mib, placement::one_thread),
     false,
     false,
     {{metric::bytes_per_cpu, ratio_at_least, 1.3}}},
    {"pingpong",
     "ping-pong: 64-byte messages, two threads",
     pingpong(placement::two_threads),
     false,
     false,
     {{metric::round_trip_time, ratio_at_most, 0.85}}},
    {"pingpong-1t",
     "ping-pong: 64-byte messages, both ends on one thread",
     pingpong(placement::one_thread),
     false,
     false,
     {{metric::round_trip_time, ratio_at_most, 0.85}}},
    {"handshake",
     "full handshakes, both ends on one thread",
     {scenario::handshake, placement::one_thread, 0, 0, 200, 50},
     false,
     true,
     {}},
    {"idle",
     "idle server connections with a read outstanding, slope over 200 to 1000",
     {scenario::idle, placement::two_threads, 0, 0, 1000, 200},
     true,
     false,
     {{metric::idle_heap, count_at_most, 16000}}},
};

} // namespace

std::span<const cell> all_cells() { return cells; }

std::vector<const cell*> find_cells(std::string_view text) {
  std::vector<const cell*> found;
  for (const cell& one : cells) {
    if (one.key == text) return {&one};
    if (one.key.starts_with(text) && one.key[text.size()] == '-') found.push_back(&one);
  }
  return found;
}

} // namespace bench
