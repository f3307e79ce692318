// SPDX-License-Identifier: BSL-1.0
// Does the teardown that Beast finds for a stream end TLS and what is below it, over every kind of layer, in
// the order of RFC 6455, and whatever the peer does?
#define BOOST_TEST_MODULE adapter_websocket
#include "asio_fixture.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/test/unit_test.hpp>

#include <thread>

using namespace tlsmode;
using namespace tlsmode::test;
namespace beast = boost::beast;
using beast::role_type;

static_assert(detail::beast_client == role_type::client && static_cast<int>(role_type::server) == 1);

namespace {

template <class Stream>
operation start_teardown(role_type role, Stream& s) {
  operation op;
  async_teardown(role, s, op.make_handler());
  return op;
}

template <class Client, class Server>
void shake_hands(net::io_context& io, Client& client, Server& server) {
  const operation c = start_handshake(client, as_client);
  const operation s = start_handshake(server, as_server);
  run_until(io, [&] { return c.done() && s.done(); });
  BOOST_REQUIRE(c.good());
  BOOST_REQUIRE(s.good());
}

template <class Client, class Server>
void both_tear_down(net::io_context& io, Client& client, Server& server) {
  shake_hands(io, client, server);
  const operation c = start_teardown(role_type::client, client);
  const operation s = start_teardown(role_type::server, server);
  run_until(io, [&] { return c.done() && s.done(); });
  BOOST_TEST(c.ec() == error_code());
  BOOST_TEST(s.ec() == error_code());
}

struct contexts {
  net::io_context io;
  net::ssl::context for_client = client_context(TLS1_3_VERSION);
  net::ssl::context for_server = server_context(TLS1_3_VERSION);
};

// A layer that no library knows, with a teardown of its own.
class own_layer {
 public:
  using executor_type = tcp_socket::executor_type;
  explicit own_layer(tcp_socket s) : socket_(std::move(s)) {}
  executor_type get_executor() { return socket_.get_executor(); }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& b, Token&& token) {
    return socket_.async_read_some(b, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& b, Token&& token) {
    return socket_.async_write_some(b, std::forward<Token>(token));
  }
  template <class Handler>
  friend void async_teardown(role_type, own_layer& layer, Handler&& handler) {
    layer.torn_down = true;
    layer.socket_.close();
    net::post(layer.get_executor(), net::append(std::forward<Handler>(handler), error_code()));
  }
  void close() { socket_.close(); }
  bool torn_down = false;

 private:
  tcp_socket socket_;
};

// The end of the peer's TLS, as a program without Beast does it, and nothing below.
void end_tls(net::io_context& io, asio_stream& peer) {
  const operation op = start_shutdown(peer);
  run_until(io, [&] { return op.done(); });
  BOOST_TEST(op.ec() == error_code());
}

// What is there to read on a socket: would_block for nothing, eof for the end.
error_code at_end_of(tcp_socket& s) {
  char byte;
  error_code ec;
  s.non_blocking(true);
  s.read_some(net::buffer(&byte, 1), ec);
  return ec;
}

} // namespace

BOOST_AUTO_TEST_SUITE(teardown_of)

BOOST_AUTO_TEST_CASE(tcp_sockets) {
  both_ours p;
  both_tear_down(p.io, p.client, p.server);
  BOOST_TEST(!p.client.next_layer().is_open());
  BOOST_TEST(!p.server.next_layer().is_open());
}

BOOST_AUTO_TEST_CASE(sockets_that_the_stream_refers_to) {
  contexts c;
  auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
  stream<tcp_socket&> client(sockets.first, c.for_client);
  stream<tcp_socket&> server(sockets.second, c.for_server);
  both_tear_down(c.io, client, server);
  BOOST_TEST(!sockets.first.is_open());
}

BOOST_AUTO_TEST_CASE(local_sockets) {
  contexts c;
  auto sockets = local_pair(c.io.get_executor());
  stream<local_socket> client(std::move(sockets.first), c.for_client);
  stream<local_socket> server(std::move(sockets.second), c.for_server);
  both_tear_down(c.io, client, server);
  BOOST_TEST(!client.next_layer().is_open());
}

BOOST_AUTO_TEST_CASE(beasts_tcp_streams) {
  contexts c;
  auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
  stream<beast::tcp_stream> client(std::move(sockets.first), c.for_client);
  stream<beast::tcp_stream> server(std::move(sockets.second), c.for_server);
  both_tear_down(c.io, client, server);
  BOOST_TEST(!client.next_layer().socket().is_open());
}

BOOST_AUTO_TEST_CASE(beasts_test_streams) {
  contexts c;
  stream<beast::test::stream> client(c.io, c.for_client);
  stream<beast::test::stream> server(c.io, c.for_server);
  beast::test::connect(client.next_layer(), server.next_layer());
  both_tear_down(c.io, client, server);
}

BOOST_AUTO_TEST_CASE(tls_in_tls) {
  contexts c;
  auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
  stream<tls_stream> client(tls_stream(std::move(sockets.first), c.for_client), c.for_client);
  stream<tls_stream> server(tls_stream(std::move(sockets.second), c.for_server), c.for_server);
  shake_hands(c.io, client.next_layer(), server.next_layer());
  both_tear_down(c.io, client, server);
  BOOST_TEST((client.next_layer().state() == connection_state::closed));
  BOOST_TEST(!client.lowest_layer().is_open());
}

BOOST_AUTO_TEST_CASE(a_layer_with_a_teardown_of_its_own) {
  contexts c;
  auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
  stream<own_layer> client(std::move(sockets.first), c.for_client);
  tls_stream server(std::move(sockets.second), c.for_server);
  both_tear_down(c.io, client, server);
  BOOST_TEST(client.next_layer().torn_down);
}

BOOST_AUTO_TEST_CASE(sockets_that_block) {
  both_ours p;
  shake_hands(p.io, p.client, p.server);
  const watchdog guard({p.client.next_layer().native_handle(), p.server.next_layer().native_handle()});
  error_code at_server = net::error::eof;
  std::thread other([&] { teardown(role_type::server, p.server, at_server); });
  error_code at_client = net::error::eof;
  teardown(role_type::client, p.client, at_client);
  other.join();
  BOOST_TEST(at_client == error_code());
  BOOST_TEST(at_server == error_code());
  BOOST_TEST(!p.client.next_layer().is_open());
  BOOST_TEST(!guard.fired());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(teardown_when)

// RFC 6455, section 7.1.1
BOOST_AUTO_TEST_CASE(the_client_leaves_the_end_of_the_connection_to_the_server) {
  open_pair<our_client> p;
  const operation op = start_teardown(role_type::client, p.client);
  end_tls(p.io, p.server);
  settle(p.io);
  BOOST_TEST(!op.done());
  BOOST_TEST(at_end_of(p.server.next_layer()) == net::error::would_block);
  p.server.next_layer().shutdown(tcp_socket::shutdown_send);
  run_until(p.io, [&] { return op.done(); });
  BOOST_TEST(op.ec() == error_code());
  BOOST_TEST(!p.client.next_layer().is_open());
}

BOOST_AUTO_TEST_CASE(the_server_ends_the_connection) {
  open_pair<our_server> p;
  const operation op = start_teardown(role_type::server, p.server);
  end_tls(p.io, p.client);
  char byte;
  operation end;
  p.client.next_layer().async_read_some(net::buffer(&byte, 1), end.make_handler());
  run_until(p.io, [&] { return end.done(); });
  BOOST_TEST(end.ec() == net::error::eof);
  BOOST_TEST(!op.done());
  p.client.next_layer().close();
  run_until(p.io, [&] { return op.done(); });
  BOOST_TEST(op.ec() == error_code());
}

BOOST_AUTO_TEST_CASE(the_peer_resets_after_both_have_said_that_they_are_done) {
  open_pair<our_client> p;
  const operation op = start_teardown(role_type::client, p.client);
  end_tls(p.io, p.server);
  run_until(p.io, [&] { return p.client.state() == connection_state::closed; });
  p.server.next_layer().set_option(net::socket_base::linger(true, 0));
  p.server.next_layer().close();
  run_until(p.io, [&] { return op.done(); });
  BOOST_TEST(op.ec() == error_code());
  BOOST_TEST(!p.client.next_layer().is_open());
}

BOOST_AUTO_TEST_CASE(the_peer_vanishes) {
  open_pair<our_client> p;
  p.server.next_layer().close();
  const operation op = start_teardown(role_type::client, p.client);
  run_until(p.io, [&] { return op.done(); });
  BOOST_TEST(op.ec()); // truncated or reset, by what the kernel tells first
  BOOST_TEST(!p.client.next_layer().is_open());
}

BOOST_AUTO_TEST_CASE(the_peer_still_has_something_to_say) {
  open_pair<our_client> p;
  const std::string text = random_bytes(100'000, 1);
  sender<asio_stream> out(p.server, text);
  out.start();
  const operation op = start_teardown(role_type::client, p.client);
  run_until(p.io, [&] { return out.done(); });
  end_tls(p.io, p.server);
  p.server.next_layer().close();
  run_until(p.io, [&] { return op.done(); });
  BOOST_TEST(op.ec() == error_code());
}

BOOST_AUTO_TEST_CASE(the_peer_goes_on_below_tls_for_ever) {
  open_pair<our_client> p;
  const operation op = start_teardown(role_type::client, p.client);
  end_tls(p.io, p.server);
  const std::string text(16 * 1024 * 1024, 'x');
  operation junk;
  net::async_write(p.server.next_layer(), net::buffer(text), junk.make_handler());
  run_until(p.io, [&] { return op.done() && junk.done(); });
  BOOST_TEST(op.ec() == error_code());
  BOOST_TEST(junk.ec()); // reset
  BOOST_TEST(!p.client.next_layer().is_open());
}

BOOST_AUTO_TEST_CASE(the_peer_goes_on_for_ever_below_a_blocking_teardown) {
  open_pair<our_client> p;
  constexpr std::size_t most = 64 * 1024 * 1024;
  std::size_t sent = 0;
  error_code at_peer;
  std::thread peer([&] {
    error_code ignored;
    p.server.shutdown(ignored);
    const std::string text(64 * 1024, 'x');
    while (!at_peer && sent < most) sent += p.server.next_layer().write_some(net::buffer(text), at_peer);
    p.server.next_layer().close(ignored);
  });
  error_code ec = net::error::eof;
  teardown(role_type::client, p.client, ec);
  peer.join();
  BOOST_TEST(ec == error_code());
  BOOST_TEST(at_peer); // reset
  BOOST_TEST(sent < most);
}

BOOST_AUTO_TEST_CASE(it_is_cancelled_while_tls_waits) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial}) {
    open_pair<our_client> p;
    operation op = start_teardown(role_type::client, p.client);
    settle(p.io);
    BOOST_TEST(!op.done());
    op.cancel(type);
    run_until(p.io, [&] { return op.done(); });
    BOOST_TEST(op.aborted());
    BOOST_TEST(!p.client.next_layer().is_open());
  }
}

BOOST_AUTO_TEST_CASE(it_is_cancelled_while_the_socket_waits) {
  for (const auto type :
       {net::cancellation_type::terminal, net::cancellation_type::partial, net::cancellation_type::total}) {
    open_pair<our_client> p;
    operation op = start_teardown(role_type::client, p.client);
    end_tls(p.io, p.server);
    run_until(p.io, [&] { return p.client.state() == connection_state::closed; });
    settle(p.io);
    BOOST_TEST(!op.done());
    op.cancel(type);
    run_until(p.io, [&] { return op.done(); });
    BOOST_TEST(op.aborted());
    BOOST_TEST(!p.client.next_layer().is_open());
  }
}

// Over layers that are no sockets: the outer TLS waits for a peer that says nothing.
template <class Client, class Server>
void cancel_while_tls_waits(net::io_context& io, Client& client, Server& server,
                            net::cancellation_type type) {
  shake_hands(io, client, server);
  operation op = start_teardown(role_type::client, client);
  settle(io);
  BOOST_TEST(!op.done());
  op.cancel(net::cancellation_type::total);
  settle(io);
  BOOST_TEST(!op.done(), "close_notify is sent");
  op.cancel(type);
  run_until(io, [&] { return op.done(); });
  BOOST_TEST(op.aborted());
}

BOOST_AUTO_TEST_CASE(it_is_cancelled_over_layers_that_are_no_sockets) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial}) {
    {
      contexts c;
      auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
      stream<beast::tcp_stream> client(std::move(sockets.first), c.for_client);
      tls_stream server(std::move(sockets.second), c.for_server);
      cancel_while_tls_waits(c.io, client, server, type);
      BOOST_TEST(!client.next_layer().socket().is_open());
    }
    {
      contexts c;
      auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
      stream<own_layer> client(std::move(sockets.first), c.for_client);
      tls_stream server(std::move(sockets.second), c.for_server);
      cancel_while_tls_waits(c.io, client, server, type);
      BOOST_TEST(!client.next_layer().torn_down, "it is closed, no more");
    }
    contexts c;
    auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
    stream<tls_stream> client(tls_stream(std::move(sockets.first), c.for_client), c.for_client);
    stream<tls_stream> server(tls_stream(std::move(sockets.second), c.for_server), c.for_server);
    shake_hands(c.io, client.next_layer(), server.next_layer());
    cancel_while_tls_waits(c.io, client, server, type);
    BOOST_TEST(!client.lowest_layer().is_open());
  }
}

// The outer TLS has come to its end, and the inner one waits for the peer's.
BOOST_AUTO_TEST_CASE(it_is_cancelled_while_the_layer_below_waits) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial}) {
    contexts c;
    auto sockets = tcp_pair(c.io.get_executor(), c.io.get_executor());
    stream<tls_stream> client(tls_stream(std::move(sockets.first), c.for_client), c.for_client);
    stream<tls_stream> server(tls_stream(std::move(sockets.second), c.for_server), c.for_server);
    shake_hands(c.io, client.next_layer(), server.next_layer());
    shake_hands(c.io, client, server);
    operation op = start_teardown(role_type::client, client);
    const operation bye = start_shutdown(server);
    run_until(c.io, [&] { return bye.done(); });
    settle(c.io);
    BOOST_TEST((client.state() == connection_state::closed));
    BOOST_TEST(!op.done());
    op.cancel(type);
    run_until(c.io, [&] { return op.done(); });
    BOOST_TEST(op.aborted());
    BOOST_TEST(!client.lowest_layer().is_open());
  }
}

// Total cancellation would have to undo what the peer has seen already.
BOOST_AUTO_TEST_CASE(total_cancellation_comes_too_late) {
  open_pair<our_client> p;
  operation op = start_teardown(role_type::client, p.client);
  settle(p.io);
  op.cancel(net::cancellation_type::total);
  settle(p.io);
  BOOST_TEST(!op.done());
  end_tls(p.io, p.server);
  p.server.next_layer().close();
  run_until(p.io, [&] { return op.done(); });
  BOOST_TEST(op.ec() == error_code());
}

BOOST_AUTO_TEST_SUITE_END()
