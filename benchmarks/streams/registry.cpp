// SPDX-License-Identifier: BSL-1.0
// The list of stream types. A new one is a file beside this and a line here, or in further.cpp.
#include "registry.hpp"

#include <array>
#include <vector>

namespace bench {
namespace {

constexpr std::array<const stream_type*, 8> own{&asio_ssl_stream,
                                                &tlsmode_stream,
                                                &tlsmode_job_threads_stream,
                                                &tlsmode_signer_stream,
                                                &tlsmode_async_stream,
                                                &tlsmode_record_sizing_stream,
                                                &tlsmode_kept_buffers_stream,
                                                &plain_tcp_stream};

} // namespace

std::span<const stream_type* const> all_streams() noexcept {
  static const std::vector<const stream_type*> streams = [] {
    std::vector<const stream_type*> both(own.begin(), own.end());
    both.insert(both.end(), further_streams().begin(), further_streams().end());
    return both;
  }();
  return streams;
}

const stream_type* find_stream(std::string_view key) noexcept {
  for (const stream_type* stream : all_streams())
    if (stream->key == key) return stream;
  return nullptr;
}

} // namespace bench
