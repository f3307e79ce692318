// SPDX-License-Identifier: BSL-1.0
// Does the stream work over layers that are no plain sockets: those of Beast, with their timeouts, layers
// that name no lowest layer, and the stream itself?
#define BOOST_TEST_MODULE adapter_layered
#include "asio_session.hpp"
#include "conformance.hpp"
#include "counting_layer.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <memory>

using namespace tlsmode;
using namespace tlsmode::test;
namespace beast = boost::beast;

namespace {

// A session with all that a stream does: more data both ways than the layers hold, cancellation, shutdown.
template <class Stream>
void check_all(net::io_context& io, Stream& client, Stream& server) {
  const operation c = start_handshake(client, as_client);
  const operation s = start_handshake(server, as_server);
  run_until(io, [&] { return c.done() && s.done(); });
  BOOST_TEST(c.ec() == error_code());
  BOOST_TEST(s.ec() == error_code());

  test::check_session(io, client, server, {}, 700'001);
}

struct contexts {
  net::io_context io;
  net::ssl::context for_client = client_context(TLS1_3_VERSION);
  net::ssl::context for_server = server_context(TLS1_3_VERSION);
};

} // namespace

BOOST_AUTO_TEST_SUITE(layered)

BOOST_AUTO_TEST_CASE(beasts_tcp_stream) {
  contexts c;
  auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor(), tiny);
  using layer = beast::tcp_stream;
  stream<layer> client(std::move(sockets.first), c.for_client);
  stream<layer> server(std::move(sockets.second), c.for_server);
  BOOST_TEST(&client.lowest_layer() == &client.next_layer().socket());
  BOOST_TEST(&std::as_const(client).lowest_layer() == &client.next_layer().socket());
  BOOST_TEST(&beast::get_lowest_layer(client) == &client.next_layer());
  check_all(c.io, client, server);
  conforms("next layers", "beast::tcp_stream", "asynchronous");
}

// It closes the socket; whoever comes afterwards is told why.
BOOST_AUTO_TEST_CASE(the_timeout_of_beasts_tcp_stream_ends_an_operation) {
  enum { handshake, read, blocked_write, shutdown };
  for (const int what : {handshake, read, blocked_write, shutdown}) {
    contexts c;
    auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor(), tiny);
    stream<beast::tcp_stream> client(std::move(sockets.first), c.for_client);
    stream<tcp_socket> server(std::move(sockets.second), c.for_server);
    client.clear_mode(mode::enable_partial_write);
    if (what != handshake) {
      const operation hello = start_handshake(client, as_client);
      const operation hello_too = start_handshake(server, as_server);
      run_until(c.io, [&] { return hello.done() && hello_too.done(); });
      BOOST_REQUIRE(hello.good());
    }
    std::array<char, 10> room{};
    const std::string text = random_bytes(1 << 20, 1);
    const auto start = [&] {
      switch (what) {
      case handshake: return start_handshake(client, as_client);
      case read: return start_read(client, net::buffer(room));
      case blocked_write: return start_write(client, net::buffer(text));
      default: return start_shutdown(client);
      }
    };
    BOOST_TEST_CONTEXT("operation " << what) {
      client.next_layer().expires_after(std::chrono::milliseconds(20));
      const operation limited = start();
      run_until(c.io, [&] { return limited.done(); });
      BOOST_TEST(limited.ec() == error_code(beast::error::timeout));
      BOOST_TEST(limited.bytes() == 0U);
      BOOST_TEST(!client.next_layer().socket().is_open());
      BOOST_TEST((error_code(to_boost(client.last_failure().code)) == beast::error::timeout));
      client.next_layer().expires_never();
      const operation again = start();
      run_until(c.io, [&] { return again.done(); });
      BOOST_TEST(again.ec() == error_code(beast::error::timeout));
      const operation other =
          what == read ? start_write(client, net::buffer(text)) : start_read(client, net::buffer(room));
      run_until(c.io, [&] { return other.done(); });
      BOOST_TEST(bool(other.ec()));
    }
  }
}

BOOST_AUTO_TEST_CASE(beasts_test_stream) {
  contexts c;
  using layer = beast::test::stream;
  stream<layer> client(c.io, c.for_client);
  stream<layer> server(c.io, c.for_server);
  beast::test::connect(client.next_layer(), server.next_layer());
  check_all(c.io, client, server);
  conforms("next layers", "beast::test::stream", "asynchronous");
}

BOOST_AUTO_TEST_CASE(beasts_test_stream_that_moves_one_byte_at_a_time) {
  contexts c;
  using layer = beast::test::stream;
  stream<layer> client(c.io, c.for_client);
  stream<layer> server(c.io, c.for_server);
  beast::test::connect(client.next_layer(), server.next_layer());
  for (layer* l : {&client.next_layer(), &server.next_layer()}) {
    l->read_size(1);
    l->write_size(1);
  }
  const operation hello = start_handshake(client, as_client);
  const operation hello_too = start_handshake(server, as_server);
  run_until(c.io, [&] { return hello.done() && hello_too.done(); });
  BOOST_TEST(hello.good());
  BOOST_TEST(hello_too.good());
  const operation write = start_write(client, net::buffer("hello", 5));
  std::array<char, 10> room{};
  const operation read = start_read(server, net::buffer(room));
  run_until(c.io, [&] { return write.done() && read.done(); });
  BOOST_TEST(std::string_view(room.data(), read.bytes()) == "hello");
  conforms("next layers", "beast::test::stream", "one byte at a time");
}

BOOST_AUTO_TEST_CASE(a_layer_that_fails_at_each_of_its_operations) {
  bool whole = false;
  for (std::size_t at = 1; at < 60 && !whole; ++at) {
    contexts c;
    beast::test::fail_count fails(at);
    using layer = beast::test::stream;
    stream<layer> client(layer(c.io, fails), c.for_client);
    stream<layer> server(c.io, c.for_server);
    beast::test::connect(client.next_layer(), server.next_layer());
    const operation hello = start_handshake(client, as_client, [&](error_code ec, std::size_t) {
      if (ec) client.next_layer().close();
    });
    const operation hello_too = start_handshake(server, as_server);
    run_until(c.io, [&] { return hello.done() && hello_too.done(); });
    if (hello.ec()) {
      BOOST_TEST((hello.ec() == beast::test::error::test_failure));
      continue;
    }
    const operation write = start_write(client, net::buffer("hello", 5));
    run_until(c.io, [&] { return write.done(); });
    if (write.ec()) {
      BOOST_TEST((write.ec() == beast::test::error::test_failure));
      continue;
    }
    whole = true;
  }
  BOOST_TEST(whole, "it works once the layer fails late enough");
  conforms("next layers", "beast::test::stream", "fails at each operation");
}

BOOST_AUTO_TEST_CASE(tls_in_tls) {
  contexts c;
  auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor(), tiny);
  using layer = stream<tcp_socket>;
  stream<layer> client(layer(std::move(sockets.first), c.for_client), c.for_client);
  stream<layer> server(layer(std::move(sockets.second), c.for_server), c.for_server);
  const operation outer = start_handshake(client.next_layer(), as_client);
  const operation outer_too = start_handshake(server.next_layer(), as_server);
  run_until(c.io, [&] { return outer.done() && outer_too.done(); });
  BOOST_TEST(outer.good());
  static_assert(std::is_same_v<stream<layer>::lowest_layer_type, tcp_socket::lowest_layer_type>);
  BOOST_TEST(&client.lowest_layer() == &client.next_layer().next_layer().lowest_layer());
  check_all(c.io, client, server);
  conforms("next layers", "itself: TLS in TLS", "asynchronous");
}

BOOST_AUTO_TEST_CASE(a_layer_by_reference) {
  contexts c;
  auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
  beast::tcp_stream a(std::move(sockets.first));
  beast::tcp_stream b(std::move(sockets.second));
  stream<beast::tcp_stream&> client(a, c.for_client);
  stream<beast::tcp_stream&> server(b, c.for_server);
  BOOST_TEST(&client.next_layer() == &a);
  check_all(c.io, client, server);
  conforms("next layers", "beast::tcp_stream&", "asynchronous");
}

BOOST_AUTO_TEST_CASE(synchronous_operations) {
  contexts c;
  auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
  stream<beast::tcp_stream> client(std::move(sockets.first), c.for_client);
  stream<tcp_socket> server(std::move(sockets.second), c.for_server);
  const watchdog dog({client.next_layer().socket().native_handle(), server.next_layer().native_handle()});
  std::string got;
  std::thread peer([&] {
    server.handshake(as_server);
    std::array<char, 100'000> room{};
    while (got.size() < 200'000) got.append(room.data(), server.read_some(net::buffer(room)));
    net::write(server, net::buffer("goodbye", 7));
    error_code ec;
    server.shutdown(ec);
  });
  client.handshake(as_client);
  const std::string text = random_bytes(200'000, 3);
  net::write(client, net::buffer(text));
  std::array<char, 7> room{};
  net::read(client, net::buffer(room));
  error_code ec;
  client.shutdown(ec);
  peer.join();
  BOOST_TEST(ec == error_code());
  BOOST_TEST((got == text));
  BOOST_TEST(std::string_view(room.data(), 7) == "goodbye");
  BOOST_TEST(!dog.fired());
  for (const char* const layer : {"TCP socket", "beast::tcp_stream"})
    conforms("next layers", layer, "blocking");
}

BOOST_AUTO_TEST_CASE(blocks_grow_with_the_traffic_and_shrink_when_it_ends) {
  contexts c;
  auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
  using layer = counting_layer;
  stream<layer> client(layer(std::move(sockets.first)), c.for_client);
  stream<tcp_socket> server(std::move(sockets.second), c.for_server);
  const operation hello = start_handshake(client, as_client);
  const operation hello_too = start_handshake(server, as_server);
  run_until(c.io, [&] { return hello.done() && hello_too.done(); });
  BOOST_TEST(client.next_layer().counts().last_room <= 4096U);

  const std::string text = random_bytes(1 << 20, 4);
  receiver<stream<layer>> at_client(client);
  at_client.start(text.size());
  client.next_layer().clear_counts();
  sender<stream<tcp_socket>> to_client(server, text);
  to_client.start();
  run_until(c.io, [&] { return at_client.done() && to_client.done(); });
  BOOST_TEST((at_client.data() == text));
  BOOST_TEST(client.next_layer().counts().last_room > 16384U);
  BOOST_TEST(client.next_layer().counts().most_reads == 1);

  std::array<char, 10> room{};
  for (int i = 0; i < 3; ++i) {
    const operation read = start_read(client, net::buffer(room));
    const operation write = start_write(server, net::buffer("hello", 5));
    run_until(c.io, [&] { return read.done() && write.done(); });
  }
  const operation idle = start_read(client, net::buffer(room));
  settle(c.io);
  BOOST_TEST(client.next_layer().counts().last_room <= 4096U, "all that an idle stream holds");
}

BOOST_AUTO_TEST_SUITE_END()
