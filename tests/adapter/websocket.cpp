// SPDX-License-Identifier: BSL-1.0
// Does a WebSocket of Beast over our stream open, talk and close without an error, over layers that are no
// plain sockets too, and does it end by its own time limits when the peer is silent or gone?
#include "asio_fixture.hpp"

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>

using namespace tlsmode;
using namespace tlsmode::test;
BOOST_AUTO_TEST_SUITE(web_sockets)

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

namespace {

template <class Stream>
struct sockets {
  websocket::stream<Stream> client, server;
  beast::flat_buffer at_client, at_server;

  template <class First, class Second>
  sockets(net::io_context& io, First&& c, net::ssl::context& for_client, Second&& s,
          net::ssl::context& for_server)
      : client(std::forward<First>(c), for_client), server(std::forward<Second>(s), for_server), io_(io) {}

  void open() {
    const operation c = start_handshake(client.next_layer(), as_client);
    const operation s = start_handshake(server.next_layer(), as_server);
    run_until(io_, [&] { return c.done() && s.done(); });
    operation asks, accepts;
    client.async_handshake("localhost", "/", asks.make_handler());
    server.async_accept(accepts.make_handler());
    run_until(io_, [&] { return asks.done() && accepts.done(); });
    BOOST_TEST(asks.ec() == error_code());
    BOOST_TEST(accepts.ec() == error_code());
  }
  void talk() {
    const std::string text = random_bytes(50'000, 1);
    operation write, read;
    client.binary(true);
    client.async_write(net::buffer(text), write.make_handler());
    server.async_read(at_server, read.make_handler());
    run_until(io_, [&] { return write.done() && read.done(); });
    BOOST_TEST((beast::buffers_to_string(at_server.data()) == text));
  }
  // The server, which is reading, answers by itself.
  void close() {
    operation close, read;
    client.async_close(websocket::close_code::normal, close.make_handler());
    server.async_read(at_server, read.make_handler());
    run_until(io_, [&] { return close.done() && read.done(); });
    BOOST_TEST(close.ec() == error_code());
    BOOST_TEST(read.ec() == error_code(websocket::error::closed));
    BOOST_TEST(!client.is_open());
    BOOST_TEST(!server.is_open());
  }

 private:
  net::io_context& io_;
};

struct contexts {
  net::io_context io;
  net::ssl::context for_client = client_context(TLS1_3_VERSION);
  net::ssl::context for_server = server_context(TLS1_3_VERSION);
  std::pair<tcp_socket, tcp_socket> tcp = tcp_pair(io.get_executor(), io.get_executor());
};

struct plain : contexts, sockets<tls_stream> {
  plain() : sockets(io, std::move(tcp.first), for_client, std::move(tcp.second), for_server) {}
};

struct over_tcp_streams : contexts, sockets<stream<beast::tcp_stream>> {
  over_tcp_streams() : sockets(io, std::move(tcp.first), for_client, std::move(tcp.second), for_server) {}
};

using timeout = websocket::stream_base::timeout;
constexpr auto soon = std::chrono::milliseconds(30);

} // namespace

BOOST_AUTO_TEST_CASE(over_a_plain_socket) {
  plain p;
  p.open();
  p.talk();
  p.close();
}

BOOST_AUTO_TEST_CASE(both_close_at_once) {
  plain p;
  p.open();
  operation c, s;
  p.client.async_close(websocket::close_code::normal, c.make_handler());
  p.server.async_close(websocket::close_code::normal, s.make_handler());
  run_until(p.io, [&] { return c.done() && s.done(); });
  BOOST_TEST(c.ec() == error_code());
  BOOST_TEST(s.ec() == error_code());
}

BOOST_AUTO_TEST_CASE(over_beasts_tcp_stream) {
  over_tcp_streams p;
  p.open();
  p.talk();
  p.close();
}

BOOST_AUTO_TEST_CASE(the_time_limit_of_beasts_tcp_stream) {
  over_tcp_streams p;
  p.open();
  operation read;
  p.client.next_layer().next_layer().expires_after(soon);
  p.client.async_read(p.at_client, read.make_handler());
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST(read.ec() == error_code(beast::error::timeout));
  operation write;
  p.client.async_write(net::buffer("hello", 5), write.make_handler());
  run_until(p.io, [&] { return write.done(); });
  BOOST_TEST(bool(write.ec()));
}

BOOST_AUTO_TEST_CASE(the_peer_says_nothing_to_the_opening) {
  plain p;
  const operation c = start_handshake(p.client.next_layer(), as_client);
  const operation s = start_handshake(p.server.next_layer(), as_server);
  run_until(p.io, [&] { return c.done() && s.done(); });
  p.client.set_option(timeout{soon, websocket::stream_base::none(), false});
  operation open;
  p.client.async_handshake("localhost", "/", open.make_handler());
  run_until(p.io, [&] { return open.done(); });
  BOOST_TEST(open.ec() == error_code(beast::error::timeout));
}

BOOST_AUTO_TEST_CASE(the_peer_says_nothing_at_all) {
  plain p;
  p.open();
  p.client.set_option(timeout{soon, soon, false});
  operation read;
  p.client.async_read(p.at_client, read.make_handler());
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST(read.ec() == error_code(beast::error::timeout));
}

BOOST_AUTO_TEST_CASE(the_peer_does_not_answer_the_close) {
  plain p;
  p.open();
  p.client.set_option(timeout{soon, websocket::stream_base::none(), false});
  operation close;
  p.client.async_close(websocket::close_code::normal, close.make_handler());
  run_until(p.io, [&] { return close.done(); });
  BOOST_TEST(close.ec() == error_code(beast::error::timeout));
  BOOST_TEST(!p.client.next_layer().next_layer().is_open());
}

// The frame of the close goes one way and comes back, but TLS has no end.
BOOST_AUTO_TEST_CASE(the_peer_answers_the_close_and_leaves_tls_open) {
  plain p;
  p.open();
  p.client.set_option(timeout{soon, websocket::stream_base::none(), false});
  operation close, answer;
  p.client.async_close(websocket::close_code::normal, close.make_handler());
  const unsigned char frame[] = {0x88, 0x02, 0x03, 0xe8}; // RFC 6455, section 5.5.1: close, 1000
  p.server.next_layer().async_write_some(net::buffer(frame), answer.make_handler());
  run_until(p.io, [&] { return close.done() && answer.done(); });
  BOOST_TEST(close.ec() == net::error::operation_aborted);
  BOOST_TEST(!p.client.next_layer().next_layer().is_open());
}

BOOST_AUTO_TEST_CASE(the_peer_is_gone) {
  plain p;
  p.open();
  p.server.next_layer().next_layer().close();
  operation close;
  p.client.async_close(websocket::close_code::normal, close.make_handler());
  run_until(p.io, [&] { return close.done(); });
  BOOST_TEST(close.ec());
  BOOST_TEST(!p.client.is_open());
}

BOOST_AUTO_TEST_CASE(a_close_that_is_cancelled) {
  plain p;
  p.open();
  operation close;
  p.client.async_close(websocket::close_code::normal, close.make_handler());
  settle(p.io);
  BOOST_TEST(!close.done());
  close.cancel();
  run_until(p.io, [&] { return close.done(); });
  BOOST_TEST(close.aborted());
}

BOOST_AUTO_TEST_SUITE_END()
