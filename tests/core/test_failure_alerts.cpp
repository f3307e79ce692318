// SPDX-License-Identifier: BSL-1.0
// Does the record of a failure tell by which alert the other side was told of it, on both sides, and does
// whoever else listens to OpenSSL still hear?
#include "checked_peers.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <string>

BOOST_AUTO_TEST_SUITE(failure_alerts)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

int heard = 0; // calls of the listener below
void listen(const SSL*, int, int) { ++heard; }

// Lets both sides find out.
void fail(memory_pair& pair) {
  (void)pair.connect();
  pair.settle();
  for (endpoint* e : {&pair.client, &pair.server}) {
    e->last = e->handshake();
    e->read_all();
  }
}

void check(const endpoint& teller, const endpoint& told, int alert) {
  const failure& of_teller = teller.tls.last_failure();
  const failure& of_told = told.tls.last_failure();
  BOOST_TEST(of_teller.alert_sent == alert);
  BOOST_TEST(of_teller.alert_received == -1);
  BOOST_TEST(of_told.alert_received == alert);
  BOOST_TEST(of_told.alert_sent == -1);
  const std::string words = "alert " + std::to_string(alert) + ", " + SSL_alert_desc_string_long(alert);
  BOOST_TEST(of_teller.to_string().find("; sent " + words) != std::string::npos, of_teller.to_string());
  BOOST_TEST(of_told.to_string().find("; received " + words) != std::string::npos, of_told.to_string());
}

} // namespace

TLSMODE_CASE_PER_VERSION(a_refused_certificate) {
  memory_pair pair(only(version, client_context()), server_context(stranger()));
  fail(pair);
  check(pair.client, pair.server, SSL_AD_UNKNOWN_CA);
}

TLSMODE_CASE_PER_VERSION(no_common_protocol) {
  context client = only(version, client_context());
  context server = server_context();
  BOOST_REQUIRE(!client.set_alpn({"one"}));
  BOOST_REQUIRE(!server.set_alpn({"two"}));
  memory_pair pair(client, server);
  fail(pair);
  check(pair.server, pair.client, SSL_AD_NO_APPLICATION_PROTOCOL);
}

TLSMODE_CASE_PER_VERSION(a_forged_record) {
  memory_pair pair(only(version, client_context()), server_context());
  BOOST_REQUIRE(pair.connect());
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of(std::string("\x17\x03\x03\x00\x20", 5) + pattern(32))));
  pair.server.read_all();
  pair.settle();
  pair.client.read_all();
  check(pair.server, pair.client, SSL_AD_BAD_RECORD_MAC);
  // With the next connection there is nothing of it left.
  BOOST_REQUIRE(!pair.server.tls.reset());
  BOOST_REQUIRE(!pair.client.tls.reset());
  pair.client.wire = {};
  pair.server.wire = {};
  BOOST_REQUIRE(pair.connect());
  pair.client.wire.feed_eof();
  pair.client.read_all();
  BOOST_TEST(fails(pair.client.last, error::stream_truncated));
  BOOST_TEST(pair.client.tls.last_failure().alert_received == -1);
}

// Orderly ends and cut wires are no alerts.
TLSMODE_CASE_PER_VERSION(none) {
  memory_pair pair(only(version, client_context()), server_context());
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(completes(pair.server.shutdown(shutdown_form::send_only)));
  pair.settle();
  pair.client.read_all();
  BOOST_TEST(fails(pair.client.last, error::end_of_stream));
  pair.server.wire.fail_reads(std::make_error_code(std::errc::connection_reset));
  pair.server.read_all();
  const failure& f = pair.server.tls.last_failure();
  BOOST_TEST((f.code == std::errc::connection_reset));
  BOOST_TEST(f.alert_received == -1);
  BOOST_TEST(f.alert_sent == -1);
  BOOST_TEST(f.to_string().find("alert") == std::string::npos);
}

TLSMODE_CASE_PER_VERSION(whoever_listens_hears_too) {
  const auto refused = [&](const context& client, const change& prepare) {
    memory_pair pair(client, server_context(stranger()));
    prepare(pair.client.tls);
    heard = 0;
    fail(pair);
    BOOST_TEST(heard > 5);
    BOOST_TEST(pair.client.tls.last_failure().alert_sent ==
               (SSL_get_info_callback(pair.client.native()) == &listen ? -1 : SSL_AD_UNKNOWN_CA));
  };
  const context before = only(version, client_context());
  SSL_CTX_set_info_callback(before.native_handle(), &listen);
  refused(before, as_it_is);
  const context later = only(version, client_context());
  refused(later, [&](engine&) { SSL_CTX_set_info_callback(later.native_handle(), &listen); });
  const context instead = only(version, client_context());
  refused(instead, [&](engine& e) { SSL_set_info_callback(e.native_handle(), &listen); });
}

// What the peer says is known even then.
TLSMODE_CASE_PER_VERSION(the_one_that_came_is_in_the_error) {
  memory_pair pair(only(version, client_context()), server_context(stranger()));
  SSL_set_info_callback(pair.server.native(), &listen);
  fail(pair);
  BOOST_TEST(pair.server.tls.last_failure().alert_received == SSL_AD_UNKNOWN_CA);
}

BOOST_AUTO_TEST_SUITE_END()
