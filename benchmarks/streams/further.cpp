// SPDX-License-Identifier: BSL-1.0
// The streams that only tlsmode_bench has, and of these what optional_streams.cmake has found: each takes as
// long to compile as one of registry.cpp, and tlsmode_demo shows none of them.
#include "registry.hpp"

#include <vector>

namespace bench {
namespace {

constexpr const stream_type* streams[] = {
    &openssl_stream,
    &openssl_tuned_stream,
#if TLSMODE_BENCH_BEAST_SSL
    &beast_ssl_stream,
#endif
#if TLSMODE_BENCH_TLSMODE_BEAST_TCP
    &tlsmode_beast_tcp_stream,
#endif
#if TLSMODE_BENCH_ASIO_STANDALONE
    &asio_standalone_stream,
#endif
#if TLSMODE_BENCH_BOTAN
    &botan_stream,
#endif
};

const std::vector<std::string_view>& absent() {
  static const std::vector<std::string_view> keys {
#if !TLSMODE_BENCH_BEAST_SSL
    "beast-ssl",
#endif
#if !TLSMODE_BENCH_TLSMODE_BEAST_TCP
        "tlsmode-beast-tcp",
#endif
#if !TLSMODE_BENCH_ASIO_STANDALONE
        "asio-standalone",
#endif
#if !TLSMODE_BENCH_BOTAN
        "botan",
#endif
  };
  return keys;
}

} // namespace

std::span<const stream_type* const> further_streams() noexcept { return streams; }
std::span<const std::string_view> absent_streams() noexcept { return absent(); }

} // namespace bench
