// SPDX-License-Identifier: BSL-1.0
// Cells of one connection that moves data: bulk, ping-pong, buffer sequences.
#include "cell_lists.hpp"

#include <array>
#include <utility>

namespace bench {
namespace {

constexpr std::size_t kib = 1024, mib = 1024 * 1024;
using enum goal::kind;
using goals = std::vector<goal>;

constexpr std::array<placement, 2> placements{placement::two_threads, placement::one_thread};

std::string suffix(placement where) { return where == placement::one_thread ? "-1t" : ""; }
std::string words(placement where) {
  return where == placement::one_thread ? "both ends on one thread" : "two threads";
}
std::string size_key(std::size_t size) {
  if (size >= mib) return std::to_string(size / mib) + "m";
  return size >= kib ? std::to_string(size / kib) + "k" : std::to_string(size);
}
std::string size_words(std::size_t size) {
  if (size >= mib) return std::to_string(size / mib) + " MiB";
  return size >= kib ? std::to_string(size / kib) + " KiB"
                     : std::to_string(size) + (size == 1 ? " byte" : " bytes");
}

// A count as a goal, with the margin that single events in thousands need, such as a queue that grows.
const goal none_per_message{metric::own_allocations_message, count_at_most, 0.01};
const goal none_per_sequence{metric::own_allocations_sequence, count_at_most, 0.01};
const goal one_send_one_receive{metric::transport_calls_message, count_at_most, 2.01};

} // namespace

comparison with_limit() { return {&asio_ssl_stream, {&tlsmode_stream}, {&plain_tcp_stream}}; }
comparison of_streams() { return {&asio_ssl_stream, {&tlsmode_stream}, {}}; }

// ---- bulk ----

static workload bulk(std::size_t write_size, std::size_t read_size, placement where) {
  return {scenario::bulk, where, write_size, read_size, 64 * mib, 32 * mib};
}

static goals bulk_goals(std::size_t write_size, placement where) {
  goals wanted{{metric::bytes_per_cpu, ratio_at_least, 1.5},
               {metric::fraction_of_limit, figure_at_least, 0.85}};
  if (where == placement::one_thread) return wanted;
  wanted.push_back({metric::cpu_send, ratio_at_most, 1 / 1.3});
  wanted.push_back({metric::cpu_receive, ratio_at_most, 1 / 1.6});
  // Transport calls per MiB: 64 full records, and what TCP's own pace adds.
  if (write_size == mib) {
    wanted.push_back({metric::transport_calls_send, count_at_most, 80});
    wanted.push_back({metric::transport_calls_receive, count_at_most, 80});
  }
  return wanted;
}

void add_bulk(std::vector<cell>& cells) {
  struct kind {
    aead cipher;
    const char *key, *words;
  };
  constexpr std::array<kind, 3> ciphers{{{aead::aes_128_gcm, "", "AES-128-GCM"},
                                         {aead::aes_256_gcm, "-aes256", "AES-256-GCM"},
                                         {aead::chacha20_poly1305, "-chacha20", "ChaCha20-Poly1305"}}};
  for (const auto& [cipher, key, name] : ciphers)
    for (const placement where : placements)
      for (const std::size_t size : {16 * kib, 64 * kib, mib}) {
        const bool usual = cipher == aead::aes_128_gcm;
        const bool largest = size == mib;
        cell one{"bulk" + std::string(key) + "-" + size_key(size) + suffix(where),
                 "bulk: " + size_words(size) + " writes, 1 MiB read buffer, " + name + ", " + words(where),
                 bulk(size, mib, where),
                 false,
                 with_further(with_limit()),
                 bulk_goals(size, where)};
        one.work.tls.cipher = cipher;
        if (usual && largest) one.streams = with_configurations(one.streams);
        one.when = usual && largest ? level::quick : usual || largest ? level::normal : level::full;
        cells.push_back(one);
      }
  cells.push_back({"bulk-1m-r64k",
                   "bulk: 1 MiB writes, 64 KiB read buffer, two threads",
                   bulk(mib, 64 * kib, placement::two_threads),
                   false,
                   with_further(with_limit()),
                   {}});
}

// ---- small messages ----

workload pingpong(placement where, std::size_t size) {
  return {scenario::pingpong, where, size, size, 4000, 1000};
}

void add_pingpong(std::vector<cell>& cells) {
  for (const std::size_t size : {std::size_t{64}, std::size_t{1}, kib, 16 * kib})
    for (const placement where : placements) {
      const bool usual = size == 64;
      cell one{std::string("pingpong") + (usual ? "" : "-") + (usual ? "" : size_key(size)) + suffix(where),
               "ping-pong: " + size_words(size) + " there and back, " + words(where),
               pingpong(where, size),
               false,
               with_further(with_limit()),
               {{metric::latency_p50, ratio_at_most, 0.8},
                {metric::latency_p99, ratio_at_most, 0.8},
                {metric::fraction_of_limit, figure_at_least, 0.85},
                none_per_message}};
      if (usual) {
        one.streams = with_configurations(one.streams);
        one.goals.push_back({metric::instructions_message, ratio_at_most, 0.7});
        one.goals.push_back({metric::system_calls_message, ratio_at_most, 0.7});
        one.when = level::quick;
      }
      if (size == 16 * kib) one.streams.beside.push_back(&tlsmode_kept_buffers_stream);
      if (usual && where == placement::one_thread) one.goals.push_back(one_send_one_receive);
      cells.push_back(one);
    }
}

static workload sequence(std::vector<std::size_t> pieces) {
  workload work{scenario::sequence, placement::one_thread, 0, 64 * kib, 1000, 100};
  work.pieces = std::move(pieces);
  return work;
}

void add_sequences(std::vector<cell>& cells) {
  const auto add = [&](const char* key, const char* title, std::vector<std::size_t> pieces, double times,
                       double records) {
    cells.push_back({key,
                     title + std::string(", one gathered write, both ends on one thread"),
                     sequence(std::move(pieces)),
                     false,
                     with_further(with_limit()),
                     {{metric::sequences, ratio_at_least, times},
                      {metric::records_sequence, count_at_most, records},
                      {metric::sends_sequence, count_at_most, 1},
                      none_per_sequence},
                     level::quick});
  };
  add("sequence-8x64", "buffer sequences: 8 buffers of 64 bytes", std::vector<std::size_t>(8, 64), 1.2, 1);
  add("sequence-16x1k", "buffer sequences: 16 buffers of 1 KiB", std::vector<std::size_t>(16, kib), 2, 1);
  add("sequence-header-16k", "buffer sequences: a header of 64 bytes and 16 KiB", {64, 16 * kib}, 2, 2);
}

// ---- the same in TLS 1.2, which every library has ----

void add_data_tls1_2(std::vector<cell>& cells) {
  const auto add = [&](std::string key, std::string title, workload work) {
    work.tls.version = tls_version::tls1_2;
    cells.push_back({std::move(key), std::move(title) + ", TLS 1.2", std::move(work), false,
                     with_further(with_limit(), tls_version::tls1_2)});
  };
  for (const placement where : placements)
    add("bulk-tls12-1m" + suffix(where), "bulk: 1 MiB writes, 1 MiB read buffer, " + words(where),
        bulk(mib, mib, where));
  for (const placement where : placements)
    add("pingpong-tls12" + suffix(where), "ping-pong: 64 bytes there and back, " + words(where),
        pingpong(where));
  add("sequence-tls12-header-16k",
      "buffer sequences: a header of 64 bytes and 16 KiB, one gathered write, both ends on one thread",
      sequence({64, 16 * kib}));
}

void add_first_byte(std::vector<cell>& cells) {
  workload work{scenario::first_byte, placement::two_threads, 64 * kib, 16 * kib, 10, 0};
  work.rate = 10e6 / 8;
  cells.push_back(
      {"first-byte",
       "time to the first byte: an answer of 64 KiB on a new connection, through a link of 10 Mbit/s",
       work,
       true,
       with_further(
           {&asio_ssl_stream, {&tlsmode_record_sizing_stream, &tlsmode_stream}, {&plain_tcp_stream}}),
       {{metric::first_byte, ratio_at_most, 0.2}, {metric::last_byte, ratio_at_most, 1.05}},
       level::normal,
       3});
}

} // namespace bench
