// SPDX-License-Identifier: BSL-1.0
// tlsmode::stream with mode::async and nothing that could pause: handshakes are jobs, for the sake of it.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/handshake.hpp"
#include "scenarios/pingpong.hpp"

#include <tlsmode/asio/stream.hpp>

namespace bench {
namespace {

struct in_jobs : boost_asio_tls<tlsmode::stream<boost_asio::socket>> {
  static connection open(loop& where, context& settings, unique_fd fd) {
    connection stream = boost_asio_tls::open(where, settings, std::move(fd));
    stream.set_mode(tlsmode::mode::async);
    return stream;
  }
};

measurement run_in_jobs(const workload& work) {
  switch (work.kind) {
  case scenario::handshake: return run_handshake<in_jobs>(work);
  case scenario::pingpong: return run_pingpong<in_jobs>(work);
  default: throw std::logic_error("no such scenario");
  }
}

} // namespace

const stream_type tlsmode_async_stream{"tlsmode-async", "tlsmode, mode::async", run_in_jobs};

} // namespace bench
