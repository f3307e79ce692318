// SPDX-License-Identifier: BSL-1.0
// Can a connection change its keys in the middle of its data, and is it refused where it cannot? (RFC 8446,
// section 4.6.3)
#include "resumption.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

BOOST_AUTO_TEST_SUITE(key_updates)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// Counts the KeyUpdate messages that a connection sends and receives.
class update_log {
 public:
  explicit update_log(SSL* ssl) {
    SSL_set_msg_callback(ssl, &listen);
    SSL_set_msg_callback_arg(ssl, this);
  }
  update_log(const update_log&) = delete;
  update_log& operator=(const update_log&) = delete;
  int sent = 0;
  int received = 0;

 private:
  static void listen(int writing, int, int type, const void* data, std::size_t n, SSL*, void* self) {
    if (type != SSL3_RT_HANDSHAKE || n == 0 || *static_cast<const unsigned char*>(data) != SSL3_MT_KEY_UPDATE)
      return;
    auto* const log = static_cast<update_log*>(self);
    ++(writing != 0 ? log->sent : log->received);
  }
};

// From `first` to the other side and back.
void check_data_flows(memory_pair& pair, endpoint& first, std::uint64_t seed) {
  endpoint& second = &first == &pair.client ? pair.server : pair.client;
  const std::string there = pattern(40'000, seed);
  const std::string back = pattern(30'000, seed + 1);
  BOOST_TEST(completes(first.write(there), there.size()));
  pair.settle();
  BOOST_TEST(same_bytes(second.read_all(), there));
  BOOST_TEST(stops(second.last, suspend::want_read));
  BOOST_TEST(completes(second.write(back), back.size()));
  pair.settle();
  BOOST_TEST(same_bytes(first.read_all(), back));
  BOOST_TEST(stops(first.last, suspend::want_read));
}

} // namespace

BOOST_AUTO_TEST_CASE(data_flows_on_in_both_directions) {
  for (const bool client_asks : {false, true})
    for (const bool both : {false, true})
      for (const bool auto_retry : {false, true}) {
        BOOST_TEST_CONTEXT("client " << client_asks << " both " << both << " auto_retry " << auto_retry) {
          memory_pair pair;
          BOOST_REQUIRE(pair.connect());
          for (endpoint* e : {&pair.client, &pair.server})
            if (!auto_retry) e->tls.clear_mode(mode::auto_retry);
          endpoint& asks = client_asks ? pair.client : pair.server;
          endpoint& other = client_asks ? pair.server : pair.client;
          update_log log(asks.native());
          update_log others(other.native());
          for (int i = 1; i <= 3; ++i) {
            BOOST_TEST(!asks.tls.update_keys(both));
            check_data_flows(pair, asks, static_cast<std::uint64_t>(i));
            BOOST_TEST(log.sent == i);
            BOOST_TEST(others.received == i);
            BOOST_TEST(log.received == (both ? i : 0));
            BOOST_TEST(others.sent == (both ? i : 0));
          }
        }
      }
}

BOOST_AUTO_TEST_CASE(both_sides_may_ask_at_once) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  for (std::uint64_t i = 0; i < 3; ++i) {
    BOOST_TEST(!pair.client.tls.update_keys(true));
    BOOST_TEST(!pair.server.tls.update_keys(true));
    check_data_flows(pair, pair.client, i);
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_sent_before_the_next_write) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  update_log log(pair.client.native());
  BOOST_TEST(!pair.client.tls.update_keys(false));
  BOOST_TEST(!pair.client.tls.update_keys(false)); // one message does for both
  BOOST_TEST(pair.client.tls.update_keys(true) ==
             error::operation_in_progress); // but that does not ask the peer
  BOOST_TEST(pair.client.wire.output().empty());
  BOOST_TEST(completes(pair.client.write("x"), 1));
  BOOST_TEST(log.sent == 1);
  BOOST_TEST(count_records(text_of(pair.client.wire.output()), content::application_data) == 2u);
  pair.settle();
  BOOST_TEST(pair.server.read_all() == "x");
  BOOST_TEST(!pair.client.tls.update_keys(true));
  BOOST_TEST(!pair.client.tls.update_keys(true));
  BOOST_TEST(!pair.client.tls.update_keys(false)); // it is in the other
  check_data_flows(pair, pair.client, 1);
  BOOST_TEST(log.sent == 2);
}

BOOST_AUTO_TEST_CASE(a_shutdown_sends_it_too) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  update_log log(pair.client.native());
  BOOST_TEST(!pair.client.tls.update_keys(true));
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
  BOOST_TEST(log.sent == 1);
  pair.settle();
  BOOST_TEST(pair.server.read_all().empty());
  BOOST_TEST(fails(pair.server.last, error::end_of_stream));
}

BOOST_AUTO_TEST_CASE(the_handshake_comes_first) {
  memory_pair pair;
  BOOST_TEST(pair.client.tls.update_keys(true) == error::handshake_needed);
  pair.client.handshake();
  BOOST_TEST(pair.client.tls.update_keys(true) == error::handshake_needed);
  BOOST_TEST(pair.connect());
}

BOOST_AUTO_TEST_CASE(tls_1_2_has_none) {
  memory_pair pair(only(TLS1_2_VERSION, client_context()), server_context());
  BOOST_REQUIRE(pair.connect());
  for (const bool both : {false, true}) BOOST_TEST(pair.client.tls.update_keys(both) == error::bad_option);
  check_data_flows(pair, pair.client, 1);
}

BOOST_AUTO_TEST_CASE(an_unfinished_write_comes_first) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  pair.client.tls.clear_mode(mode::enable_partial_write);
  pair.client.wire.set_capacity(100);
  const std::string data = pattern(50'000);
  BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
  BOOST_TEST(pair.client.tls.update_keys(false) == error::operation_in_progress);
  pair.client.wire.set_capacity(no_limit);
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(!pair.client.tls.update_keys(false));
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), data));
  check_data_flows(pair, pair.client, 2);
}

// What is held back was sealed with the old key and goes first.
BOOST_AUTO_TEST_CASE(a_cancelled_write_is_no_obstacle) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  pair.client.wire.set_capacity(100);
  const std::string data = pattern(50'000);
  BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
  const std::size_t sealed = pair.client.tls.cancel_write();
  BOOST_TEST(sealed > 0u);
  BOOST_TEST(pair.client.tls.flush_pending());
  BOOST_TEST(!pair.client.tls.update_keys(false));
  pair.client.wire.set_capacity(no_limit);
  BOOST_TEST(completes(pair.client.write("and on"), 6));
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), data.substr(0, sealed) + "and on"));
}

BOOST_AUTO_TEST_CASE(it_is_too_late_after_the_end) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
  BOOST_TEST(pair.client.tls.update_keys(true) == error::write_after_shutdown);
  pair.settle();
  pair.server.read_all();
  BOOST_TEST(!pair.server.tls.update_keys(true)); // the other direction is still open
  BOOST_TEST(completes(pair.server.write("late"), 4));
  pair.settle();
  BOOST_TEST(pair.client.read_all() == "late");

  memory_pair broken;
  BOOST_REQUIRE(broken.connect());
  BOOST_REQUIRE(broken.client.wire.feed(bytes_of("this is no record")));
  broken.client.read_all();
  BOOST_REQUIRE(broken.client.tls.state() == connection_state::failed);
  BOOST_TEST(broken.client.tls.update_keys(true) == broken.client.last.error);
}

BOOST_AUTO_TEST_SUITE_END()
