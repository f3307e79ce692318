// SPDX-License-Identifier: BSL-1.0
// The example of README.md, complete: a verified TLS client as one coroutine.
//
//   readme_example HOST PORT CA-FILE
#include <tlsmode/asio/stream.hpp>
#include <tlsmode/context.hpp>

#include <boost/asio.hpp>

#include <iostream>

namespace net = boost::asio;
using tcp = net::ip::tcp;

net::awaitable<void> fetch(const tlsmode::context& context, std::string host, std::string port) {
  tcp::resolver resolver(co_await net::this_coro::executor);
  tlsmode::stream<tcp::socket> tls(resolver.get_executor(), context);
  tls.set_host(host); // sent as SNI, and checked against the certificate

  auto addresses = co_await resolver.async_resolve(host, port, net::use_awaitable);
  co_await net::async_connect(tls.next_layer(), addresses, net::use_awaitable);
  co_await tls.async_handshake(tls.client, net::use_awaitable);
  std::cout << tls.protocol() << ' ' << tls.cipher() << '\n';

  std::string request = "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n", response;
  co_await net::async_write(tls, net::buffer(request), net::use_awaitable);
  co_await net::async_read_until(tls, net::dynamic_buffer(response), "\r\n\r\n", net::use_awaitable);
  std::cout << response;
  co_await tls.async_shutdown(tlsmode::shutdown_form::drain, net::use_awaitable);
}

int main(int argc, char** argv) try {
  if (argc != 4) throw std::invalid_argument("usage: readme_example HOST PORT CA-FILE");
  auto context = tlsmode::context::client(); // verifies, TLS 1.2 or newer
  if (auto ec = context.trust_file(argv[3])) throw std::system_error(ec, argv[3]);

  net::io_context io;
  net::co_spawn(io, fetch(context, argv[1], argv[2]), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  io.run();
} catch (const std::exception& e) {
  std::cerr << "readme_example: " << e.what() << '\n';
  return 1;
}
