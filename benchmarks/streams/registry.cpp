// SPDX-License-Identifier: BSL-1.0
// The list of stream types. A new one is a file beside this and a line here.
#include "registry.hpp"

#include <array>

namespace bench {
namespace {

const std::array<const stream_type*, 6> streams{
    &asio_ssl_stream,       &tlsmode_stream,       &tlsmode_job_threads_stream,
    &tlsmode_signer_stream, &tlsmode_async_stream, &plain_tcp_stream};

} // namespace

std::span<const stream_type* const> all_streams() noexcept { return streams; }

const stream_type* find_stream(std::string_view key) noexcept {
  for (const stream_type* stream : streams)
    if (stream->key == key) return stream;
  return nullptr;
}

} // namespace bench
