// SPDX-License-Identifier: BSL-1.0
// Can one object be used for connection after connection (D10)? reset() keeps what was set and drops what was
// learned, whatever state the last connection ended in, and nothing of it reaches the next one.
#include "asio_counters.hpp"
#include "asio_layered.hpp"
#include "asio_pausing.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>

BOOST_AUTO_TEST_SUITE(reuse)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

// A server that knows two protocols and remembers who was asked for.
struct peer_settings {
  explicit peer_settings(const identity& who = localhost()) : context(server_context(TLS1_3_VERSION, who)) {
    SSL_CTX_set_alpn_select_cb(
        context.native_handle(),
        [](SSL*, const unsigned char** out, unsigned char* n, const unsigned char* in, unsigned int size,
           void*) {
          static constexpr unsigned char known[] = {1, 'x', 1, 'y'};
          unsigned char* chosen = nullptr;
          const int rc = SSL_select_next_proto(&chosen, n, known, sizeof known, in, size);
          *out = chosen;
          return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
        },
        nullptr);
  }
  net::ssl::context context;
};

// One client for many connections; each has a server of its own.
template <class Stream>
struct reused {
  explicit reused(int buffer_size = 0) : buffer(buffer_size), client(connect(), settings) {
    client.set_host("localhost");
    client.set_verify_mode(net::ssl::verify_peer);
    static constexpr unsigned char offer[] = {1, 'y'};
    SSL_set_alpn_protos(client.native_handle(), offer, sizeof offer);
  }
  // A connected socket, and a server at its other end.
  tcp_socket connect(const identity& who = localhost()) {
    if (server) { // Boost.Asio's streams must not go while their operations are outstanding
      server->next_layer().close();
      settle(io);
    }
    peer.emplace(who);
    auto sockets = tcp_pair(io.get_executor(), io.get_executor(), buffer);
    server.emplace(std::move(sockets.second), peer->context);
    return std::move(sockets.first);
  }
  void begin_anew(const identity& who = localhost()) {
    client.reset();
    client.next_layer() = typename Stream::next_layer_type(connect(who));
  }
  std::pair<error_code, error_code> handshake() {
    const operation c = start_handshake(client, as_client, [&](error_code ec, std::size_t) {
      if (ec) socket_of(client).close();
    });
    const operation s = start_handshake(*server, as_server);
    run_until(io, [&] { return c.done() && s.done(); });
    return {c.ec(), s.ec()};
  }
  // A whole connection; nothing but these bytes is seen on either side.
  void check_connection(std::size_t size = 1000) {
    const auto [c, s] = handshake();
    BOOST_REQUIRE(c == error_code());
    BOOST_REQUIRE(s == error_code());
    BOOST_TEST(client.alpn() == "y");
    BOOST_TEST(SSL_get_verify_result(client.native_handle()) == X509_V_OK);
    const char* const name = SSL_get_servername(server->native_handle(), TLSEXT_NAMETYPE_host_name);
    BOOST_TEST((name != nullptr && std::string_view(name) == "localhost"));
    BOOST_TEST(!client.resumed());
    const std::string text = random_bytes(size, 1);
    sender out(client, text);
    sender back(*server, text);
    receiver in(*server);
    receiver at_client(client);
    out.start();
    back.start();
    in.start();
    at_client.start();
    run_until(io, [&] { return out.done() && back.done() && in.data().size() >= size; });
    const operation bye = start_shutdown_form(client, shutdown_form::send_only);
    const operation answer = start_shutdown_once_done(in);
    run_until(io, [&] { return bye.done() && answer.done() && at_client.done() && in.done(); });
    BOOST_TEST((in.data() == text));
    BOOST_TEST((at_client.data() == text));
    BOOST_TEST(in.ec() == net::error::eof);
    BOOST_TEST(at_client.ec() == net::error::eof);
  }
  operation start_shutdown_once_done(receiver<asio_stream>& in) {
    run_until(io, [&] { return in.done(); });
    return start_shutdown(*server);
  }
  void check_fresh() {
    BOOST_TEST((client.state() == connection_state::fresh));
    BOOST_TEST(client.pending() == 0U);
    BOOST_TEST(client.stats().cipher_read == 0U);
    BOOST_TEST(client.stats().cipher_written == 0U);
    BOOST_TEST(client.stats().plain_written == 0U);
    BOOST_TEST(client.last_failure().code == std::error_code());
    BOOST_TEST(client.last_failure().operation.empty());
  }

  int buffer;
  net::io_context io;
  net::ssl::context settings = client_context(TLS1_3_VERSION);
  std::optional<peer_settings> peer;
  std::optional<asio_stream> server;
  Stream client;
};

// The server gets another client, and both are content.
template <class Stream>
void serve_another(tls_pair<asio_stream, Stream>& p) {
  auto sockets = tcp_pair(p.io.get_executor(), p.io.get_executor());
  asio_stream client(std::move(sockets.first), p.client_settings);
  p.server.next_layer() = typename Stream::next_layer_type(std::move(sockets.second));
  const operation c = start_handshake(client, as_client);
  const operation s = start_handshake(p.server, as_server);
  run_until(p.io, [&] { return c.done() && s.done(); });
  BOOST_TEST(c.good());
  BOOST_TEST(s.good());
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_thousand_connections_with_one_object_at_constant_heap, Stream,
                              both_channels) {
  reused<Stream> r;
  const mode_set modes = r.client.set_mode(mode::release_buffers);
  long early = 0;
  for (int i = 0; i < 1050; ++i) {
    if (i == 50) early = live_blocks();
    r.check_connection(i % 100 == 0 ? 100000 : 100);
    r.begin_anew();
  }
  BOOST_REQUIRE(early > 100);
  const long late = live_blocks();
  BOOST_TEST(std::abs(late - early) < 20, early << " blocks became " << late);
  BOOST_TEST((r.client.mode() == modes));
}

// The settings are not only kept, they are in force.
BOOST_AUTO_TEST_CASE_TEMPLATE(verification_and_host_name_go_on_protecting, Stream, both_channels) {
  reused<Stream> r;
  r.check_connection();
  r.begin_anew(stranger());
  BOOST_TEST(r.handshake().first.message().find("certificate verify failed") != std::string::npos);
  BOOST_TEST(!r.client.last_failure().verify_error.empty());
  r.begin_anew(client_identity()); // signed by the right authority, for another name
  r.check_fresh();
  BOOST_TEST(r.handshake().first.message().find("certificate verify failed") != std::string::npos);
  r.begin_anew();
  r.check_fresh();
  r.check_connection();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_verify_callback_is_kept, Stream, both_channels) {
  reused<Stream> r;
  int calls = 0;
  r.client.set_verify_callback([&](bool good, net::ssl::verify_context&) {
    ++calls;
    return good;
  });
  r.check_connection();
  const int first = calls;
  BOOST_TEST(first > 0);
  r.begin_anew();
  r.check_connection();
  BOOST_TEST(calls == 2 * first);
}

// Whatever the old connection had in its buffers: decrypted, half of a record, sealed and not sent.
BOOST_AUTO_TEST_CASE_TEMPLATE(no_byte_of_the_old_connection_is_in_the_new_one, Stream, both_channels) {
  for (const bool write_blocked : {false, true}) {
    reused<Stream> r(tiny);
    BOOST_REQUIRE(r.handshake().first == error_code());
    const std::string old(30000, 'o');
    const operation reply = start_write(*r.server, net::buffer(old));
    std::array<char, 10> room{};
    const operation read = start_read(r.client, net::buffer(room));
    run_until(r.io, [&] { return read.good(); });
    BOOST_TEST(r.client.pending() > 0U);
    if (write_blocked) {
      operation write = start_write(r.client, net::buffer(old));
      settle(r.io);
      write.cancel();
      run_until(r.io, [&] { return write.done(); });
      BOOST_REQUIRE(write.aborted());
      BOOST_REQUIRE(write.bytes() > 0U);
    }
    r.client.reset();
    r.check_fresh();
    r.begin_anew();
    r.check_connection(50000);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(half_a_record_is_forgotten, Stream, both_channels) {
  reused<Stream> r;
  BOOST_REQUIRE(r.handshake().first == error_code());
  std::array<char, 10> room{};
  operation read = start_read(r.client, net::buffer(room));
  settle(r.io); // it takes the tickets
  r.server->next_layer().write_some(net::buffer("\x17\x03\x03\x40\x00half of a record", 21));
  wait_for_bytes(socket_of(r.client), 1);
  settle(r.io);
  read.cancel();
  run_until(r.io, [&] { return read.done(); });
  BOOST_REQUIRE(read.aborted());
  r.begin_anew();
  r.check_fresh();
  r.check_connection();
}

// The peer's tickets are of the old connection.
BOOST_AUTO_TEST_CASE_TEMPLATE(the_session_is_dropped, Stream, both_channels) {
  reused<Stream> r;
  r.check_connection();
  BOOST_TEST(SSL_get0_session(r.client.native_handle()) != nullptr);
  r.client.reset();
  BOOST_TEST(SSL_get0_session(r.client.native_handle()) == nullptr);
  r.client.next_layer() = typename Stream::next_layer_type(r.connect());
  r.check_connection(); // and not resumed
}

BOOST_AUTO_TEST_CASE_TEMPLATE(after_a_cancelled_handshake, Stream, both_channels) {
  for (int steps = 0; steps < 8; ++steps) {
    reused<Stream> r;
    operation c = start_handshake(r.client, as_client);
    const operation s = start_handshake(*r.server, as_server);
    for (int i = 0; i < steps; ++i) r.io.poll_one();
    c.cancel();
    run_until(r.io, [&] { return c.done(); });
    r.begin_anew();
    r.check_fresh();
    r.check_connection();
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(after_a_truncated_connection, Stream, both_channels) {
  for (const bool in_handshake : {false, true}) {
    reused<Stream> r;
    if (!in_handshake) {
      BOOST_REQUIRE(r.handshake().first == error_code());
    }
    std::array<char, 10> room{};
    const operation op =
        in_handshake ? start_handshake(r.client, as_client) : start_read(r.client, net::buffer(room));
    settle(r.io);
    r.server->next_layer().shutdown(tcp_socket::shutdown_send);
    run_until(r.io, [&] { return op.done(); });
    BOOST_TEST(op.ec() == net::ssl::error::stream_truncated);
    r.begin_anew();
    r.check_fresh();
    r.check_connection();
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(after_a_reset_by_the_peer, Stream, both_channels) {
  reused<Stream> r;
  BOOST_REQUIRE(r.handshake().first == error_code());
  std::array<char, 10> room{};
  const operation read = start_read(r.client, net::buffer(room));
  r.server->next_layer().set_option(net::socket_base::linger(true, 0));
  r.server->next_layer().close();
  run_until(r.io, [&] { return read.done(); });
  BOOST_TEST(read.ec() == net::error::connection_reset);
  const operation write = start_write(r.client, net::buffer("x", 1));
  run_until(r.io, [&] { return write.done(); });
  BOOST_TEST(bool(write.ec()));
  r.begin_anew();
  r.check_fresh();
  r.check_connection();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(while_operations_are_outstanding_it_is_refused, Stream, both_channels) {
  reused<Stream> r;
  BOOST_REQUIRE(r.handshake().first == error_code());
  std::array<char, 10> room{};
  const operation read = start_read(r.client, net::buffer(room));
  settle(r.io);
  error_code ec;
  r.client.reset(ec);
  BOOST_TEST(ec == tlsmode::error::operation_in_progress);
  BOOST_CHECK_THROW(r.client.reset(), boost::system::system_error);
  const operation reply = start_write(*r.server, net::buffer("hello", 5));
  run_until(r.io, [&] { return read.done() && reply.done(); });
  BOOST_TEST(std::string_view(room.data(), read.bytes()) == "hello", "nothing has changed");
}

// A handler is no longer an operation: it may begin the next connection.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_handler_may_reset, Stream, both_channels) {
  reused<Stream> r;
  bool again = false;
  const operation c = start_handshake(r.client, as_client, [&](error_code ec, std::size_t) {
    again = !ec;
    r.client.reset();
  });
  const operation s = start_handshake(*r.server, as_server);
  run_until(r.io, [&] { return c.done() && s.done(); });
  BOOST_TEST(again);
  r.check_fresh();
  r.begin_anew();
  r.check_connection();
}

// A server whose handshake is paused, in the crypto, when it is cancelled and reset.
BOOST_AUTO_TEST_CASE_TEMPLATE(with_a_paused_job, Stream, both_channels) {
  for (const waking how : {waking::callback, waking::descriptor, waking::nothing}) {
    tls_pair<asio_stream, Stream> p;
    pausing key(how);
    key.install(p.server.native_handle());
    p.server.set_mode(mode::async);
    const operation c = start_handshake(p.client, as_client);
    operation s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return key.pauses() == 1; });
    settle(p.io);
    s.cancel();
    run_until(p.io, [&] { return s.done(); });
    BOOST_TEST(s.aborted());
    error_code ec;
    if (how == waking::callback) { // the crypto is not ready, and does not end
      p.server.reset(ec);
      BOOST_TEST(ec == tlsmode::error::operation_in_progress);
    }
    key.release_now();
    p.server.reset(ec);
    BOOST_TEST(ec == error_code());
    BOOST_TEST(key.descriptors_intact());

    SSL_set_cert_cb(p.server.native_handle(), nullptr, nullptr);
    serve_another(p);
  }
}

// What a client asked for is not remembered for the next one.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_server_forgets_its_client, Stream, both_channels) {
  tls_pair<asio_stream, Stream> p;
  SSL_set_tlsext_host_name(p.client.native_handle(), "first.test");
  p.handshake();
  const auto name = [&] { return SSL_get_servername(p.server.native_handle(), TLSEXT_NAMETYPE_host_name); };
  BOOST_REQUIRE(name() != nullptr);
  BOOST_TEST(std::string_view(name()) == "first.test");
  p.server.reset();
  serve_another(p);
  BOOST_TEST(name() == nullptr);
}

// Bytes that were handed over with the handshake, which stopped for a certificate before it got to them.
BOOST_AUTO_TEST_CASE_TEMPLATE(bytes_handed_over_are_forgotten, Stream, both_channels) {
  tls_pair<asio_stream, Stream> p;
  p.server.set_read_ahead(0);
  SSL_set_cert_cb(
      p.server.native_handle(), [](SSL*, void*) { return -1; }, nullptr);
  const operation c = start_handshake(p.client, as_client);
  settle(p.io);
  wait_for_bytes(socket_of(p.server));
  std::string hello(socket_of(p.server).available(), '\0');
  socket_of(p.server).read_some(net::buffer(hello));
  hello += "and this is no TLS record";
  operation s;
  p.server.async_handshake(as_server, net::buffer(hello), s.make_handler());
  settle(p.io);
  s.cancel();
  p.client.next_layer().close();
  run_until(p.io, [&] { return s.done() && c.done(); });
  BOOST_REQUIRE(s.aborted());

  p.server.reset();
  SSL_set_cert_cb(p.server.native_handle(), nullptr, nullptr);
  serve_another(p);
}

// A limit of time that had passed is a setting too: it stays until another one is set.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_limit_of_time_stays, Stream, both_channels) {
  reused<Stream> r;
  r.client.expires_at(std::chrono::steady_clock::now());
  operation c = start_handshake(r.client, as_client);
  run_until(r.io, [&] { return c.done(); });
  BOOST_TEST(c.ec() == net::error::timed_out);
  r.client.reset();
  c = start_handshake(r.client, as_client);
  run_until(r.io, [&] { return c.done(); });
  BOOST_TEST(c.ec() == net::error::timed_out);
  r.client.expires_never();
  r.begin_anew();
  r.check_connection();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(settings_may_change_in_between, Stream, both_channels) {
  reused<Stream> r;
  r.check_connection();
  r.client.reset();
  error_code ec;
  r.client.set_host("another.test", ec); // a new connection may have a new name
  BOOST_TEST(ec == error_code());
  r.client.next_layer() = typename Stream::next_layer_type(r.connect());
  BOOST_TEST(r.handshake().first.message().find("certificate verify failed") != std::string::npos);
  r.client.reset();
  r.client.set_host("localhost");
  r.client.next_layer() = typename Stream::next_layer_type(r.connect());
  r.check_connection();
}

BOOST_AUTO_TEST_SUITE_END()
