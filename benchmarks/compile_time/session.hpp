// SPDX-License-Identifier: BSL-1.0
// An echo session as a program would have it: the part that both sources of the compile-time comparison
// share, after they have said what stream is. Neither is ever linked.
#ifndef TLSMODE_BENCH_COMPILE_TIME_SESSION_HPP
#define TLSMODE_BENCH_COMPILE_TIME_SESSION_HPP

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace net = boost::asio;
using net::ip::tcp;

template <class Stream>
net::awaitable<void> echo(Stream stream) {
  co_await stream.async_handshake(net::ssl::stream_base::server, net::use_awaitable);
  std::array<char, 4096> block;
  boost::system::error_code ended;
  while (!ended) {
    const std::size_t got =
        co_await stream.async_read_some(net::buffer(block), net::redirect_error(net::use_awaitable, ended));
    if (!ended) co_await net::async_write(stream, net::buffer(block, got), net::use_awaitable);
  }
  co_await stream.async_shutdown(net::use_awaitable);
}

template <class Stream>
net::awaitable<void> accept_all(tcp::acceptor& from, net::ssl::context& settings) {
  for (;;) {
    tcp::socket accepted = co_await from.async_accept(net::use_awaitable);
    net::co_spawn(from.get_executor(), echo(Stream(std::move(accepted), settings)), net::detached);
  }
}

template <class Stream>
void serve(unsigned short port) {
  net::io_context loop(1);
  net::ssl::context settings(net::ssl::context::tls_server);
  tcp::acceptor from(loop, {tcp::v4(), port});
  net::co_spawn(loop, accept_all<Stream>(from, settings), net::detached);
  loop.run();
}

#endif
