// SPDX-License-Identifier: BSL-1.0
// tlsmode::stream over Beast's tcp_stream, a layer with timeouts and a rate limit of its own and not a
// socket.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/run.hpp"

#include <tlsmode/asio/stream.hpp>

#include <boost/beast/core/tcp_stream.hpp>

namespace bench {
namespace {

struct tlsmode_beast_tcp : boost_asio_tls<tlsmode::stream<boost::beast::tcp_stream>> {
  static void accept() = delete; // not measured as a server that accepts by itself
};

} // namespace

const stream_type tlsmode_beast_tcp_stream{"tlsmode-beast-tcp", "tlsmode, beast::tcp_stream",
                                           run<tlsmode_beast_tcp>};

} // namespace bench
