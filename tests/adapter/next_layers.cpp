// SPDX-License-Identifier: BSL-1.0
// Which sockets may be under the stream? Those of TCP and of the local domain, by value and by reference,
// with any executor type.
#include "asio_fixture.hpp"
#include "conformance.hpp"

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <optional>
#include <thread>

BOOST_AUTO_TEST_SUITE(next_layers)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

template <class Client, class Server>
void check_session(net::io_context& io, Client& client, Server& server) {
  const operation c = start_handshake(client, as_client);
  const operation s = start_handshake(server, as_server);
  run_until(io, [&] { return c.done() && s.done(); });
  BOOST_TEST(c.ec() == error_code());
  BOOST_TEST(s.ec() == error_code());
  const std::string text = random_bytes(1 << 20, 1);
  std::string room(text.size(), '\0');
  client.clear_mode(mode::enable_partial_write);
  const operation write = start_write(client, net::buffer(text)); // waits for room on the way
  std::size_t got = 0;
  while (got != text.size()) {
    const operation read = start_read(server, net::buffer(room) + got);
    run_until(io, [&] { return read.done(); });
    BOOST_REQUIRE(read.good());
    got += read.bytes();
  }
  run_until(io, [&] { return write.done(); });
  BOOST_TEST((room == text));
  operation cancelled = start_read(client, net::buffer(room));
  cancelled.cancel(net::cancellation_type::total);
  run_until(io, [&] { return cancelled.done(); });
  BOOST_TEST(cancelled.aborted());
  const operation bye = start_shutdown(client);
  const operation bye_too = start_shutdown(server);
  run_until(io, [&] { return bye.done() && bye_too.done(); });
  BOOST_TEST(bye.ec() == error_code());
  BOOST_TEST(bye_too.ec() == error_code());
}

// The same with blocking calls, the server's on a thread of its own.
template <class Client, class Server>
void check_blocking_session(Client& client, Server& server) {
  const std::string text = random_bytes(1 << 20, 1);
  std::string room(text.size(), '\0');
  std::array<error_code, 3> at_server;
  std::thread t([&] {
    server.handshake(as_server, at_server[0]);
    net::read(server, net::buffer(room), at_server[1]);
    server.shutdown(at_server[2]);
  });
  error_code handshaken, written, shut;
  client.handshake(as_client, handshaken);
  net::write(client, net::buffer(text), written);
  client.shutdown(shut);
  t.join();
  for (const error_code& ec : {handshaken, written, shut, at_server[0], at_server[1], at_server[2]})
    BOOST_TEST(ec == error_code());
  BOOST_TEST((room == text));
}

// Streams of one kind for both sides, made by `make` of a socket and a context, of sockets made by `connect`.
template <class Connect, class Make>
void check_layer(const char* name, Connect connect, Make make) {
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  {
    net::io_context io;
    auto sockets = connect(io);
    auto client = make(io, sockets.first, client_settings);
    auto server = make(io, sockets.second, server_settings);
    check_session(io, client, server);
    conforms("next layers", name, "asynchronous");
  }
  net::io_context io;
  auto sockets = connect(io);
  auto client = make(io, sockets.first, client_settings);
  auto server = make(io, sockets.second, server_settings);
  check_blocking_session(client, server);
  conforms("next layers", name, "blocking");
}

const auto tcp_sockets = [](net::io_context& io) { return tcp_pair(io.get_executor(), io.get_executor()); };

template <class Executor>
using socket_on = net::basic_stream_socket<net::ip::tcp, Executor>;

template <class Executor>
socket_on<Executor> with_executor(const Executor& ex, tcp_socket from) {
  return socket_on<Executor>(ex, net::ip::tcp::v4(), from.release());
}

} // namespace

BOOST_AUTO_TEST_CASE(a_socket_by_reference) {
  net::io_context io;
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor());
  stream<tcp_socket&> client(sockets.first, client_settings);
  stream<tcp_socket&> server(sockets.second, server_settings);
  BOOST_TEST(&client.next_layer() == &sockets.first);
  BOOST_TEST(&client.lowest_layer() == &sockets.first.lowest_layer());
  stream<tcp_socket&> moved(std::move(client));
  check_session(io, moved, server);
  check_layer("T&", tcp_sockets, [](net::io_context&, tcp_socket& socket, net::ssl::context& settings) {
    return stream<tcp_socket&>(socket, settings);
  });
}

BOOST_AUTO_TEST_CASE(a_stream_on_a_referenced_socket_aborts_its_operations_when_destroyed) {
  net::io_context io;
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor());
  std::optional<stream<tcp_socket&>> client(std::in_place, sockets.first, client_settings);
  const operation c = start_handshake(*client, as_client);
  settle(io);
  BOOST_TEST(!c.done());
  client.reset();
  run_out(io);
  BOOST_TEST(c.aborted());
  BOOST_TEST(sockets.first.is_open(), "the socket is not the stream's to close");
}

BOOST_AUTO_TEST_CASE(local_sockets) {
  check_layer(
      "local socket", [](net::io_context& io) { return local_pair(io.get_executor()); },
      [](net::io_context&, local_socket& socket, net::ssl::context& settings) {
        return stream<local_socket>(std::move(socket), settings);
      });
}

BOOST_AUTO_TEST_CASE(a_concrete_executor_type) {
  using socket_type = socket_on<net::io_context::executor_type>;
  static_assert(std::is_same_v<stream<socket_type>::executor_type, net::io_context::executor_type>);
  check_layer("TCP socket on io_context::executor_type", tcp_sockets,
              [](net::io_context& io, tcp_socket& socket, net::ssl::context& settings) {
                return stream<socket_type>(with_executor(io.get_executor(), std::move(socket)), settings);
              });
}

BOOST_AUTO_TEST_CASE(a_strand_as_executor_type) {
  using strand = net::strand<net::io_context::executor_type>;
  check_layer("TCP socket on a strand", tcp_sockets,
              [](net::io_context& io, tcp_socket& socket, net::ssl::context& settings) {
                return stream<socket_on<strand>>(with_executor(net::make_strand(io), std::move(socket)),
                                                 settings);
              });
}

// As with boost::asio::ssl::stream, a stream may be made from an SSL object, and from a context of the core.
BOOST_AUTO_TEST_CASE(an_ssl_object_and_a_context_of_the_core) {
  net::io_context io;
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor());
  const context client_settings = [] {
    context c = context::client();
    c.disable_verification();
    return c;
  }();
  tls_stream client(std::move(sockets.first), client_settings);
  BOOST_TEST(client.mode().contains(mode::auto_retry));
  tls_stream server(std::move(sockets.second), SSL_new(server_settings.native_handle()));
  check_session(io, client, server);
  conforms("next layers", "TCP socket", "asynchronous");
}

BOOST_AUTO_TEST_SUITE_END()
