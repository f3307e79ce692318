// SPDX-License-Identifier: BSL-1.0
// Do the mistakes that were once made stay mended? One case each, named for what the user would have seen.
#define BOOST_TEST_MODULE adapter_regressions
#include "asio_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <optional>

BOOST_AUTO_TEST_SUITE(regressions)

using namespace tlsmode;
using namespace tlsmode::test;

// The progress of such a write was kept in the operation, which was gone when the call was repeated.
BOOST_AUTO_TEST_CASE(a_repeated_non_blocking_write_of_many_buffers_doubles_nothing) {
  open_pair<our_client> p({.buffer = tiny});
  p.client.clear_mode(mode::enable_partial_write);
  p.client.next_layer().non_blocking(true);
  const std::string data = random_bytes(500'000, 7);
  std::vector<net::const_buffer> buffers;
  for (std::size_t at = 0; at < data.size(); at += 5'000)
    buffers.push_back(net::buffer(data.data() + at, 5'000));
  receiver<asio_stream> peer(p.server);
  peer.start();
  error_code ec = net::error::would_block;
  std::size_t n = 0;
  for (int i = 0; i < 100'000 && ec == net::error::would_block; ++i) {
    n = p.client.write_some(buffers, ec);
    p.io.restart();
    p.io.poll();
  }
  BOOST_TEST(!ec);
  BOOST_TEST(n == data.size());
  run_until(p.io, [&] { return peer.data().size() >= data.size(); });
  BOOST_TEST((peer.data() == data));
}

// The slot of the operation that sends held-back bytes knew the socket by its address. The address sanitizer
// saw it.
BOOST_AUTO_TEST_CASE(a_stream_that_moves_while_held_back_bytes_wait_sends_them) {
  open_pair<our_client> p({.buffer = tiny});
  auto stream = std::make_unique<tls_stream>(std::move(p.client));
  const std::string data = random_bytes(200'000, 8);
  operation write = start_write(*stream, net::buffer(data));
  settle(p.io);
  BOOST_REQUIRE(!write.done());
  std::string room(100, '\0');
  const operation read = start_read(*stream, net::buffer(room));
  write.cancel();
  settle(p.io);
  BOOST_REQUIRE(write.aborted());
  BOOST_REQUIRE(write.bytes() != 0);

  auto moved = std::make_unique<tls_stream>(std::move(*stream));
  stream.reset();
  receiver<asio_stream> peer(p.server);
  peer.start(write.bytes());
  run_until(p.io, [&] { return peer.done(); });
  BOOST_TEST((peer.data() == data.substr(0, write.bytes())));
  moved.reset();
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST(read.aborted());
}

// set_verify_mode() put our own callback over one that the program had installed on the native object.
BOOST_AUTO_TEST_CASE(a_verify_callback_on_the_native_object_goes_on_deciding) {
  tls_pair<tls_stream, asio_stream> p;
  SSL_set_verify(p.client.native_handle(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 0; });
  p.client.set_verify_mode(net::ssl::verify_peer);
  const operation c = start_handshake(p.client, as_client);
  const operation s = start_handshake(p.server, as_server);
  run_until(p.io, [&] { return c.done() && s.done(); });
  BOOST_TEST((c.ec().category() == net::error::get_ssl_category()));
  BOOST_TEST(c.ec().message().find("certificate verify failed") != std::string::npos, c.ec().message());
}

// It waited behind the outstanding read, and for ever.
BOOST_AUTO_TEST_CASE(an_empty_read_does_not_wait_for_another_one) {
  open_pair<our_client> p;
  std::string room(10, '\0');
  operation waiting = start_read(p.client, net::buffer(room));
  const operation empty = start_read(p.client, net::mutable_buffer());
  BOOST_TEST(!empty.done()); // and not from inside the call
  run_until(p.io, [&] { return empty.done(); });
  BOOST_TEST(!empty.ec());
  BOOST_TEST(empty.bytes() == 0U);
  error_code ec;
  BOOST_TEST(p.client.read_some(net::mutable_buffer(), ec) == 0U);
  BOOST_TEST(!ec);
  BOOST_TEST(!waiting.done());
  waiting.cancel();
  run_until(p.io, [&] { return waiting.done(); });
}

BOOST_AUTO_TEST_SUITE_END()
