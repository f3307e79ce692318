// SPDX-License-Identifier: BSL-1.0
// Invariant 5: does a step stop with want_read only when the transport really has nothing, whatever lies
// between the application's data, and does it never spin?
#include "counting_transport.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

BOOST_AUTO_TEST_SUITE(waiting)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

struct setting {
  int version;
  bool auto_retry;
  bool tells_drained;
  std::size_t read_ahead;
  std::size_t chunk;
};

std::ostream& operator<<(std::ostream& out, const setting& s) {
  return out << "version " << std::hex << s.version << std::dec << ", auto_retry " << s.auto_retry
             << ", tells_drained " << s.tells_drained << ", read_ahead " << s.read_ahead << ", chunk "
             << s.chunk;
}

template <class F>
void for_all_settings(F f) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    for (const bool auto_retry : {false, true})
      for (const bool tells : {false, true})
        for (const std::size_t read_ahead : {std::size_t{0}, std::size_t{128 * 1024}})
          for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{100}, no_limit}) {
            const setting s{version, auto_retry, tells, read_ahead, chunk};
            BOOST_TEST_CONTEXT(s) f(s);
          }
}

context server_of(const setting& s) {
  context ctx = server_context();
  SSL_CTX_set_max_proto_version(ctx.native_handle(), s.version);
  return ctx;
}

void apply(const setting& s, endpoint& e) {
  if (!s.auto_retry) e.tls.clear_mode(mode::auto_retry);
  e.tls.set_read_ahead(s.read_ahead);
  e.wire.set_chunk(s.chunk);
}

// Handshakes, whose tickets are still on the wire: the first thing that a TLS 1.3 client reads.
struct fresh_pair : memory_pair {
  explicit fresh_pair(const setting& s) : memory_pair(client_context(), server_of(s)) {
    for (int i = 0; i < 10 && !(server.last.complete() && client.last.complete()); ++i) advance();
    BOOST_REQUIRE((server.last.complete() && client.last.complete()));
    settle();
    apply(s, client);
  }
};

step read_some(endpoint& e, counting_transport& t, std::string& to) {
  const mutable_buffer b = room_in(to);
  return e.tls.read(t, {&b, 1});
}

} // namespace

BOOST_AUTO_TEST_CASE(want_read_comes_only_from_a_transport_that_has_nothing) {
  for_all_settings([](const setting& s) {
    fresh_pair pair(s);
    std::string sent;
    for (int i = 0; i < 6; ++i) {
      if (s.version == TLS1_3_VERSION && i % 2 == 1)
        BOOST_REQUIRE(SSL_key_update(pair.server.native(),
                                     i == 3 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
      const std::string data = pattern(40, static_cast<std::uint64_t>(i));
      BOOST_REQUIRE(completes(pair.server.write(data), data.size()));
      sent += data;
    }
    deliver(pair.server, pair.client);
    counting_transport t(pair.client.wire, s.tells_drained);
    const std::size_t bytes = pair.client.wire.unread();
    std::string got;
    std::string room(16, '\0');
    for (;;) {
      const int blocked = t.blocked_reads;
      const step r = read_some(pair.client, t, room);
      if (r.why == suspend::want_read) {
        BOOST_TEST(pair.client.wire.unread() == 0u); // nothing was left that nobody asked for
        BOOST_TEST((t.blocked_reads > blocked || (s.tells_drained && t.drained())));
        break;
      }
      BOOST_REQUIRE(r.bytes > 0u);
      got.append(room, 0, r.bytes);
    }
    BOOST_TEST(same_bytes(got, sent));
    // Every read of the transport moved bytes, or was the last one of a step: there is no spinning.
    BOOST_TEST(t.blocked_reads <= 1 + static_cast<int>(got.size() / room.size() + 1));
    BOOST_TEST(t.reads <= static_cast<int>(bytes) + t.blocked_reads);
  });
}

BOOST_AUTO_TEST_CASE(a_record_in_pieces_is_waited_for_once_a_piece) {
  for_all_settings([](const setting& s) {
    fresh_pair pair(s);
    pair.client.read_all(); // the tickets
    BOOST_REQUIRE(completes(pair.server.write("in pieces"), 9));
    const std::string record = text_of(pair.server.wire.output());
    counting_transport t(pair.client.wire, s.tells_drained);
    std::string room(100, '\0');
    for (std::size_t i = 0; i + 1 < record.size(); ++i) {
      BOOST_REQUIRE(pair.client.wire.feed(bytes_of(record).subspan(i, 1)));
      const int reads = t.reads;
      BOOST_TEST(stops(read_some(pair.client, t, room), suspend::want_read));
      BOOST_TEST(t.reads - reads <= 3); // the byte, the end of it, and with no read-ahead the header apart
      BOOST_TEST(
          stops(read_some(pair.client, t, room), suspend::want_read)); // a spurious wake-up does no harm
    }
    BOOST_REQUIRE(pair.client.wire.feed(bytes_of(record).last(1)));
    BOOST_TEST(completes(read_some(pair.client, t, room), 9));
    BOOST_TEST(room.substr(0, 9) == "in pieces");
    BOOST_TEST(pair.client.tls.stats().suspended_read >= 2 * (record.size() - 1));
  });
}

BOOST_AUTO_TEST_CASE(a_handshake_in_pieces_succeeds) {
  for_all_settings([](const setting& s) {
    memory_pair pair(client_context(), server_of(s));
    apply(s, pair.client);
    apply(s, pair.server);
    step c{suspend::want_read, 0, {}};
    step v = c;
    for (int i = 0; i < 100'000 && !(c.complete() && v.complete()); ++i) {
      c = pair.client.handshake();
      v = pair.server.handshake();
      for (auto [from, to] : {std::pair(&pair.client, &pair.server), std::pair(&pair.server, &pair.client)}) {
        const std::size_t n = std::min(from->wire.output().size(), s.chunk);
        BOOST_REQUIRE(to->wire.feed(from->wire.output().first(n)));
        from->wire.consume(n);
      }
    }
    BOOST_TEST(completes(c));
    BOOST_TEST(completes(v));
    BOOST_TEST(pair.server.tls.protocol() == (s.version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
  });
}

BOOST_AUTO_TEST_CASE(a_handshake_step_with_nothing_to_read_asks_once) {
  memory_pair pair;
  counting_transport t(pair.server.wire);
  for (int i = 1; i <= 5; ++i) {
    BOOST_TEST(stops(pair.server.tls.handshake(t, role::server), suspend::want_read));
    BOOST_TEST(t.reads == i);
  }
  BOOST_TEST(pair.server.tls.stats().transport_reads == 5u);
  BOOST_TEST(pair.server.tls.stats().suspended_read == 5u);
}

BOOST_AUTO_TEST_CASE(a_handshake_is_complete_when_its_last_bytes_are_with_the_transport) {
  memory_pair pair;
  BOOST_TEST(pair.advance());
  pair.client.wire.set_capacity(1);
  std::string wire;
  int steps = 0;
  for (; pair.client.handshake().why == suspend::want_write; ++steps) {
    BOOST_TEST(pair.client.tls.state() == connection_state::open);
    BOOST_TEST(pair.client.tls.flush_pending());
    wire += text_of(pair.client.wire.output());
    pair.client.wire.consume(1);
  }
  wire += text_of(pair.client.wire.output());
  BOOST_TEST(steps > 50); // change_cipher_spec and Finished, byte by byte
  BOOST_TEST(!pair.client.tls.flush_pending());
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of(wire)));
  BOOST_TEST(completes(pair.server.handshake()));
}

BOOST_AUTO_TEST_CASE(shutdown_reads_past_tickets_and_key_updates) {
  for_all_settings([](const setting& s) {
    fresh_pair pair(s);
    pair.client.wire.set_chunk(no_limit);
    BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
    pair.client.wire.set_chunk(s.chunk);
    if (s.version == TLS1_3_VERSION) {
      BOOST_REQUIRE(SSL_key_update(pair.server.native(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
      SSL_do_handshake(pair.server.native()); // puts it out
    }
    BOOST_TEST(completes(pair.server.shutdown(shutdown_form::send_only)));
    deliver(pair.server, pair.client);
    counting_transport t(pair.client.wire, s.tells_drained);
    BOOST_TEST(completes(pair.client.tls.shutdown(t, shutdown_form::wait_for_peer)));
    BOOST_TEST(t.blocked_reads == 0);
  });
}

BOOST_AUTO_TEST_SUITE_END()
