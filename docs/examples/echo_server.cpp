// SPDX-License-Identifier: BSL-1.0
// The shortest useful server: each connection is one coroutine that sends back what it receives.
//
//   echo_server PORT CERTIFICATE KEY      (PEM files; listens on 127.0.0.1)
#include <tlsmode/asio/stream.hpp>
#include <tlsmode/context.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstdlib>
#include <iostream>

namespace net = boost::asio;
using tcp = net::ip::tcp;

constexpr auto as_result = net::as_tuple(net::use_awaitable); // error codes instead of exceptions

net::awaitable<void> session(tcp::socket socket, const tlsmode::context& context) {
  tlsmode::stream<tcp::socket> tls(std::move(socket), context);
  if (auto [ec] = co_await tls.async_handshake(tls.server, as_result); ec) {
    std::cerr << tls.last_failure().to_string() << '\n';
    co_return;
  }
  std::array<char, 16 * 1024> data;
  for (;;) {
    auto [read_error, n] = co_await tls.async_read_some(net::buffer(data), as_result);
    if (read_error == net::error::eof) break; // the client is done, and said so
    if (read_error) co_return;
    auto [write_error, written] = co_await net::async_write(tls, net::buffer(data, n), as_result);
    if (write_error) co_return;
  }
  co_await tls.async_shutdown(tlsmode::shutdown_form::send_only, as_result);
}

net::awaitable<void> accept_connections(tcp::acceptor acceptor, const tlsmode::context& context) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(net::use_awaitable);
    net::co_spawn(acceptor.get_executor(), session(std::move(socket), context), net::detached);
  }
}

// Certificate and key come as PEM files; an error says what is wrong with them.
tlsmode::context make_context(const char* certificate, const char* key) {
  auto context = tlsmode::context::server();
  if (auto ec = context.use_certificate_chain_file(certificate)) throw std::system_error(ec, certificate);
  if (auto ec = context.use_private_key_file(key)) throw std::system_error(ec, key);
  return context;
}

int main(int argc, char** argv) try {
  if (argc != 4) throw std::invalid_argument("usage: echo_server PORT CERTIFICATE KEY");
  const auto context = make_context(argv[2], argv[3]);
  net::io_context io(1);
  const auto port = static_cast<net::ip::port_type>(std::atoi(argv[1]));
  tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), port});
  std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

  net::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&io](auto, auto) { io.stop(); });
  net::co_spawn(io, accept_connections(std::move(acceptor), context), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  io.run();
} catch (const std::exception& e) {
  std::cerr << "echo_server: " << e.what() << '\n';
  return 1;
}
