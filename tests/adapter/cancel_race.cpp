// SPDX-License-Identifier: BSL-1.0
// Is a signal lost that arrives after the event that an operation waits for, and before the operation runs
// again? The handlers have an io_context of their own here, so that the test can come in between.
#include "asio_relay.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <sys/socket.h>

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

struct race : relayed_pair<tls_stream, asio_stream> {
  using relayed_pair::relayed_pair;

  // Starts an operation whose handlers run in `handlers`.
  template <class Start>
  operation held(Start start) {
    operation op;
    start(net::bind_executor(handlers.get_executor(), op.make_handler()));
    return op;
  }
  operation held_read() {
    return held([&](auto handler) { client.async_read_some(net::buffer(room), std::move(handler)); });
  }
  operation held_write(std::string_view text) {
    return held([&](auto handler) { client.async_write_some(net::buffer(text), std::move(handler)); });
  }

  // Lets the socket find out, but not the operation.
  void notice() { settle(io); }
  void resume() { settle(handlers); }

  void check_aborted(const operation& op) {
    resume();
    BOOST_TEST(op.done(), "the signal is not lost");
    BOOST_TEST(op.aborted());
    BOOST_TEST(op.bytes() == 0U);
  }

  net::io_context handlers;
  std::array<char, 100> room{};
};

} // namespace

BOOST_AUTO_TEST_SUITE(cancelled_before_resumption)

BOOST_AUTO_TEST_CASE(a_read_that_half_a_record_woke) {
  race p;
  p.handshake();
  operation read = p.held_read();
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  test::run_until(p.io, [&] { return reply.done(); });
  p.send_to_client(p.next_from_server(10));
  p.notice();
  read.cancel(net::cancellation_type::total);
  p.check_aborted(read);
  const operation again = p.held_read();
  p.run_until([&] {
    p.handlers.restart();
    p.handlers.poll();
    return again.done();
  });
  BOOST_TEST(std::string_view(p.room.data(), again.bytes()) == "hello");
}

// What a socket takes beyond what it has said it would: below a third of its buffer it does not say so.
void fill(tcp_socket& socket) {
  const std::string junk = random_bytes(4096, 2); // nobody will read it
  while (::send(socket.native_handle(), junk.data(), junk.size(), MSG_DONTWAIT) > 0) {
  }
}

BOOST_AUTO_TEST_CASE(a_write_that_has_sealed_nothing_honours_total) {
  race p(TLS1_3_VERSION, 64 * 1024);
  p.handshake();
  const std::string text = random_bytes(4 << 20, 1);
  p.client.clear_mode(mode::enable_partial_write);
  operation first = p.held_write(text);
  until_full([&] {
    p.notice();
    p.resume();
    return p.client.stats().cipher_written;
  });
  BOOST_REQUIRE(!first.done());
  first.cancel();
  p.notice();
  p.resume();
  BOOST_REQUIRE(first.aborted());
  fill(p.client.next_layer());
  operation second = p.held_write("0123456789"); // waits for the first one's bytes to go out
  BOOST_REQUIRE(!second.done());
  for (int i = 0; i < 20; ++i) { // room for all of it
    p.from_client();
    p.notice();
  }
  second.cancel(net::cancellation_type::total);
  p.check_aborted(second);
}

BOOST_AUTO_TEST_CASE(a_write_whose_turn_has_come) {
  race p(TLS1_3_VERSION, tiny);
  p.handshake();
  const std::string text = random_bytes(100000, 1);
  operation first = p.held_write(text);
  operation second = p.held_write(text);
  operation third = p.held_write(text);
  p.notice();
  p.resume();
  first.cancel();
  p.notice(); // the first one is told,
  p.handlers.restart();
  while (!first.done()) p.handlers.poll_one(); // ends, and passes the turn on
  p.notice();
  second.cancel(net::cancellation_type::total);
  p.check_aborted(second);
  BOOST_TEST(!third.done());
  // The turn was passed on: the third write is in the engine, and has sealed something once there is room.
  for (int i = 0; i < 100 && !third.done(); ++i) {
    p.from_client();
    p.notice();
    p.resume();
  }
  BOOST_TEST(third.good());
}

BOOST_AUTO_TEST_CASE(a_handshake_that_half_a_flight_woke) {
  race p;
  operation c = p.held([&](auto handler) { p.client.async_handshake(as_client, std::move(handler)); });
  const operation s = start_handshake(p.server, as_server);
  p.notice();
  p.send_to_server(p.next_from_client());
  p.notice();
  p.send_to_client(p.next_from_server(50));
  p.notice();
  c.cancel();
  p.check_aborted(c);
  const operation again = start_handshake(p.client, as_client);
  p.run_until([&] { return again.done() && s.done(); });
  BOOST_TEST(again.good());
}

BOOST_AUTO_TEST_SUITE_END()
