// SPDX-License-Identifier: BSL-1.0
// tlsmode::stream that keeps OpenSSL's record buffers when it waits: faster by a few allocations, and larger.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/idle.hpp"
#include "scenarios/pingpong.hpp"

#include <tlsmode/asio/stream.hpp>

namespace bench {
namespace {

struct with_kept_buffers : boost_asio_tls<tlsmode::stream<boost_asio::socket>> {
  static connection open(loop& where, context& settings, unique_fd fd) {
    connection stream = boost_asio_tls::open(where, settings, std::move(fd));
    stream.set_keep_buffers(true);
    return stream;
  }
};

measurement run_with_kept_buffers(const workload& work) {
  switch (work.kind) {
  case scenario::idle: return run_idle<with_kept_buffers>(work);
  case scenario::pingpong: return run_pingpong<with_kept_buffers>(work);
  default: throw std::logic_error("no such scenario");
  }
}

} // namespace

const stream_type tlsmode_kept_buffers_stream{"tlsmode-kept-buffers", "tlsmode, buffers kept",
                                              run_with_kept_buffers};

} // namespace bench
