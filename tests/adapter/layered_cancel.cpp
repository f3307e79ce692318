// SPDX-License-Identifier: BSL-1.0
// Over a layer that is not a plain socket: does a cancelled operation leave what is promised, does what was
// sealed still arrive, and do failures of the layer reach whoever waits?
#include "asio_transfer.hpp"
#include "counting_layer.hpp"

#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <memory>
#include <optional>

BOOST_AUTO_TEST_SUITE(layered_cancel)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

using layered = stream<counting_layer>;

struct layered_pair {
  explicit layered_pair(int buffer = tiny)
      : sockets(tcp_pair(io.get_executor(), io.get_executor(), buffer)),
        client(std::in_place, counting_layer(std::move(sockets.first)), for_client),
        server(std::move(sockets.second), for_server) {}
  void handshake() {
    const operation c = start_handshake(*client, as_client);
    const operation s = start_handshake(server, as_server);
    run_until(io, [&] { return c.done() && s.done(); });
    BOOST_REQUIRE(c.good());
    BOOST_REQUIRE(s.good());
  }
  net::io_context io;
  net::ssl::context for_client = client_context(TLS1_3_VERSION);
  net::ssl::context for_server = server_context(TLS1_3_VERSION);
  std::pair<tcp_socket, tcp_socket> sockets;
  std::optional<layered> client;
  tls_stream server;
};

constexpr net::cancellation_type types[] = {net::cancellation_type::terminal, net::cancellation_type::partial,
                                            net::cancellation_type::total};

// What reaches the server, up to the end that the client makes.
std::string read_to_end(layered_pair& p) {
  receiver<tls_stream> at_server(p.server);
  at_server.start();
  const operation bye = start_shutdown_form(*p.client, shutdown_form::send_only);
  run_until(p.io, [&] { return at_server.done() && bye.done(); });
  BOOST_TEST(bye.ec() == error_code());
  BOOST_TEST(at_server.ec() == net::error::eof);
  return at_server.data();
}

} // namespace

BOOST_AUTO_TEST_CASE(a_cancelled_read_loses_nothing) {
  for (const auto type : types) {
    layered_pair p;
    p.handshake();
    std::array<char, 10> room{};
    operation read = start_read(*p.client, net::buffer(room));
    settle(p.io);
    BOOST_TEST(!read.done());
    read.cancel(type);
    run_until(p.io, [&] { return read.done(); });
    BOOST_TEST(read.aborted());
    const operation write = start_write(p.server, net::buffer("hello", 5));
    const operation again = start_read(*p.client, net::buffer(room));
    run_until(p.io, [&] { return write.done() && again.done(); });
    BOOST_TEST(std::string_view(room.data(), again.bytes()) == "hello");
    BOOST_TEST(p.client->next_layer().counts().most_reads == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_write_arrives_as_far_as_it_says) {
  for (const auto type : types) {
    layered_pair p;
    p.handshake();
    p.client->clear_mode(mode::enable_partial_write);
    const std::string text = random_bytes(1 << 20, 1);
    operation write = start_write(*p.client, net::buffer(text));
    settle(p.io);
    BOOST_TEST(!write.done());
    write.cancel(type);
    settle(p.io);
    if (type == net::cancellation_type::total) {
      BOOST_TEST(!write.done(), "total means all or nothing, and some of it is sealed");
      write.cancel(net::cancellation_type::partial);
    }
    run_until(p.io, [&] { return write.done(); });
    BOOST_TEST(write.aborted());
    BOOST_TEST(write.bytes() > 0U);
    BOOST_TEST(write.bytes() < text.size());
    const operation next = start_write(*p.client, net::buffer("goodbye", 7));
    const std::string got = read_to_end(p);
    BOOST_TEST(next.good());
    BOOST_TEST((got == text.substr(0, write.bytes()) + "goodbye"));
    BOOST_TEST(p.client->next_layer().counts().most_writes == 1);
  }
}

BOOST_AUTO_TEST_CASE(what_a_cancelled_write_sealed_goes_out_behind_a_read) {
  layered_pair p;
  p.handshake();
  p.client->clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(1 << 20, 2);
  operation write = start_write(*p.client, net::buffer(text));
  settle(p.io);
  write.cancel();
  run_until(p.io, [&] { return write.done(); });
  std::array<char, 10> room{};
  const operation read = start_read(*p.client, net::buffer(room)); // nobody writes or shuts down
  receiver<tls_stream> at_server(p.server);
  at_server.start(write.bytes());
  run_until(p.io, [&] { return at_server.done(); });
  BOOST_TEST((at_server.data() == text.substr(0, write.bytes())));
  BOOST_TEST(!read.done());
}

BOOST_AUTO_TEST_CASE(a_cancelled_handshake_goes_on) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial}) {
    layered_pair p;
    operation c = start_handshake(*p.client, as_client);
    settle(p.io);
    c.cancel(type);
    run_until(p.io, [&] { return c.done(); });
    BOOST_TEST(c.aborted());
    p.handshake();
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_shutdown_goes_on) {
  layered_pair p;
  p.handshake();
  operation bye = start_shutdown(*p.client);
  settle(p.io);
  BOOST_TEST(!bye.done());
  bye.cancel();
  run_until(p.io, [&] { return bye.done(); });
  BOOST_TEST(bye.aborted());
  const operation again = start_shutdown(*p.client);
  const operation bye_too = start_shutdown(p.server);
  run_until(p.io, [&] { return again.done() && bye_too.done(); });
  BOOST_TEST(again.ec() == error_code());
  BOOST_TEST(bye_too.ec() == error_code());
}

BOOST_AUTO_TEST_CASE(operations_that_wait_in_line_are_cancelled_without_harm) {
  layered_pair p;
  p.handshake();
  p.client->clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(300'000, 3);
  const operation first = start_write(*p.client, net::buffer(text));
  operation second = start_write(*p.client, net::buffer("never", 5));
  const operation third = start_write(*p.client, net::buffer("third", 5));
  settle(p.io);
  second.cancel();
  run_until(p.io, [&] { return second.done(); });
  BOOST_TEST(second.aborted());
  BOOST_TEST(second.bytes() == 0U);
  const std::string got = read_to_end(p);
  BOOST_TEST(first.good());
  BOOST_TEST(third.good());
  BOOST_TEST((got == text + "third"));
}

BOOST_AUTO_TEST_CASE(a_stream_destroyed_with_operations_outstanding) {
  layered_pair p;
  p.handshake();
  p.client->clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(1 << 20, 4);
  std::array<char, 10> room{};
  const operation ops[] = {start_write(*p.client, net::buffer(text)),
                           start_write(*p.client, net::buffer(text)),
                           start_read(*p.client, net::buffer(room)), start_read(*p.client, net::buffer(room)),
                           start_shutdown(*p.client)};
  settle(p.io);
  p.client.reset();
  run_out(p.io);
  for (const operation& op : ops) {
    BOOST_TEST(op.calls() == 1);
    BOOST_TEST(op.aborted());
  }
}

BOOST_AUTO_TEST_CASE(a_peer_that_is_gone_fails_the_writes_that_wait) {
  layered_pair p;
  p.handshake();
  p.client->clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(1 << 20, 5);
  const operation write = start_write(*p.client, net::buffer(text));
  settle(p.io);
  p.server.next_layer().set_option(net::socket_base::linger(true, 0));
  p.server.next_layer().close(); // a reset
  run_until(p.io, [&] { return write.done(); });
  BOOST_TEST((write.ec() == net::error::connection_reset || write.ec() == net::error::broken_pipe));
  const operation next = start_write(*p.client, net::buffer("x", 1));
  run_until(p.io, [&] { return next.done(); });
  BOOST_TEST(bool(next.ec()));
}

BOOST_AUTO_TEST_CASE(the_end_without_close_notify_is_a_truncation) {
  layered_pair p;
  p.handshake();
  std::array<char, 10> room{};
  const operation read = start_read(*p.client, net::buffer(room));
  p.server.next_layer().close();
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST(read.ec() == net::ssl::error::stream_truncated);
}

BOOST_AUTO_TEST_CASE(a_failed_connection_completes_although_nobody_takes_its_alert) {
  layered_pair p;
  p.handshake();
  p.client->clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(1 << 20, 6);
  const operation write = start_write(*p.client, net::buffer(text)); // fills the way to the peer
  std::array<char, 10> room{};
  const operation read = start_read(*p.client, net::buffer(room));
  settle(p.io);
  net::write(p.server.next_layer(), net::buffer("this is no TLS record, it is text"));
  run_until(p.io, [&] { return read.done() && write.done(); });
  BOOST_TEST((read.ec().category() == net::error::get_ssl_category()));
  BOOST_TEST((write.ec().category() == net::error::get_ssl_category()));
}

BOOST_AUTO_TEST_SUITE_END()
