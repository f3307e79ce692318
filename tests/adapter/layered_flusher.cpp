// SPDX-License-Identifier: BSL-1.0
// Over a layer that is not a plain socket: is a write that nobody waits for left to end by itself? A layer
// that is told to stop in the middle of one may be of no use any more; boost::asio::ssl::stream is such a
// layer.
#include "asio_fixture.hpp"
#include "asio_session.hpp"
#include "holding_layer.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <optional>

BOOST_AUTO_TEST_SUITE(layered_flusher)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

using holding_stream = stream<holding_layer>;

// A client that owes the server a KeyUpdate, with the layer's write of it held back, and a read outstanding.
struct owing_client {
  owing_client()
      : sockets(tcp_pair(io.get_executor(), io.get_executor())),
        client(std::in_place, holding_layer(std::move(sockets.first)), for_client),
        server(std::move(sockets.second), for_server) {
    const operation c = start_handshake(*client, as_client);
    const operation s = start_handshake(server, as_server);
    run_until(io, [&] { return c.done() && s.done(); });
    layer().hold(true);
    for (int i = 0; i < 2; ++i) { // OpenSSL answers a request when it sees the next one
      server.update_keys(true);
      exchange("x");
    }
    read = start_read(*client, net::buffer(room));
    run_until(io, [&] { return layer().holds_a_write(); });
  }
  [[nodiscard]] holding_layer& layer() { return client->next_layer(); }
  // The server's bytes reach the client.
  void exchange(std::string_view text) {
    const operation write = start_write(server, net::buffer(text));
    const operation got = start_read(*client, net::buffer(room));
    run_until(io, [&] { return write.done() && got.done(); });
    BOOST_TEST(std::string_view(room.data(), got.bytes()) == text);
  }
  // The last operation ends while the layer writes.
  void end_the_read() {
    const operation write = start_write(server, net::buffer("y", 1));
    run_until(io, [&] { return write.done() && read.done(); });
    BOOST_TEST(read.good());
    BOOST_TEST(layer().holds_a_write());
  }
  [[nodiscard]] bool told_to_stop() {
    constexpr auto harmful = net::cancellation_type::terminal | net::cancellation_type::partial;
    return (layer().cancelled_with() & harmful) != net::cancellation_type::none;
  }

  net::io_context io;
  net::ssl::context for_client = client_context(TLS1_3_VERSION);
  net::ssl::context for_server = server_context(TLS1_3_VERSION);
  std::pair<tcp_socket, tcp_socket> sockets;
  std::optional<holding_stream> client;
  tls_stream server;
  std::array<char, 10> room{};
  operation read;
};

} // namespace

// The layer writes one thing at a time, and a blocking call cannot wait for the loop.
BOOST_AUTO_TEST_CASE(a_blocking_call_does_not_write_beside_the_flusher) {
  owing_client p;
  p.end_the_read();
  error_code ec;
  p.client->shutdown(shutdown_form::send_only, ec);
  BOOST_TEST(ec == tlsmode::error::operation_in_progress);
  p.layer().hold(false);
  p.layer().release();
  const operation peer = start_read(p.server, net::buffer(p.room));
  run_until(p.io, [&] {
    p.client->shutdown(shutdown_form::send_only, ec);
    return ec != tlsmode::error::operation_in_progress;
  });
  BOOST_TEST(ec == error_code());
  run_until(p.io, [&] { return peer.done(); });
  BOOST_TEST(peer.ec() == net::error::eof);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_last_operation_does_no_harm_to_the_layer) {
  owing_client p;
  p.end_the_read();
  BOOST_TEST(!p.told_to_stop());
  p.layer().hold(false);
  p.layer().release();
  check_session(p.io, *p.client, p.server);
}

// What the layer sends is the stream's memory: it stays until then.
BOOST_AUTO_TEST_CASE(nor_does_the_end_of_the_stream) {
  owing_client p;
  p.end_the_read();
  holding_layer kept(tcp_socket(p.io));
  std::swap(kept, p.layer());
  p.client.reset();
  BOOST_TEST(kept.holds_a_write());
  constexpr auto harmful = net::cancellation_type::terminal | net::cancellation_type::partial;
  BOOST_TEST(((kept.cancelled_with() & harmful) == net::cancellation_type::none));
  kept.hold(false);
  kept.release();
  const operation write = start_write(p.server, net::buffer("z", 1)); // its keys are what the client said
  std::array<char, 10> room{};
  const operation end = start_read(p.server, net::buffer(room));
  settle(p.io);
  kept.socket().shutdown(tcp_socket::shutdown_send);
  run_until(p.io, [&] { return end.done() && write.done(); });
  BOOST_TEST(end.ec() == net::ssl::error::stream_truncated);
}

BOOST_AUTO_TEST_CASE(a_layer_that_is_the_stock_stream_carries_a_session) {
  net::io_context io;
  net::ssl::context for_client = client_context(TLS1_3_VERSION);
  net::ssl::context for_server = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor(), tiny);
  stream<asio_stream> client(asio_stream(std::move(sockets.first), for_client), for_client);
  stream<asio_stream> server(asio_stream(std::move(sockets.second), for_server), for_server);
  const operation outer = start_handshake(client.next_layer(), as_client);
  const operation outer_too = start_handshake(server.next_layer(), as_server);
  run_until(io, [&] { return outer.done() && outer_too.done(); });
  const operation inner = start_handshake(client, as_client);
  const operation inner_too = start_handshake(server, as_server);
  run_until(io, [&] { return inner.done() && inner_too.done(); });
  BOOST_TEST(inner.good());
  BOOST_TEST(inner_too.good());
  check_session(io, client, server, {}, 300'001);
}

BOOST_AUTO_TEST_SUITE_END()
