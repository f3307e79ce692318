// SPDX-License-Identifier: BSL-1.0
// The streams that only tlsmode_bench has, and of these what optional_streams.cmake has found: each takes as
// long to compile as one of registry.cpp, and tlsmode_demo shows none of them.
#include "registry.hpp"

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

} // namespace

std::span<const stream_type* const> further_streams() noexcept { return streams; }

} // namespace bench
