// SPDX-License-Identifier: BSL-1.0
// Can a peer that asks for answers and never takes them make a connection hold memory without bound?
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

BOOST_AUTO_TEST_SUITE(key_update_flood)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// What the spill may hold beyond the gate of 32 KiB: answers to what one full read-ahead can contain.
constexpr std::size_t most_held = (32 + 128 + 32) * 1024;

// Puts `n` requests for a KeyUpdate on the way to the client.
void ask_for_key_updates(memory_pair& pair, int n) {
  for (int i = 0; i < n; ++i) {
    BOOST_REQUIRE(SSL_key_update(pair.server.native(), SSL_KEY_UPDATE_REQUESTED) == 1);
    BOOST_REQUIRE(SSL_do_handshake(pair.server.native()) == 1);
  }
  BOOST_REQUIRE(completes(pair.server.flush()));
  deliver(pair.server, pair.client);
}

} // namespace

BOOST_AUTO_TEST_CASE(memory_is_bounded_and_the_connection_goes_on) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  BOOST_REQUIRE(pair.client.wire.output().empty());
  pair.client.wire.set_capacity(100); // the peer reads nothing
  std::string room(1000, '\0');
  step s;
  for (int round = 0; round < 40; ++round) {
    ask_for_key_updates(pair, 1000);
    for (int i = 0; i < 10; ++i) {
      s = pair.client.read(room);
      BOOST_TEST((s.why == suspend::want_read || s.why == suspend::want_write));
    }
  }
  BOOST_TEST(stops(s, suspend::want_write)); // it waits for the peer, not for more requests
  BOOST_TEST(pair.client.tls.stats().spill_peak > 32u * 1024);
  BOOST_TEST(pair.client.tls.stats().spill_peak < most_held);
  const std::uint64_t before = pair.client.tls.stats().transport_reads;
  for (int i = 0; i < 10; ++i) BOOST_TEST(stops(pair.client.read(room), suspend::want_write));
  BOOST_TEST(pair.client.tls.stats().transport_reads == before); // and it takes no more of them

  BOOST_TEST(completes(pair.server.write("still there?"), 12));
  deliver(pair.server, pair.client);
  pair.client.wire.set_capacity(no_limit); // now the peer reads
  std::string got;
  for (int i = 0; i < 1000 && got.empty(); ++i) {
    got = pair.client.read_all();
    deliver(pair.client, pair.server);
  }
  BOOST_TEST(got == "still there?");
  BOOST_TEST(completes(pair.client.write("yes"), 3));
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), "yes"));
  BOOST_TEST(!pair.client.tls.flush_pending());
}

BOOST_AUTO_TEST_CASE(answers_do_not_overtake_and_are_not_lost_in_a_blocked_write) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  pair.client.tls.clear_mode(mode::enable_partial_write);
  pair.client.wire.set_capacity(50);
  const std::string data = pattern(100'000);
  std::string room(1000, '\0');
  step s;
  for (int i = 0; i < 100'000; ++i) {
    s = pair.client.write(data);
    if (s.complete()) break;
    if (i % 100 == 0) {
      ask_for_key_updates(pair, 1);
      BOOST_TEST(stops(pair.client.read(room), suspend::want_read)); // the answer goes between two records
    }
    deliver(pair.client, pair.server);
  }
  BOOST_TEST(completes(s, data.size()));
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), data));
  BOOST_TEST(pair.server.last.why == suspend::want_read);
}

BOOST_AUTO_TEST_SUITE_END()
