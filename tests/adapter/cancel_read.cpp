// SPDX-License-Identifier: BSL-1.0
// What is left behind by a read, a handshake or a shutdown that is cancelled? Nothing is lost, and a later
// call goes on from there.
#include "asio_relay.hpp"
#include "asio_session.hpp"
#include "conformance.hpp"

#include <boost/test/unit_test.hpp>

#include <array>

BOOST_AUTO_TEST_SUITE(cancelled_read)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr net::cancellation_type types[] = {net::cancellation_type::terminal, net::cancellation_type::partial,
                                            net::cancellation_type::total};
constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
using relayed = relayed_pair<tls_stream, asio_stream>;

} // namespace

BOOST_AUTO_TEST_CASE(a_cancelled_read_loses_nothing_wherever_the_record_was_cut) {
  for (const int version : versions) {
    relayed p(version);
    p.handshake();
    for (const auto type : types) {
      for (const std::size_t cut : {0U, 1U, 4U, 5U, 6U, 500U, 1020U}) {
        const std::string text = random_bytes(1000, cut + 1);
        const operation write = start_write(p.server, net::buffer(text));
        run_until(p.io, [&] { return write.done(); });
        std::array<char, 2000> room{};
        room.fill('-');
        operation read = start_read(p.client, net::buffer(room));
        p.send_to_client(p.next_from_server(cut));
        settle(p.io);
        BOOST_TEST(!read.done());
        read.cancel(type);
        run_until(p.io, [&] { return read.done(); });
        BOOST_TEST(read.aborted());
        BOOST_TEST(read.bytes() == 0U);
        p.send_to_client(p.from_server());
        settle(p.io);
        BOOST_TEST(std::count(room.begin(), room.end(), '-') == 2000, "its buffer is left alone");
        const operation next = start_read(p.client, net::buffer(room));
        p.run_until([&] { return next.done(); });
        BOOST_TEST(std::string_view(room.data(), next.bytes()) == text);
      }
      conforms("cancellation", "read, for the peer", name_of(type));
    }
  }
}

// A callback that OpenSSL calls in the middle of a step may be what cancels the operation. The peer then says
// nothing more: the operation must not wait for it.
BOOST_AUTO_TEST_CASE(a_read_that_is_cancelled_while_it_runs_does_not_wait) {
  for (const auto type : types) {
    relayed p(TLS1_3_VERSION);
    p.handshake();
    SSL* const ssl = p.client.native_handle();
    operation read;
    struct canceller {
      operation* read;
      net::cancellation_type type;
      int calls = 0;
    } canceller{&read, type};
    SSL_set_msg_callback_arg(ssl, &canceller);
    SSL_set_msg_callback(ssl, [](int, int, int, const void*, std::size_t, SSL*, void* arg) {
      auto& self = *static_cast<struct canceller*>(arg);
      if (self.calls++ == 0) self.read->cancel(self.type);
    });
    std::array<char, 10> room{};
    p.client.async_read_some(net::buffer(room), read.make_handler()); // gets the tickets, and wants more
    run_until(p.io, [&] { return read.done(); });
    BOOST_TEST(canceller.calls > 0);
    BOOST_TEST(read.aborted());
    SSL_set_msg_callback(ssl, nullptr);

    const operation next = start_read(p.client, net::buffer(room));
    const operation write = start_write(p.server, net::buffer("later", 5));
    p.run_until([&] { return next.done() && write.done(); });
    BOOST_TEST(std::string_view(room.data(), next.bytes()) == "later");
  }
}

BOOST_AUTO_TEST_CASE(reads_cancelled_all_the_time_deliver_every_byte) {
  open_pair<our_client> p;
  const std::string text = random_bytes(200000, 1);
  sender out(p.server, text);
  out.start();
  std::string got;
  std::mt19937 random(3);
  while (got.size() < text.size()) {
    std::array<char, 5000> room{};
    operation read = start_read(p.client, net::buffer(room, 1 + random() % room.size()));
    for (unsigned i = random() % 4; i != 0; --i) p.io.poll_one();
    read.cancel(types[random() % 3]);
    run_until(p.io, [&] { return read.done(); });
    BOOST_REQUIRE((read.good() || (read.aborted() && read.bytes() == 0)));
    got.append(room.data(), read.bytes());
  }
  BOOST_TEST((got == text));
}

BOOST_AUTO_TEST_CASE(a_cancelled_handshake_is_gone_on_with) {
  for (const int version : versions) {
    for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial}) {
      // Cancelled after so many handlers: before, between and after the flights.
      for (int steps = 0; steps < 12; ++steps) {
        both_ours p({version});
        operation c = start_handshake(p.client, as_client);
        operation s = start_handshake(p.server, as_server);
        for (int i = 0; i < steps; ++i) p.io.poll_one();
        c.cancel(type);
        s.cancel(type);
        run_until(p.io, [&] { return c.done() && s.done(); });
        BOOST_TEST((c.good() || c.aborted()));
        BOOST_TEST((s.good() || s.aborted()));
        p.handshake();
        check_session(p.io, p.client, p.server);
      }
      conforms("cancellation", "handshake, for the peer", name_of(type));
    }
  }
}

BOOST_AUTO_TEST_CASE(total_cancellation_of_a_handshake_is_honoured_until_the_first_byte) {
  both_ours p;
  operation s = start_handshake(p.server, as_server);
  settle(p.io);
  s.cancel(net::cancellation_type::total);
  run_until(p.io, [&] { return s.done(); });
  BOOST_TEST(s.aborted());

  operation c = start_handshake(p.client, as_client);
  c.cancel(net::cancellation_type::total); // the ClientHello is out
  settle(p.io);
  BOOST_TEST(!c.done());
  s = start_handshake(p.server, as_server);
  run_until(p.io, [&] { return c.done() && s.done(); });
  BOOST_TEST(c.good());
  BOOST_TEST(s.good());
  check_session(p.io, p.client, p.server);
  conforms("cancellation", "handshake, for the peer", "total");
}

BOOST_AUTO_TEST_CASE(a_cancelled_shutdown_is_gone_on_with) {
  for (const int version : versions) {
    for (const auto type : types) {
      open_pair<our_client> p({version});
      operation bye = start_shutdown(p.client);
      settle(p.io);
      bye.cancel(type);
      settle(p.io);
      if (type == net::cancellation_type::total) {
        BOOST_TEST(!bye.done(), "close_notify is out");
        bye.cancel();
      }
      run_until(p.io, [&] { return bye.done(); });
      BOOST_TEST(bye.aborted());
      const operation again = start_shutdown(p.client);
      const operation peer = start_shutdown(p.server);
      run_until(p.io, [&] { return again.done() && peer.done(); });
      BOOST_TEST(again.ec() == error_code());
      BOOST_TEST(peer.ec() == error_code());
      conforms("cancellation", "shutdown, for the peer's close_notify", name_of(type));
    }
  }
}

// A shutdown that has to wait, in turn, for a write, for room, for a read and for the peer.
BOOST_AUTO_TEST_CASE(a_shutdown_is_cancelled_wherever_it_waits) {
  for (const auto type : types) {
    open_pair<our_client> p({TLS1_3_VERSION, tiny});
    const std::string text = random_bytes(300000, 1);
    operation write = start_write(p.client, net::buffer(text));
    settle(p.io);
    BOOST_REQUIRE(!write.done());
    operation behind_write = start_shutdown(p.client);
    settle(p.io);
    behind_write.cancel(type);
    run_until(p.io, [&] { return behind_write.done(); });
    BOOST_TEST(behind_write.aborted());
    settle(p.io);
    BOOST_TEST(!write.done());
    write.cancel();
    run_until(p.io, [&] { return write.done(); });

    operation for_room = start_shutdown(p.client); // close_notify queues behind the sealed bytes
    settle(p.io);
    for_room.cancel(type);
    settle(p.io);
    BOOST_TEST(for_room.done() == (type != net::cancellation_type::total)); // a part of it is with the peer
    for_room.cancel();
    run_until(p.io, [&] { return for_room.done(); });
    BOOST_TEST(for_room.aborted());

    std::array<char, 100> room{};
    const operation read = start_read(p.client, net::buffer(room));
    receiver in(p.server);
    in.start();
    run_until(p.io, [&] { return in.done(); });
    BOOST_TEST((in.data() == text.substr(0, write.bytes())));
    BOOST_TEST(in.ec() == net::error::eof);

    operation behind_read = start_shutdown(p.client);
    settle(p.io);
    BOOST_TEST(!behind_read.done());
    behind_read.cancel(type);
    settle(p.io);
    BOOST_TEST(behind_read.done() == (type != net::cancellation_type::total)); // close_notify is sent
    behind_read.cancel();
    run_until(p.io, [&] { return behind_read.done(); });
    BOOST_TEST(behind_read.aborted());
    BOOST_TEST(!read.done());

    const operation again = start_shutdown(p.client);
    const operation peer = start_shutdown(p.server);
    run_until(p.io, [&] { return again.done() && peer.done(); });
    BOOST_TEST(again.ec() == error_code());
    BOOST_TEST(read.ec() == net::error::eof);
    for (const char* const waits :
         {"shutdown, behind a write", "shutdown, for room", "shutdown, behind a read"})
      conforms("cancellation", waits, name_of(type));
  }
}

BOOST_AUTO_TEST_SUITE_END()
