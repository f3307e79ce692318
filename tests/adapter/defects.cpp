// SPDX-License-Identifier: BSL-1.0
// Do the ten defects of boost::asio::ssl::stream stay away, over a plain socket and over any other layer? A
// case each, D1 to D10. Where it is safe the same script runs over boost::asio::ssl::stream first, to show
// that the defect is real. D10 goes on in reuse.cpp, what operations cost in frugality.cpp.
#define BOOST_TEST_MODULE adapter_defects
#include "asio_counters.hpp"
#include "asio_layered.hpp"
#include "asio_pausing.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>
#include <optional>

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

#if defined(TLSMODE_SANITIZE_ADDRESS)
constexpr bool leaks_are_errors = true;
#else
constexpr bool leaks_are_errors = false;
#endif

// boost::asio::ssl::stream insists on a lowest layer.
struct counting_socket : counting_layer {
  using counting_layer::counting_layer;
  using lowest_layer_type = tcp_socket::lowest_layer_type;
  lowest_layer_type& lowest_layer() { return socket().lowest_layer(); }
};
using counted_asio_stream = net::ssl::stream<counting_socket>;

template <class Stream>
using client_pair = open_pair<tls_pair<Stream, asio_stream>>;

// Transport reads, if the layer counts them.
template <class Stream>
int most_reads_at_once(Stream& s) {
  if constexpr (requires { s.next_layer().counts(); })
    return s.next_layer().counts().most_reads;
  else
    return 1;
}

// ---- the scripts ----

// Two reads, 60 KB in small segments. True if every byte arrived.
template <class Stream>
bool two_reads(client_pair<Stream>& p) {
  const std::string text = random_bytes(60000, 1);
  std::array<std::string, 2> rooms{std::string(30000, '\0'), std::string(30000, '\0')};
  operation first = start_read(p.client, net::buffer(rooms[0]));
  operation second = start_read(p.client, net::buffer(rooms[1]));
  sender out(p.server, text);
  out.start();
  settle(p.io);
  std::string got = rooms[0].substr(0, first.bytes()) + rooms[1].substr(0, second.bytes());
  if (first.ec() || second.ec() || !second.done()) return false;
  while (got.size() < text.size()) {
    const operation rest = start_read(p.client, net::buffer(rooms[0]));
    run_until(p.io, [&] { return rest.done(); });
    if (rest.ec()) return false;
    got.append(rooms[0], 0, rest.bytes());
  }
  return got == text;
}

struct exchanged {
  std::size_t reported = 0; // by the writes
  std::size_t arrived = 0;
  bool exact = false; // what arrived is what was reported
  error_code at_peer;
};

// A blocked write, another one behind it, and then a peer that reads.
template <class Stream>
exchanged write_behind_write(client_pair<Stream>& p) {
  const std::string large = random_bytes(16384, 1);
  const std::string small = random_bytes(100, 2);
  const operation first = start_write(p.client, net::buffer(large));
  const operation second = start_write(p.client, net::buffer(small));
  receiver in(p.server);
  in.start();
  run_until(p.io, [&] { return first.done() && second.done(); });
  settle(p.io);
  const std::string expected = large.substr(0, first.bytes()) + small.substr(0, second.bytes());
  return {expected.size(), in.data().size(), in.data() == expected, in.ec()};
}

// A blocked write, a shutdown behind it, and then a peer that reads and answers. True if both complete.
template <class Stream>
bool shutdown_behind_write(client_pair<Stream>& p) {
  const std::string text = random_bytes(16384, 1);
  const operation write = start_write(p.client, net::buffer(text));
  settle(p.io);
  const operation bye = start_shutdown(p.client);
  settle(p.io);
  receiver in(p.server);
  in.start();
  settle(p.io);
  if (in.ec() != net::error::eof) return false; // close_notify does not come
  const operation answer = start_shutdown(p.server);
  run_until(p.io, [&] { return bye.done() && answer.done(); });
  return write.good() && in.data() == text && bye.good();
}

// Three reads, the second one is cancelled. True if that ended it.
template <class Stream>
bool cancel_a_waiter(client_pair<Stream>& p, net::cancellation_type type) {
  std::array<std::array<char, 10>, 3> rooms{};
  const operation first = start_read(p.client, net::buffer(rooms[0]));
  operation second = start_read(p.client, net::buffer(rooms[1]));
  const operation third = start_read(p.client, net::buffer(rooms[2]));
  settle(p.io);
  second.cancel(type);
  settle(p.io);
  return second.aborted() && !first.done() && !third.done();
}

// A blocked write is cancelled, another one follows, the peer reads.
template <class Stream>
exchanged write_after_cancelled_write(client_pair<Stream>& p) {
  const std::string text = random_bytes(200000, 1);
  operation write = start_write(p.client, net::buffer(text));
  settle(p.io);
  write.cancel();
  run_until(p.io, [&] { return write.done(); });
  BOOST_TEST(write.aborted());
  const std::string more = random_bytes(16384, 2);
  const operation next = start_write(p.client, net::buffer(more));
  receiver in(p.server);
  in.start();
  run_until(p.io, [&] { return next.done(); });
  settle(p.io);
  const std::string expected = text.substr(0, write.bytes()) + more.substr(0, next.bytes());
  return {write.bytes(), in.data().size(), in.data() == expected, in.ec()};
}

// The callbacks that ask OpenSSL to come back later. Each says so three times.
struct later {
  int asked = 0;
  [[nodiscard]] bool again() { return ++asked <= 3; }
};

template <class Pair>
std::pair<error_code, error_code> shake_hands(Pair& p) {
  const operation c = start_handshake(p.client, as_client, [&](error_code ec, std::size_t) {
    if (ec) socket_of(p.client).close();
  });
  const operation s = start_handshake(p.server, as_server, [&](error_code ec, std::size_t) {
    if (ec) socket_of(p.server).close();
  });
  run_until(p.io, [&] { return c.done() && s.done(); });
  return {c.ec(), s.ec()};
}

template <class Server>
error_code certificate_later() {
  tls_pair<asio_stream, Server> p;
  later cb;
  SSL_set_cert_cb(
      p.server.native_handle(), [](SSL*, void* l) { return static_cast<later*>(l)->again() ? -1 : 1; }, &cb);
  const error_code ec = shake_hands(p).second;
  BOOST_TEST(cb.asked >= 1);
  return ec;
}

template <class Server>
error_code client_hello_later() {
  tls_pair<asio_stream, Server> p;
  later cb;
  SSL_CTX_set_client_hello_cb(
      p.server_settings.native_handle(),
      [](SSL*, int*, void* l) {
        return static_cast<later*>(l)->again() ? SSL_CLIENT_HELLO_RETRY : SSL_CLIENT_HELLO_SUCCESS;
      },
      &cb);
  const error_code ec = shake_hands(p).second;
  BOOST_TEST(cb.asked >= 1);
  return ec;
}

template <class Client>
error_code verification_later() {
  tls_pair<Client, asio_stream> p;
  later cb;
  SSL_CTX_set_cert_verify_callback(
      p.client_settings.native_handle(),
      [](X509_STORE_CTX* store, void* l) {
        auto* const ssl =
            static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
        if (static_cast<later*>(l)->again()) return static_cast<int>(SSL_set_retry_verify(ssl));
        return 1;
      },
      &cb);
  const error_code ec = shake_hands(p).first;
  BOOST_TEST(cb.asked >= 1);
  return ec;
}

template <class Server>
error_code paused_job() {
  tls_pair<asio_stream, Server> p;
  pausing key(waking::callback, true);
  key.install(p.server.native_handle());
  SSL_set_mode(p.server.native_handle(), SSL_MODE_ASYNC);
  if constexpr (requires { p.server.set_mode(mode::async); }) p.server.set_mode(mode::async);
  const error_code ec = shake_hands(p).second;
  BOOST_TEST(key.pauses() == 1);
  return ec;
}

// Writes without blocking until no more goes, and then as often as it must be tried again while the peer
// reads. True if would_block ever came with n > 0.
template <class Stream>
bool would_block_with_bytes(client_pair<Stream>& p) {
  socket_of(p.client).non_blocking(true);
  const std::string text = random_bytes(100000, 1);
  std::array<char, 10> room{};
  error_code ec;
  net::const_buffer left = net::buffer(text);
  for (int i = 0; i < 100 && !ec; ++i) {
    const std::size_t n = p.client.write_some(left, ec);
    if (ec && n != 0) return true;
    left += n;
  }
  BOOST_TEST(ec == net::error::would_block);
  receiver in(p.server);
  in.start(text.size());
  for (int i = 0; i < 100000 && left.size() != 0; ++i) {
    const std::size_t n = p.client.write_some(left, ec);
    if (ec && n != 0) return true;
    left += n;
    p.io.restart();
    p.io.poll();
  }
  // What a layer did not take at once goes out with the next operation.
  for (int i = 0; i < 100000 && !in.done(); ++i) {
    p.client.read_some(net::buffer(room), ec);
    p.io.restart();
    p.io.poll();
  }
  BOOST_TEST((in.data() == text));
  return false;
}

// Uses one stream object for 200 connections by assigning to it; returns the blocks of memory that this cost.
template <class Stream>
long blocks_for_200_assignments() {
  tls_pair<Stream, asio_stream> p;
  const auto reuse = [&] {
    auto sockets = tcp_pair(p.io.get_executor(), p.io.get_executor());
    p.client = Stream(std::move(sockets.first), p.client_settings);
    const operation c = start_handshake(p.client, as_client);
    sockets.second.close();
    run_until(p.io, [&] { return c.done(); });
  };
  for (int i = 0; i < 50; ++i) reuse();
  const long early = live_blocks();
  for (int i = 0; i < 200; ++i) reuse();
  return live_blocks() - early;
}

} // namespace

BOOST_AUTO_TEST_SUITE(defects)

BOOST_AUTO_TEST_CASE(d1_is_real) {
  client_pair<counted_asio_stream> p({TLS1_3_VERSION, tiny});
  two_reads(p);
  BOOST_TEST(most_reads_at_once(p.client) == 2);
}
BOOST_AUTO_TEST_CASE_TEMPLATE(d1_one_transport_read_at_a_time, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  BOOST_TEST(two_reads(p));
  BOOST_TEST(most_reads_at_once(p.client) == 1);
}

BOOST_AUTO_TEST_CASE(d2_is_real) {
  client_pair<asio_stream> p({TLS1_3_VERSION, tiny});
  const exchanged e = write_behind_write(p);
  BOOST_TEST(e.reported == 16484U);
  BOOST_TEST(e.arrived == 16384U);
}
BOOST_AUTO_TEST_CASE_TEMPLATE(d2_every_reported_byte_arrives, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  const exchanged e = write_behind_write(p);
  BOOST_TEST(e.reported == 16484U);
  BOOST_TEST(e.exact);
}

BOOST_AUTO_TEST_CASE(d3_is_real) {
  client_pair<asio_stream> p({TLS1_3_VERSION, tiny});
  BOOST_TEST(!shutdown_behind_write(p));
}
BOOST_AUTO_TEST_CASE_TEMPLATE(d3_shutdown_during_a_blocked_write_completes, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  BOOST_TEST(shutdown_behind_write(p));
}

BOOST_AUTO_TEST_CASE(d4_is_real) {
  client_pair<counted_asio_stream> p;
  cancel_a_waiter(p, net::cancellation_type::terminal);
  BOOST_TEST(most_reads_at_once(p.client) > 1);
}
BOOST_AUTO_TEST_CASE_TEMPLATE(d4_cancelling_a_waiter_opens_no_gate, Stream, both_channels) {
  for (const auto type :
       {net::cancellation_type::terminal, net::cancellation_type::partial, net::cancellation_type::total}) {
    client_pair<Stream> p;
    BOOST_TEST(cancel_a_waiter(p, type));
    BOOST_TEST(most_reads_at_once(p.client) == 1);
  }
}

BOOST_AUTO_TEST_CASE(d5_is_real) {
  client_pair<asio_stream> p;
  std::array<char, 10> room{};
  operation read = start_read(p.client, net::buffer(room));
  settle(p.io);
  for (const auto type : {net::cancellation_type::partial, net::cancellation_type::total}) read.cancel(type);
  settle(p.io);
  BOOST_TEST(!read.done());
}
BOOST_AUTO_TEST_CASE_TEMPLATE(d5_every_type_of_cancellation, Stream, both_channels) {
  for (const auto type :
       {net::cancellation_type::terminal, net::cancellation_type::partial, net::cancellation_type::total}) {
    client_pair<Stream> p({TLS1_3_VERSION, tiny});
    std::array<char, 10> room{};
    operation read = start_read(p.client, net::buffer(room));
    settle(p.io);
    read.cancel(type);
    run_until(p.io, [&] { return read.done(); });
    BOOST_TEST(read.aborted());
    const operation reply = start_write(p.server, net::buffer("hello", 5));
    const operation next = start_read(p.client, net::buffer(room));
    run_until(p.io, [&] { return next.done() && reply.done(); });
    BOOST_TEST(std::string_view(room.data(), next.bytes()) == "hello", "nothing is lost");

    const std::string text = random_bytes(100000, 1);
    operation write = start_write(p.client, net::buffer(text));
    settle(p.io);
    write.cancel(type);
    settle(p.io);
    const bool total = type == net::cancellation_type::total;
    BOOST_TEST(write.done() == !total, "total stands for no effect, and some of it is sealed");
    write.cancel();
    run_until(p.io, [&] { return write.done(); });
    BOOST_TEST(write.aborted());
    BOOST_TEST(write.bytes() > 0U);

    operation bye = start_shutdown(p.client);
    receiver in(p.server);
    in.start();
    run_until(p.io, [&] { return in.done(); });
    BOOST_TEST((in.data() == text.substr(0, write.bytes())));
    bye.cancel(type);
    settle(p.io);
    BOOST_TEST(bye.done() == !total, "close_notify is out");
    bye.cancel();
    run_until(p.io, [&] { return bye.done(); });
    BOOST_TEST(bye.aborted());
    const operation again = start_shutdown(p.client);
    const operation answer = start_shutdown(p.server);
    run_until(p.io, [&] { return again.done() && answer.done(); });
    BOOST_TEST(again.good());
  }
}

BOOST_AUTO_TEST_CASE(d6_is_real) {
  client_pair<asio_stream> p({TLS1_3_VERSION, tiny});
  const exchanged e = write_after_cancelled_write(p);
  BOOST_TEST(e.reported == 0U);
  BOOST_TEST(e.at_peer.message().find("bad record mac") != std::string::npos, e.at_peer.message());
}
BOOST_AUTO_TEST_CASE_TEMPLATE(d6_a_cancelled_write_reports_what_is_sealed, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  const exchanged e = write_after_cancelled_write(p);
  BOOST_TEST(e.reported > 0U);
  BOOST_TEST(e.reported < 200000U);
  BOOST_TEST(e.exact);
  BOOST_TEST(e.at_peer == error_code());
}

BOOST_AUTO_TEST_CASE(d7_is_real) {
  client_pair<asio_stream> p;
  const operation reply = start_write(p.server, net::buffer("unread", 6));
  run_until(p.io, [&] { return reply.done(); });
  const operation bye = start_shutdown(p.client);
  const operation answer = start_shutdown(p.server);
  run_until(p.io, [&] { return bye.done(); });
  BOOST_TEST(bye.ec().message().find("application data after close notify") != std::string::npos);
}
BOOST_AUTO_TEST_CASE_TEMPLATE(d7_the_caller_chooses_the_shutdown, Stream, both_channels) {
  for (const auto form : {shutdown_form::send_only, shutdown_form::drain}) {
    client_pair<Stream> p;
    const operation reply = start_write(p.server, net::buffer("unread", 6));
    run_until(p.io, [&] { return reply.done(); });
    const operation bye = start_shutdown_form(p.client, form);
    settle(p.io);
    BOOST_TEST(bye.done() == (form == shutdown_form::send_only));
    const operation answer = start_shutdown(p.server);
    run_until(p.io, [&] { return bye.done() && answer.done(); });
    BOOST_TEST(bye.good());
    BOOST_TEST(answer.good());
    receiver in(p.client);
    in.start();
    run_until(p.io, [&] { return in.done(); });
    BOOST_TEST(in.ec() == net::error::eof);
    BOOST_TEST(in.data() == (form == shutdown_form::send_only ? "unread" : ""));
  }
}

BOOST_AUTO_TEST_CASE(d8_is_real) {
  const error_code unexpected = net::ssl::error::unexpected_result;
  BOOST_TEST(certificate_later<asio_stream>() == unexpected);
  BOOST_TEST(client_hello_later<asio_stream>() == unexpected);
  BOOST_TEST(verification_later<asio_stream>() == unexpected);
}
BOOST_AUTO_TEST_CASE_TEMPLATE(d8_every_reason_to_stop_is_a_suspension, Stream, both_channels) {
  BOOST_TEST(certificate_later<Stream>() == error_code());
  BOOST_TEST(client_hello_later<Stream>() == error_code());
  BOOST_TEST(verification_later<Stream>() == error_code());
  BOOST_TEST(paused_job<Stream>() == error_code());
}

BOOST_AUTO_TEST_CASE(d9_is_real) {
  client_pair<asio_stream> p({TLS1_3_VERSION, tiny});
  BOOST_TEST(would_block_with_bytes(p));
}
BOOST_AUTO_TEST_CASE_TEMPLATE(d9_would_block_comes_with_no_bytes, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  BOOST_TEST(!would_block_with_bytes(p));
}

// A shutdown that cannot send its close_notify yet is not over either: whoever closes the socket next would
// cut the connection short.
BOOST_AUTO_TEST_CASE_TEMPLATE(d9_a_shutdown_that_reports_success_has_sent_everything, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  socket_of(p.client).non_blocking(true);
  const std::string text = random_bytes(100000, 1);
  error_code ec;
  std::size_t sent = 0;
  while (!ec) sent += p.client.write_some(net::buffer(text) + sent, ec);
  BOOST_TEST(ec == net::error::would_block);
  receiver in(p.server);
  for (int i = 0; i < 100000 && ec; ++i) {
    p.client.write_some(net::buffer(text) + sent, ec);
    if (ec) in.start(in.data().size() + 1000);
    p.io.restart();
    p.io.poll();
  }
  BOOST_REQUIRE(ec == error_code());
  p.client.shutdown(shutdown_form::send_only, ec);
  in.start();
  for (int i = 0; i < 100000 && ec == net::error::would_block; ++i) {
    p.client.shutdown(shutdown_form::send_only, ec);
    p.io.restart();
    p.io.poll();
  }
  BOOST_REQUIRE(ec == error_code());
  socket_of(p.client).shutdown(tcp_socket::shutdown_send);
  run_until(p.io, [&] { return in.done(); });
  BOOST_TEST(in.ec() == net::error::eof);
}

BOOST_AUTO_TEST_CASE(d10_is_real) {
  static_assert(!std::is_nothrow_move_constructible_v<asio_stream>);
  if (!leaks_are_errors) BOOST_TEST(blocks_for_200_assignments<asio_stream>() >= 200);
}
BOOST_AUTO_TEST_CASE_TEMPLATE(d10_assignment_leaks_nothing, Stream, both_channels) {
  using layer = typename Stream::next_layer_type;
  static_assert(std::is_nothrow_move_constructible_v<Stream> == std::is_nothrow_move_constructible_v<layer>);
  static_assert(std::is_nothrow_move_assignable_v<Stream> == std::is_nothrow_move_assignable_v<layer>);
  static_assert(std::is_nothrow_move_constructible_v<Stream>);
  BOOST_TEST(blocks_for_200_assignments<Stream>() < 50);
}

BOOST_AUTO_TEST_SUITE_END()
