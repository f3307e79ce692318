// SPDX-License-Identifier: BSL-1.0
// Binding with SO_REUSEPORT, safely.
#include "listener.hpp"

#include "options.hpp"

#include <cerrno>
#include <sstream>
#include <sys/socket.h>

namespace https_server {
namespace {

/// Asio has no name for this option.
void share_port(tcp::acceptor& acceptor, error_code& ec) {
  const int on = 1;
  if (::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
    ec.assign(errno, boost::system::system_category());
}

[[noreturn]] void refuse(const tcp::endpoint& where, const error_code& ec) {
  std::ostringstream text;
  text << "cannot listen on " << where << ": " << ec.message();
  throw startup_error(text.str());
}

} // namespace

// With SO_REUSEPORT alone, a second server of the same user would take half of the connections and nobody would
// be told. So the first bind is exclusive; the option is set afterwards, for our own listeners to join.
tcp::acceptor claim_address(net::io_context& context, const tcp::endpoint& where) {
  tcp::acceptor claim(context);
  error_code ec;
  claim.open(where.protocol(), ec);
  if (!ec) claim.set_option(net::socket_base::reuse_address(true), ec); // old connections in TIME_WAIT do not count
  if (!ec) claim.bind(where, ec);
  if (!ec) share_port(claim, ec);
  if (ec) refuse(where, ec);
  return claim;
}

tcp::acceptor open_listener(net::io_context& context, const tcp::endpoint& where) {
  tcp::acceptor listener(context);
  error_code ec;
  listener.open(where.protocol(), ec);
  if (!ec) listener.set_option(net::socket_base::reuse_address(true), ec);
  if (!ec) share_port(listener, ec);
  if (!ec) listener.bind(where, ec);
  if (!ec) listener.listen(net::socket_base::max_listen_connections, ec);
  if (ec) refuse(where, ec);
  return listener;
}

} // namespace https_server
