// SPDX-License-Identifier: BSL-1.0
// The baseline: boost::asio::ssl::stream over a TCP socket.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/run.hpp"

#include <boost/asio/ssl/stream.hpp>

namespace bench {

const stream_type asio_ssl_stream{"asio", "asio::ssl::stream",
                                  run<boost_asio_tls<boost::asio::ssl::stream<boost_asio::socket>>>};

} // namespace bench
