// SPDX-License-Identifier: BSL-1.0
// tlsmode::stream over Beast's tcp_stream, a layer with timeouts and a rate limit of its own and not a
// socket.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/run.hpp"

#include <tlsmode/asio/stream.hpp>

#include <boost/beast/core/tcp_stream.hpp>

namespace bench {

const stream_type tlsmode_beast_tcp_stream{"tlsmode-beast-tcp", "tlsmode, beast::tcp_stream",
                                           run<boost_asio_tls<tlsmode::stream<boost::beast::tcp_stream>>>};

} // namespace bench
