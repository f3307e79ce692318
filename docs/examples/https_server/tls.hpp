// SPDX-License-Identifier: BSL-1.0
// The types that the whole server is made of. Another stream is tried out by changing one line here.
#ifndef EXAMPLES_HTTPS_SERVER_TLS_HPP
#define EXAMPLES_HTTPS_SERVER_TLS_HPP

#include <tlsmode/asio/stream.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace https_server {

namespace net = boost::asio;
using tcp = net::ip::tcp;
using error_code = boost::system::error_code;

using tls_stream = tlsmode::stream<tcp::socket>;

/// Completion token of most operations: co_await gives a tuple that begins with the error code.
constexpr auto as_result = net::as_tuple(net::use_awaitable);

} // namespace https_server

#endif
