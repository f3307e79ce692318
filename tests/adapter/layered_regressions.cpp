// SPDX-License-Identifier: BSL-1.0
// Mistakes that were found in the way through memory, and in what outlives a stream: each stays mended.
#include "asio_layered.hpp"
#include "asio_pausing.hpp"

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <optional>

BOOST_AUTO_TEST_SUITE(layered_regressions)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

struct layered_pair : tls_pair<layered_stream, tls_stream> {
  layered_pair() : tls_pair(pair_options{TLS1_3_VERSION, tiny}) { handshake(); }
};

// Writes without waiting until nothing more goes: what was reported, and what must be written again.
struct full {
  explicit full(layered_stream& s) {
    error_code ec;
    for (int i = 0; i < 1000 && !ec; ++i) {
      unfinished = random_bytes(5000, 100 + static_cast<unsigned>(i));
      const std::size_t n = s.write_some(net::buffer(unfinished), ec);
      reported += unfinished.substr(0, n);
    }
    BOOST_REQUIRE(ec == net::error::would_block);
  }
  std::string reported;
  std::string unfinished;
};

} // namespace

// Every error of a synchronous operation used to drop what the channel had not sent yet.
BOOST_AUTO_TEST_CASE(an_error_that_is_no_failure_drops_nothing) {
  layered_pair p;
  const operation bye = start_shutdown_form(p.server, shutdown_form::send_only);
  run_until(p.io, [&] { return bye.done(); });
  socket_of(p.client).non_blocking(true);
  wait_for_bytes(socket_of(p.client));
  const full written(p.client);
  std::string reported = written.reported;
  error_code ec;
  std::array<char, 10> room{};
  p.client.read_some(net::buffer(room), ec);
  BOOST_TEST(ec == net::error::eof);
  p.client.handshake(as_server, ec);
  BOOST_TEST((ec == error::wrong_role));
  receiver<tls_stream> at_server(p.server);
  at_server.start();
  bool finished = false;
  run_until(p.io, [&] {
    if (!finished) {
      const std::size_t n = p.client.write_some(net::buffer(written.unfinished), ec);
      finished = !ec;
      reported += written.unfinished.substr(0, n);
    } else {
      p.client.shutdown(shutdown_form::send_only, ec); // as often as it takes
    }
    return at_server.done();
  });
  BOOST_TEST(at_server.ec() == net::error::eof);
  BOOST_TEST((at_server.data() == reported));
}

// A read used to wait until everything was sent, although the data was there.
BOOST_AUTO_TEST_CASE(a_read_that_may_not_block_reads_although_nothing_can_be_sent) {
  layered_pair p;
  const operation write = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] { return write.done(); });
  socket_of(p.client).non_blocking(true);
  wait_for_bytes(socket_of(p.client));
  const full written(p.client);
  error_code ec;
  std::array<char, 10> room{};
  std::size_t n = 0;
  for (int i = 0; i < 10 && n == 0; ++i) n = p.client.read_some(net::buffer(room), ec);
  BOOST_TEST(std::string_view(room.data(), n) == "hello");
}

// An end of the stream used to wait for a blocked write, as a failure waits for its alert.
BOOST_AUTO_TEST_CASE(the_end_is_told_at_once_while_a_write_is_blocked) {
  layered_pair p;
  p.client.clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(1 << 20, 1);
  const operation write = start_write(p.client, net::buffer(text));
  std::array<char, 10> room{};
  const operation read = start_read(p.client, net::buffer(room));
  settle(p.io);
  const operation bye = start_shutdown_form(p.server, shutdown_form::send_only);
  bool alert_time = false; // 2 s: what a failed connection waits for
  net::steady_timer timer(p.io, std::chrono::milliseconds(1500));
  timer.async_wait([&](error_code ec) { alert_time = !ec; });
  run_until(p.io, [&] { return read.done() || alert_time; });
  BOOST_TEST(read.ec() == net::error::eof);
  BOOST_TEST(!write.done());
}

// A layer that is only referred to, and whose cancel() takes no error code, was not cancelled.
BOOST_AUTO_TEST_CASE(a_stream_on_a_referenced_layer_aborts_its_operations_when_destroyed) {
  net::io_context io;
  net::ssl::context settings = client_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor());
  boost::beast::tcp_stream layer(std::move(sockets.first));
  std::optional<stream<boost::beast::tcp_stream&>> client(std::in_place, layer, settings);
  const operation c = start_handshake(*client, as_client);
  settle(io);
  client.reset();
  run_out(io);
  BOOST_TEST(c.aborted());
  BOOST_TEST(layer.socket().is_open());
}

// The same for TLS in TLS.
BOOST_AUTO_TEST_CASE(a_stream_on_a_referenced_stream_aborts_its_operations_when_destroyed) {
  tls_pair<tls_stream, tls_stream> p;
  p.handshake();
  std::optional<stream<tls_stream&>> inner(std::in_place, p.client, p.client_settings);
  const operation c = start_handshake(*inner, as_client);
  settle(p.io);
  inner.reset();
  run_out(p.io);
  BOOST_TEST(c.aborted());
}

// Crypto that calls back after all is gone used to find a dead io_context.
BOOST_AUTO_TEST_CASE(a_late_callback_finds_nobody) {
  pausing key(waking::callback);
  SSL* orphan = nullptr; // its job cannot be ended with the stream
  {
    our_server p;
    orphan = p.server.native_handle();
    key.install(p.server.native_handle());
    p.server.set_mode(mode::async);
    p.server.set_placement(placement::inline_);
    const operation c = start_handshake(p.client, as_client);
    const operation s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return key.pauses() == 1; });
  }
  key.release_now();
  SSL_set0_rbio(orphan, BIO_new(BIO_s_null()));
  SSL_set0_wbio(orphan, BIO_new(BIO_s_null()));
  for (int i = 0; i < 10 && SSL_waiting_for_async(orphan) == 1; ++i) SSL_do_handshake(orphan);
  BOOST_TEST(SSL_waiting_for_async(orphan) == 0);
  SSL_free(orphan);
}

BOOST_AUTO_TEST_SUITE_END()
