// SPDX-License-Identifier: BSL-1.0
// The list of cells. See cells.hpp; README.md says in words what each measures.
#include "cells.hpp"

#include <algorithm>

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

// A server that has to take load times as many handshakes as boost::asio::ssl::stream can.
workload flood(double load, server_key key) {
  workload work{scenario::flood, placement::two_threads, 64, 64, 1000, 200};
  work.key = key;
  work.at_once = 256;
  work.load = load;
  return work;
}

// Handshakes with a signature that is worth a way to another thread.
workload offload(scenario kind) {
  workload work{kind, kind == scenario::offload ? placement::two_threads : placement::one_thread, 0, 0, 128,
                64};
  work.key = server_key::rsa_2048;
  work.at_once = 64;
  return work;
}

const comparison with_limit{&asio_ssl_stream, {&tlsmode_stream}, {&plain_tcp_stream}};
const comparison of_streams{&asio_ssl_stream, {&tlsmode_stream}, {}};

// The same and all other people's streams; in the cells that say most, as each stream takes its time.
comparison with_further(comparison streams) {
  streams.beside.insert(streams.beside.end(), further_streams().begin(), further_streams().end());
  return streams;
}

const comparison of_servers{
    &asio_ssl_stream, {&tlsmode_signer_stream, &tlsmode_job_threads_stream, &tlsmode_stream}, {}};
const comparison of_jobs{&tlsmode_stream, {&tlsmode_async_stream}, {}};
const comparison of_signers{
    &tlsmode_stream, {&tlsmode_signer_stream, &tlsmode_job_threads_stream}, {&asio_ssl_stream}};

cell flood_cell(std::string_view key, std::string_view title, double load, server_key kind) {
  return {key, title, flood(load, kind), false, of_servers, {{metric::late_p999, ratio_at_most, 0.2}}};
}

const std::vector<cell> cells{
    {"bulk-1m",
     "bulk: 1 MiB writes, 1 MiB read buffer, two threads",
     bulk(mib, mib),
     false,
     with_further(with_limit),
     {{metric::bytes_per_cpu, ratio_at_least, 1.3}, few_sends, few_receives}},
    {"bulk-1m-r64k",
     "bulk: 1 MiB writes, 64 KiB read buffer, two threads",
     bulk(mib, 64 * kib),
     false,
     with_limit,
     {}},
    {"bulk-16k",
     "bulk: 16 KiB writes, 1 MiB read buffer, two threads",
     bulk(16 * kib, mib),
     false,
     with_limit,
     {}},
    {"bulk-1m-1t",
     "bulk: 1 MiB writes, 1 MiB read buffer, both ends on one thread",
     bulk(mib, mib, placement::one_thread),
     false,
     with_further(with_limit),
     {{metric::bytes_per_cpu, ratio_at_least, 1.3}}},
    {"pingpong",
     "ping-pong: 64-byte messages, two threads",
     pingpong(placement::two_threads),
     false,
     with_further(with_limit),
     {{metric::round_trip_time, ratio_at_most, 0.85}}},
    {"pingpong-1t",
     "ping-pong: 64-byte messages, both ends on one thread",
     pingpong(placement::one_thread),
     false,
     with_further(with_limit),
     {{metric::round_trip_time, ratio_at_most, 0.85}}},
    {"handshake",
     "full handshakes, both ends on one thread",
     {scenario::handshake, placement::one_thread, 0, 0, 200, 50},
     false,
     with_further(of_streams),
     {}},
    {"handshake-job",
     "full handshakes, both ends on one thread and in jobs that never pause",
     {scenario::handshake, placement::one_thread, 0, 0, 200, 50},
     false,
     of_jobs,
     {{metric::handshake_cpu, ratio_at_most, 1.02}, {metric::instructions_handshake, ratio_at_most, 1.02}}},
    {"pingpong-job",
     "ping-pong: 64-byte messages, both ends on one thread, after handshakes in jobs",
     pingpong(placement::one_thread),
     false,
     of_jobs,
     {{metric::instructions_message, ratio_at_most, 1.001}}},
    {"handshake-offload",
     "RSA-2048 handshakes, 64 at a time, the server alone: the clients' half is not on the clock",
     offload(scenario::offload),
     false,
     of_signers,
     {{metric::handshakes, ratio_at_least, 1.7}}},
    {"handshake-offload-1t",
     "RSA-2048 handshakes, 64 at a time, both ends on one thread",
     offload(scenario::handshake),
     false,
     {&tlsmode_stream, {&tlsmode_signer_stream}, {&asio_ssl_stream}},
     {{metric::handshakes, ratio_at_least, 1.7}}},
    flood_cell("flood-half", "a flood of RSA-2048 handshakes, half of what asio::ssl::stream can take", 0.5,
               server_key::rsa_2048),
    flood_cell("flood-full", "a flood of RSA-2048 handshakes, as many as asio::ssl::stream can take", 1,
               server_key::rsa_2048),
    flood_cell("flood-double", "a flood of RSA-2048 handshakes, twice as many as asio::ssl::stream can take",
               2, server_key::rsa_2048),
    flood_cell("flood4096-half", "a flood of RSA-4096 handshakes, half of what asio::ssl::stream can take",
               0.5, server_key::rsa_4096),
    flood_cell("flood4096-full", "a flood of RSA-4096 handshakes, as many as asio::ssl::stream can take", 1,
               server_key::rsa_4096),
    flood_cell("flood4096-double",
               "a flood of RSA-4096 handshakes, twice as many as asio::ssl::stream can take", 2,
               server_key::rsa_4096),
    {"idle",
     "idle server connections with a read outstanding, slope over 200 to 1000",
     {scenario::idle, placement::two_threads, 0, 0, 1000, 200},
     true,
     with_further(with_limit),
     {{metric::idle_heap, count_at_most, 16000}}},
};

} // namespace

bool comparison::has(const stream_type* stream) const {
  const auto among = [stream](const std::vector<const stream_type*>& list) {
    return std::find(list.begin(), list.end(), stream) != list.end();
  };
  return stream == baseline || among(subjects) || among(beside);
}

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
