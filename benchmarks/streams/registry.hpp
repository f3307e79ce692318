// SPDX-License-Identifier: BSL-1.0
// The list of stream types that can be measured.
#ifndef TLSMODE_BENCH_STREAMS_REGISTRY_HPP
#define TLSMODE_BENCH_STREAMS_REGISTRY_HPP

#include "harness/measurement.hpp"

#include <span>
#include <string>
#include <string_view>

namespace bench {

struct stream_type {
  std::string_view key;                     // on the command line and in the CSV
  std::string_view title;                   // in tables
  measurement (*run)(const workload& work); // throws when anything goes wrong
  bool only_tls1_2 = false;                 // its library has no TLS 1.3
  bool accepts = true;                      // can be measured as a server that accepts by itself
  std::string (*library)() = nullptr;       // its name and version, where it is not OpenSSL's or Boost's
};

// Defined in the file of each stream.
extern const stream_type asio_ssl_stream;
extern const stream_type tlsmode_stream;
extern const stream_type plain_tcp_stream;
// tlsmode::stream with one thread besides the loop's, which makes the server's signatures or runs its
// handshakes; with mode::async alone, where handshakes are jobs for the sake of it; with records that begin
// small; and with record buffers that stay.
extern const stream_type tlsmode_signer_stream;
extern const stream_type tlsmode_job_threads_stream;
extern const stream_type tlsmode_async_stream;
extern const stream_type tlsmode_record_sizing_stream;
extern const stream_type tlsmode_kept_buffers_stream;
// Those that only tlsmode_bench has (streams/further.cpp): other libraries' streams, OpenSSL alone, and
// tlsmode::stream over Beast's tcp_stream.
extern const stream_type openssl_stream;
extern const stream_type openssl_tuned_stream;
extern const stream_type beast_ssl_stream;
extern const stream_type tlsmode_beast_tcp_stream;
extern const stream_type asio_standalone_stream; // where standalone Asio was found
extern const stream_type botan_stream;           // where Botan and its Asio headers were found
std::span<const stream_type* const> further_streams() noexcept;
// The keys of those of them that were not compiled in.
std::span<const std::string_view> absent_streams() noexcept;

// In the order in which a round runs them. Each cell says which take part, and which is the baseline.
std::span<const stream_type* const> all_streams() noexcept;

// nullptr if there is none.
const stream_type* find_stream(std::string_view key) noexcept;

} // namespace bench

#endif
