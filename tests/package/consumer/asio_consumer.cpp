// SPDX-License-Identifier: BSL-1.0
// A program that uses the stream: one session over loopback, an echo and an orderly end on both sides.
#include "certificate.hpp"

#include <tlsmode/asio/stream.hpp>

#include <boost/asio.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

namespace net = boost::asio;
using tcp = net::ip::tcp;
using stream = tlsmode::stream<tcp::socket>;

namespace {

const std::string words = "words of a consumer";

net::awaitable<void> serve(tcp::acceptor& acceptor, const tlsmode::context& context) {
  stream tls(co_await acceptor.async_accept(net::use_awaitable), context);
  co_await tls.async_handshake(stream::server, net::use_awaitable);
  std::string text(words.size(), '\0');
  co_await net::async_read(tls, net::buffer(text), net::use_awaitable);
  co_await net::async_write(tls, net::buffer(text), net::use_awaitable);
  co_await tls.async_shutdown(net::use_awaitable);
}

net::awaitable<void> ask(tcp::endpoint where, const tlsmode::context& context) {
  stream tls(co_await net::this_coro::executor, context);
  tls.set_host("localhost");
  co_await tls.next_layer().async_connect(where, net::use_awaitable);
  co_await tls.async_handshake(stream::client, net::use_awaitable);
  co_await net::async_write(tls, net::buffer(words), net::use_awaitable);
  std::string text(words.size(), '\0');
  co_await net::async_read(tls, net::buffer(text), net::use_awaitable);
  if (text != words) throw std::runtime_error("the echo is " + text);
  std::cout << "asio: " << tls.protocol() << '\n';
  co_await tls.async_shutdown(net::use_awaitable);
}

} // namespace

int main() try {
  const certificate own;
  const auto server = own.server(), client = own.client();
  net::io_context io;
  tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), 0});
  int ended = 0;
  const auto end = [&](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
    ++ended;
  };
  net::co_spawn(io, serve(acceptor, server), end);
  net::co_spawn(io, ask(acceptor.local_endpoint(), client), end);
  io.run_for(std::chrono::seconds(20));
  if (ended != 2) throw std::runtime_error("the session does not end");
} catch (const std::exception& e) {
  std::cerr << "asio_consumer: " << e.what() << '\n';
  return 1;
}
