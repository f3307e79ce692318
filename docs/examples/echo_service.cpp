// SPDX-License-Identifier: BSL-1.0
// A coroutine per connection.
#include "echo_service.hpp"

#include <tlsmode/asio/stream.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <iostream>

namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;

constexpr auto as_result = net::as_tuple(net::use_awaitable);
constexpr auto handshake_limit = std::chrono::seconds(10);

net::awaitable<void> session(tcp::socket socket, const tlsmode::context& context) {
  tlsmode::stream<tcp::socket> tls(std::move(socket), context);
  tls.expires_after(handshake_limit);
  if (auto [ec] = co_await tls.async_handshake(tls.server, as_result); ec) {
    // A time limit is not a failure of the connection: only the operation knows of it.
    const std::string text = tls.last_failure().code ? tls.last_failure().to_string() : ec.message();
    std::cerr << text + '\n';
    co_return;
  }
  tls.expires_never();
  std::array<char, 16 * 1024> data;
  for (;;) {
    auto [read_error, n] = co_await tls.async_read_some(net::buffer(data), as_result);
    if (read_error == net::error::eof) break;
    if (read_error) co_return;
    auto [write_error, written] = co_await net::async_write(tls, net::buffer(data, n), as_result);
    if (write_error) co_return;
  }
  co_await tls.async_shutdown(tlsmode::shutdown_form::send_only, as_result);
}

net::awaitable<void> accept_connections(tcp::acceptor acceptor, const tlsmode::context& context) {
  for (;;) {
    auto [ec, socket] = co_await acceptor.async_accept(as_result);
    if (ec == net::error::operation_aborted) co_return;
    if (ec) { // the client is gone again, or there are no descriptors for now
      net::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(as_result);
      continue;
    }
    net::co_spawn(acceptor.get_executor(), session(std::move(socket), context), net::detached);
  }
}

} // namespace

void run_echo_service(net::io_context& io, unsigned short port, const tlsmode::context& context) {
  tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), port});
  std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
  net::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&io](auto, auto) { io.stop(); });
  net::co_spawn(io, accept_connections(std::move(acceptor), context), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  io.run();
}
