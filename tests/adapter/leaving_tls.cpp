// SPDX-License-Identifier: BSL-1.0
// Can a protocol that was plain before TLS be plain again after it, with release(), and is no byte lost on
// the way?
#include "asio_layered.hpp"
#include "asio_relay.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>

BOOST_AUTO_TEST_SUITE(leaving_tls)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

tcp_socket& plain(tcp_socket& s) { return s; }
tcp_socket& plain(counting_layer& l) { return l.socket(); }

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads what was left over, and then the socket, until there are `n` bytes.
template <class Released>
std::string take(Released& r, std::size_t n) {
  std::string got = text_of(r.unread);
  if (got.size() < n) {
    wait_for_bytes(plain(r.next_layer), n - got.size());
    std::string rest(n - got.size(), '\0');
    net::read(plain(r.next_layer), net::buffer(rest));
    got += rest;
  }
  return got;
}

// Data both ways, and an orderly end; the peer's plain text follows its close_notify at once.
template <class Stream>
void talk_and_close(relayed_pair<Stream, asio_stream>& p, std::string_view after) {
  const operation there = start_write(p.client, net::buffer("ping", 4));
  const operation back = start_write(p.server, net::buffer("pong", 4));
  receiver<Stream> at_client(p.client);
  receiver<asio_stream> at_server(p.server);
  at_client.start(4);
  at_server.start(4);
  p.run_until([&] { return there.done() && back.done() && at_client.done() && at_server.done(); });
  BOOST_TEST(at_client.data() == "pong");
  BOOST_TEST(at_server.data() == "ping");

  const operation bye = start_shutdown_form(p.client, shutdown_form::send_only);
  const operation answer = start_shutdown(p.server);
  test::run_until(p.io, [&] {
    p.send_to_server(p.from_client());
    return bye.done() && answer.done();
  });
  BOOST_TEST(bye.good());
  BOOST_TEST(answer.good());
  net::write(p.server.next_layer(), net::buffer(after));
  std::string both = p.from_server();
  for (int i = 0; i < 1000 && !both.ends_with(after); ++i) {
    settle(p.io);
    both += p.from_server();
  }
  BOOST_REQUIRE(both.ends_with(after));
  p.send_to_client(both); // in one segment
  wait_for_bytes(socket_of(p.client), both.size());
  receiver<Stream> end(p.client);
  end.start();
  test::run_until(p.io, [&] { return end.done(); });
  BOOST_TEST(end.ec() == net::error::eof);
  BOOST_TEST(end.data().empty());
}

template <class Stream>
void check_leaving(int version) {
  relayed_pair<Stream, asio_stream> p(version);
  p.client.set_read_ahead(0);
  net::write(socket_of(p.client), net::buffer("STARTTLS", 8));
  BOOST_TEST(p.next_from_client() == "STARTTLS");
  net::write(p.to_client(), net::buffer("OK", 2));
  std::array<char, 2> ok{};
  net::read(socket_of(p.client), net::buffer(ok));
  p.handshake();
  talk_and_close(p, "plain text again");
  typename Stream::released r = p.client.release();
  BOOST_TEST(take(r, 16) == "plain text again");
  net::write(plain(r.next_layer), net::buffer("indeed", 6));
  BOOST_TEST(p.next_from_client().ends_with("indeed"));
  // All that is left to do with the stream.
  net::ssl::context settings = client_context(version);
  p.client = Stream(std::move(r.next_layer), settings);
  BOOST_TEST((p.client.state() == connection_state::fresh));
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(plain_text_before_and_after, Stream, both_channels) {
  for (const int version : versions) check_leaving<Stream>(version);
}

// Read-ahead takes what follows close_notify into OpenSSL, where nobody gets at it: that is told, not lost.
BOOST_AUTO_TEST_CASE_TEMPLATE(with_read_ahead_it_is_refused_if_anything_would_be_lost, Stream,
                              both_channels) {
  relayed_pair<Stream, asio_stream> p;
  p.handshake();
  talk_and_close(p, "plain text again");
  error_code ec;
  BOOST_TEST(!p.client.release(ec).has_value());
  BOOST_TEST(ec == tlsmode::error::unread_data);
  BOOST_CHECK_THROW((void)p.client.release(), boost::system::system_error);
  BOOST_TEST(socket_of(p.client).is_open(), "nothing has changed");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(with_read_ahead_and_nothing_behind_it_is_fine, Stream, both_channels) {
  relayed_pair<Stream, asio_stream> p;
  p.handshake();
  talk_and_close(p, "");
  typename Stream::released r = p.client.release();
  BOOST_TEST(r.unread.empty());
  net::write(p.to_client(), net::buffer("plain", 5));
  BOOST_TEST(take(r, 5) == "plain");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(unread_data_is_not_dropped, Stream, both_channels) {
  open_pair<tls_pair<Stream, asio_stream>> p;
  const operation write = start_write(p.server, net::buffer("hello", 5));
  const operation wait = start_wait(p.client, net::socket_base::wait_read);
  run_until(p.io, [&] { return write.done() && wait.done(); });
  error_code ec;
  BOOST_TEST(!p.client.release(ec).has_value());
  BOOST_TEST(ec == tlsmode::error::unread_data);
  std::array<char, 10> room{};
  const operation read = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST(std::string_view(room.data(), read.bytes()) == "hello");
  BOOST_TEST(p.client.release(ec).has_value());
  BOOST_TEST(ec == error_code());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(while_anything_is_under_way_it_is_refused, Stream, both_channels) {
  open_pair<tls_pair<Stream, asio_stream>> p({TLS1_3_VERSION, tiny});
  std::array<char, 10> room{};
  operation read = start_read(p.client, net::buffer(room));
  error_code ec;
  BOOST_TEST(!p.client.release(ec).has_value());
  BOOST_TEST(ec == tlsmode::error::operation_in_progress);
  const std::string text = random_bytes(200000, 1);
  operation write = start_write(p.client, net::buffer(text));
  settle(p.io);
  write.cancel();
  read.cancel();
  run_until(p.io, [&] { return write.done() && read.done(); });
  settle(p.io);
  BOOST_REQUIRE(write.bytes() > 0);
  BOOST_TEST(!p.client.release(ec).has_value());
  BOOST_TEST(ec == tlsmode::error::operation_in_progress, "the peer is owed what is sealed");
  const operation next = start_write(p.client, net::buffer("end", 3));
  receiver in(p.server);
  in.start(write.bytes() + 3);
  run_until(p.io, [&] { return in.done() && next.done(); });
  BOOST_TEST(p.client.release(ec).has_value());
}

// What a caller handed over with the handshake, and TLS had no use for, comes back.
BOOST_AUTO_TEST_CASE_TEMPLATE(bytes_handed_over_come_back, Stream, both_channels) {
  relayed_pair<asio_stream, Stream> p;
  p.server.set_read_ahead(0);
  const operation c = start_handshake(p.client, as_client);
  operation first;
  const std::string hello = p.next_from_client();
  p.server.async_handshake(as_server, net::buffer(hello), first.make_handler());
  settle(p.io);
  first.cancel();
  test::run_until(p.io, [&] { return first.done(); });
  test::run_until(p.io, [&] {
    p.send_to_client(p.from_server());
    return c.done();
  });
  const operation bye = start_shutdown(p.client);
  settle(p.io);
  std::string rest = p.next_from_client();
  settle(p.io);
  rest += p.from_client();
  rest += "plain text again";
  operation second;
  p.server.async_handshake(as_server, net::buffer(rest), second.make_handler());
  test::run_until(p.io, [&] { return second.done(); });
  BOOST_TEST(second.good());
  BOOST_TEST(second.bytes() == rest.size());
  const operation answer = start_shutdown(p.server);
  p.run_until([&] { return bye.done() && answer.done(); });
  BOOST_TEST(answer.good());
  const typename Stream::released r = p.server.release();
  BOOST_TEST(text_of(r.unread) == "plain text again");
}

// A stream on a layer that somebody else owns gives the reference back.
BOOST_AUTO_TEST_CASE(references) {
  net::io_context io;
  net::ssl::context for_client = client_context(TLS1_3_VERSION);
  net::ssl::context for_server = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor());
  counting_layer layer(std::move(sockets.second));
  {
    stream<tcp_socket&> client(sockets.first, for_client);
    stream<counting_layer&> server(layer, for_server);
    client.set_read_ahead(0);
    server.set_read_ahead(0);
    const operation c = start_handshake(client, as_client);
    const operation s = start_handshake(server, as_server);
    run_until(io, [&] { return c.done() && s.done(); });
    const operation bye = start_shutdown(client);
    const operation bye_too = start_shutdown(server);
    run_until(io, [&] { return bye.done() && bye_too.done(); });
    stream<tcp_socket&>::released a = client.release();
    stream<counting_layer&>::released b = server.release();
    BOOST_TEST(&a.next_layer == &sockets.first);
    BOOST_TEST(&b.next_layer == &layer);
    BOOST_TEST(a.unread.empty());
    BOOST_TEST(b.unread.empty());
  }
  net::write(sockets.first, net::buffer("plain", 5));
  std::array<char, 5> room{};
  net::read(layer.socket(), net::buffer(room));
  BOOST_TEST(std::string_view(room.data(), 5) == "plain");
}

BOOST_AUTO_TEST_SUITE_END()
