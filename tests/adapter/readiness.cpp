// SPDX-License-Identifier: BSL-1.0
// Does async_wait() tell when a read or a write would not have to wait, no sooner and no later, without
// taking anything?
#include "asio_layered.hpp"
#include "asio_relay.hpp"
#include "conformance.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <memory>

BOOST_AUTO_TEST_SUITE(readiness)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr auto to_read = net::socket_base::wait_read;
constexpr auto to_write = net::socket_base::wait_write;
constexpr net::cancellation_type types[] = {net::cancellation_type::terminal, net::cancellation_type::partial,
                                            net::cancellation_type::total};

template <class Stream>
using client_pair = open_pair<tls_pair<Stream, asio_stream>>;

template <class Pair>
void say(Pair& p, std::string_view text) {
  const operation write = start_write(p.server, net::buffer(text));
  run_until(p.io, [&] { return write.done(); });
}

template <class Pair>
std::string read_once(Pair& p) {
  std::array<char, 100> room{};
  const operation read = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return read.done(); });
  return read.ec() ? read.ec().message() : std::string(room.data(), read.bytes());
}

// A client that owes its peer bytes of a cancelled write, which the peer does not take.
template <class Stream>
struct indebted : client_pair<Stream> {
  indebted() : client_pair<Stream>({TLS1_3_VERSION, tiny}) {
    operation write = start_write(this->client, net::buffer(text));
    settle(this->io);
    write.cancel();
    run_until(this->io, [&] { return write.done(); });
    owed = write.bytes();
    BOOST_REQUIRE(write.aborted());
    BOOST_REQUIRE(owed > 0);
  }
  void check_paid(std::string_view more = {}) {
    receiver in(this->server);
    in.start(owed + more.size());
    run_until(this->io, [&] { return in.done(); });
    BOOST_TEST((in.data() == text.substr(0, owed) + std::string(more)));
  }
  std::string text = random_bytes(200000, 1);
  std::size_t owed = 0;
};

} // namespace

template <class Stream>
void check_data_makes_readable(int version, bool auto_retry) {
  client_pair<Stream> p({version});
  if (!auto_retry) p.client.clear_mode(mode::auto_retry); // OpenSSL stops behind each ticket
  const operation wait = start_wait(p.client, to_read);
  settle(p.io);
  BOOST_TEST(!wait.done(), "tickets are no data");
  say(p, "hello");
  run_until(p.io, [&] { return wait.done(); });
  BOOST_TEST(wait.good());
  BOOST_TEST(p.client.pending() == 5U);
  const operation again = start_wait(p.client, to_read);
  BOOST_TEST(!again.done(), "not from inside the call");
  run_until(p.io, [&] { return again.done(); });
  BOOST_TEST(again.good());
  BOOST_TEST(read_once(p) == "hello");
  const operation next = start_wait(p.client, to_read);
  settle(p.io);
  BOOST_TEST(!next.done());
  say(p, "more");
  run_until(p.io, [&] { return next.done(); });
  BOOST_TEST(read_once(p) == "more");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(data_makes_readable_and_stays, Stream, both_channels) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    for (const bool auto_retry : {true, false}) check_data_makes_readable<Stream>(version, auto_retry);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(half_a_record_does_not, Stream, both_channels) {
  relayed_pair<Stream, asio_stream> p;
  p.handshake();
  const operation wait = start_wait(p.client, to_read);
  const operation write = start_write(p.server, net::buffer("hello", 5));
  test::run_until(p.io, [&] { return write.done(); });
  p.send_to_client(p.next_from_server(20));
  settle(p.io);
  BOOST_TEST(!wait.done());
  p.send_to_client(p.from_server());
  test::run_until(p.io, [&] { return wait.done(); });
  BOOST_TEST(read_once(p) == "hello");
}

// The end and a failure are the next read's to tell.
BOOST_AUTO_TEST_CASE_TEMPLATE(the_end_and_failures_make_readable, Stream, both_channels) {
  const auto check = [](auto end, const error_code& expected) {
    relayed_pair<Stream, asio_stream> p;
    p.handshake();
    const operation wait = start_wait(p.client, to_read);
    settle(p.io);
    BOOST_TEST(!wait.done());
    end(p);
    test::run_until(p.io, [&] { return wait.done(); });
    BOOST_TEST(wait.good());
    std::array<char, 10> room{};
    for (int i = 0; i < 2; ++i) {
      const operation read = start_read(p.client, net::buffer(room));
      test::run_until(p.io, [&] { return read.done(); });
      if (expected)
        BOOST_TEST(read.ec() == expected);
      else
        BOOST_TEST(read.ec().message().find("wrong version number") != std::string::npos);
      const operation again = start_wait(p.client, to_read);
      test::run_until(p.io, [&] { return again.done(); });
      BOOST_TEST(again.good());
    }
  };
  check([](auto& p) { p.to_client().shutdown(tcp_socket::shutdown_send); },
        net::ssl::error::stream_truncated);
  check([](auto& p) { p.send_to_client("this is no TLS record"); }, {});
  check(
      [](auto& p) {
        const operation bye = start_shutdown(p.server);
        p.send_to_client(p.next_from_server());
        settle(p.io);
        error_code ec;
        p.to_server().shutdown(tcp_socket::shutdown_both, ec);
        test::run_until(p.io, [&] { return bye.done(); });
      },
      net::error::eof);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(cancelled_it_has_taken_nothing, Stream, both_channels) {
  for (const auto type : types) {
    client_pair<Stream> p;
    operation wait = start_wait(p.client, to_read);
    settle(p.io);
    wait.cancel(type);
    run_until(p.io, [&] { return wait.done(); });
    BOOST_TEST(wait.aborted());
    say(p, "hello");
    BOOST_TEST(read_once(p) == "hello");
    conforms("cancellation", "wait for reading, for the peer", name_of(type));

    indebted<Stream> d;
    operation room = start_wait(d.client, to_write);
    settle(d.io);
    BOOST_TEST(!room.done());
    room.cancel(type);
    run_until(d.io, [&] { return room.done(); });
    BOOST_TEST(room.aborted());
    const operation write = start_write(d.client, net::buffer("more", 4));
    d.check_paid("more");
    run_until(d.io, [&] { return write.done(); });
    BOOST_TEST(write.good());
    conforms("cancellation", "wait for writing, for room", name_of(type));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(it_takes_its_turn_among_reads, Stream, both_channels) {
  client_pair<Stream> p;
  std::array<char, 5> room{};
  const operation read = start_read(p.client, net::buffer(room));
  operation wait = start_wait(p.client, to_read);
  operation behind = start_read(p.client, net::buffer(room));
  settle(p.io);
  say(p, "hello");
  run_until(p.io, [&] { return read.done(); });
  settle(p.io);
  BOOST_TEST(!wait.done(), "the read has taken it");
  BOOST_TEST(!behind.done());
  say(p, "world");
  run_until(p.io, [&] { return wait.done() && behind.done(); });
  BOOST_TEST(wait.good());
  BOOST_TEST(std::string_view(room.data(), behind.bytes()) == "world");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(room_makes_writable, Stream, both_channels) {
  client_pair<Stream> p;
  const operation at_once = start_wait(p.client, to_write);
  BOOST_TEST(!at_once.done(), "not from inside the call");
  run_until(p.io, [&] { return at_once.done(); });
  BOOST_TEST(at_once.good());

  indebted<Stream> d;
  const operation wait = start_wait(d.client, to_write);
  const operation write = start_write(d.client, net::buffer("more", 4)); // in turn
  settle(d.io);
  BOOST_TEST(!wait.done());
  BOOST_TEST(!write.done());
  d.check_paid("more");
  run_until(d.io, [&] { return wait.done() && write.done(); });
  BOOST_TEST(wait.good());
  BOOST_TEST(write.good());
}

// With nothing held back, a socket whose buffer is full is not writable all the same.
BOOST_AUTO_TEST_CASE(a_full_socket_is_not_writable) {
  client_pair<tls_stream> p({TLS1_3_VERSION, tiny});
  const std::string text = random_bytes(20000, 1);
  std::size_t sent = 0;
  operation wait;
  // Small writes until one more would not fit, which only the kernel knows.
  for (int i = 0; i < 1000; ++i) {
    wait = start_wait(p.client, to_write);
    settle(p.io);
    if (!wait.done()) break;
    const operation write = start_write(p.client, net::buffer(text.data() + sent, 100));
    settle(p.io);
    BOOST_REQUIRE(write.done());
    sent += write.bytes();
  }
  BOOST_TEST(!wait.done());
  BOOST_TEST(!p.client.stats().spilled);
  receiver in(p.server);
  in.start(sent);
  run_until(p.io, [&] { return in.done() && wait.done(); });
  BOOST_TEST(wait.good());
  BOOST_TEST((in.data() == text.substr(0, sent)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_peer_that_is_gone_makes_writable, Stream, both_channels) {
  indebted<Stream> d;
  const operation wait = start_wait(d.client, to_write);
  settle(d.io);
  d.server.next_layer().set_option(net::socket_base::linger(true, 0));
  d.server.next_layer().close();
  run_until(d.io, [&] { return wait.done(); });
  const operation write = start_write(d.client, net::buffer("more", 4));
  run_until(d.io, [&] { return write.done(); });
  BOOST_TEST(bool(write.ec()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(misuse, Stream, both_channels) {
  tls_pair<Stream, asio_stream> p;
  const operation early_read = start_wait(p.client, to_read);
  const operation early_write = start_wait(p.client, to_write);
  const operation other = start_wait(p.client, net::socket_base::wait_error);
  BOOST_TEST(!other.done());
  run_until(p.io, [&] { return early_read.done() && early_write.done() && other.done(); });
  BOOST_TEST(early_read.ec() == tlsmode::error::handshake_needed);
  BOOST_TEST(early_write.ec() == tlsmode::error::handshake_needed);
  BOOST_TEST(other.ec() == net::error::operation_not_supported);
  p.handshake();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_stream_may_go_away_meanwhile, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  auto mortal = std::make_unique<Stream>(std::move(p.client));
  const operation wait = start_wait(*mortal, to_read);
  const operation behind = start_wait(*mortal, to_read);
  settle(p.io);
  mortal.reset();
  run_out(p.io);
  BOOST_TEST(wait.aborted());
  BOOST_TEST(behind.aborted());
}

BOOST_AUTO_TEST_SUITE_END()
