// SPDX-License-Identifier: BSL-1.0
// Beast's ssl_stream over Beast's tcp_stream, as Beast's own examples use it. No timeout is set: tcp_stream
// starts its timer only for one.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/run.hpp"

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace bench {

const stream_type beast_ssl_stream{"beast-ssl", "beast::ssl_stream",
                                   run<boost_asio_tls<boost::beast::ssl_stream<boost::beast::tcp_stream>>>};

} // namespace bench
