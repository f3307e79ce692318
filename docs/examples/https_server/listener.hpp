// SPDX-License-Identifier: BSL-1.0
// Listening sockets: several on one port, and yet a second server on that port is noticed.
#ifndef EXAMPLES_HTTPS_SERVER_LISTENER_HPP
#define EXAMPLES_HTTPS_SERVER_LISTENER_HPP

#include "tls.hpp"

#include <boost/asio/io_context.hpp>

namespace https_server {

/// Makes sure that nobody else has the port, and picks one if it is 0. The address is kept for this process by
/// the socket returned, which must live until the listeners are open. Throws startup_error.
[[nodiscard]] tcp::acceptor claim_address(net::io_context& context, const tcp::endpoint& where);

/// Opens one of several listeners at an address that was claimed. Throws startup_error.
[[nodiscard]] tcp::acceptor open_listener(net::io_context& context, const tcp::endpoint& where);

} // namespace https_server

#endif
