// SPDX-License-Identifier: BSL-1.0
// Invariant 3: does the last alert of a failed connection reach a peer whose transport was full, does the
// failed operation wait for that, and is the failure the same for whoever asks later?
#include "alert_log.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <functional>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// A record that no key has sealed.
const std::string forged = std::string("\x17\x03\x03\x00\x20", 5) + pattern(32);
// A handshake record that holds no handshake message.
const std::string rubbish = std::string("\x16\x03\x01\x00\x10", 5) + pattern(16);

// Every operation of a failed connection gives the same error.
void check_that_everything_fails(endpoint& e, std::error_code ec) {
  std::string room(10, '\0');
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(fails(e.handshake(), ec));
    BOOST_TEST(fails(e.read(room), ec));
    BOOST_TEST(fails(e.write("x"), ec));
    for (const auto form : {shutdown_form::send_only, shutdown_form::wait_for_peer, shutdown_form::drain})
      BOOST_TEST(fails(e.shutdown(form), ec));
  }
  BOOST_TEST(e.tls.last_failure().code == ec);
  BOOST_TEST(e.tls.state() == connection_state::failed);
}

struct last_words {
  step end;         // of the operation that failed
  std::string wire; // what the peer gets
};

// Runs an operation that is about to fail over a transport that has no room at first and then little.
last_words fail_without_room(endpoint& e, const std::function<step()>& operation) {
  e.wire.set_capacity(0);
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(stops(operation(), suspend::want_write));
    BOOST_TEST(e.tls.alert_pending());
    BOOST_TEST(e.tls.state() == connection_state::failed);
    BOOST_TEST(e.wire.output().empty());
  }
  e.wire.set_capacity(1);
  last_words last;
  for (int i = 0; i < 100'000; ++i) {
    last.end = operation();
    last.wire += text_of(e.wire.output());
    e.wire.consume(e.wire.output().size());
    if (last.end.complete()) break;
    BOOST_TEST(stops(last.end, suspend::want_write));
  }
  BOOST_TEST(!e.tls.alert_pending());
  BOOST_TEST(!e.tls.flush_pending());
  e.wire.set_capacity(no_limit);
  return last;
}

struct connected : memory_pair {
  connected() { BOOST_REQUIRE(connect()); }
};

} // namespace

BOOST_AUTO_TEST_SUITE(alerts)

BOOST_AUTO_TEST_CASE(a_server_refuses_rubbish_and_says_so) {
  memory_pair pair;
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of(rubbish)));
  const last_words last = fail_without_room(pair.server, [&] { return pair.server.handshake(); });
  BOOST_TEST(bool(last.end.error));
  const auto records = records_of(last.wire);
  BOOST_REQUIRE(records.size() == 1u);
  BOOST_TEST((records[0].type == content::alert));
  BOOST_TEST(records[0].body.size() == 2u);
  BOOST_TEST(records[0].body[0] == SSL3_AL_FATAL);
  check_that_everything_fails(pair.server, last.end.error);
  BOOST_TEST(pair.server.wire.output().empty());
}

BOOST_AUTO_TEST_CASE(plain_http_is_named) {
  memory_pair pair;
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of("GET / HTTP/1.1\r\nHost: server.test\r\n\r\n")));
  pair.server.wire.set_capacity(0);
  const step s = pair.server.handshake(); // OpenSSL has no alert for this
  BOOST_TEST(fails_for(s, SSL_R_HTTP_REQUEST));
  const failure& f = pair.server.tls.last_failure();
  BOOST_TEST(f.operation == "handshake");
  BOOST_TEST(f.openssl_errors.find("http request") != std::string::npos);
  BOOST_TEST(f.verify_error.empty());
  BOOST_TEST(f.verify_depth == -1);
  check_that_everything_fails(pair.server, s.error);
}

BOOST_AUTO_TEST_CASE(a_client_refuses_a_certificate_and_says_so) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    context server = server_context(stranger());
    SSL_CTX_set_max_proto_version(server.native_handle(), version);
    memory_pair pair(client_context(), server);
    alert_log heard(pair.server.native());
    BOOST_TEST(pair.advance());
    const last_words last = fail_without_room(pair.client, [&] { return pair.client.handshake(); });
    BOOST_TEST(fails_for(last.end, SSL_R_CERTIFICATE_VERIFY_FAILED));
    const failure& f = pair.client.tls.last_failure();
    BOOST_TEST(f.verify_error == X509_verify_cert_error_string(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT));
    BOOST_TEST(f.verify_depth == 0);
    BOOST_TEST(f.to_string().find("handshake: certificate verify failed") == 0u);
    BOOST_TEST(f.to_string().find("certificate refused: " + f.verify_error + " at depth 0") !=
               std::string::npos);
    check_that_everything_fails(pair.client, last.end.error);

    BOOST_REQUIRE(pair.server.wire.feed(bytes_of(last.wire)));
    BOOST_TEST(fails_for(pair.server.handshake(), SSL_R_TLSV1_ALERT_UNKNOWN_CA));
    BOOST_TEST(heard.received(SSL_AD_UNKNOWN_CA) == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_forged_record_ends_an_open_connection) {
  connected pair;
  alert_log heard(pair.client.native());
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of(forged)));
  std::string room(100, '\0');
  const last_words last = fail_without_room(pair.server, [&] { return pair.server.read(room); });
  BOOST_TEST(fails_for(last.end, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC));
  BOOST_TEST(pair.server.tls.last_failure().operation == "read");
  check_that_everything_fails(pair.server, last.end.error);
  BOOST_REQUIRE(pair.client.wire.feed(bytes_of(last.wire)));
  BOOST_TEST(fails_for(pair.client.read(room), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC));
  BOOST_TEST(heard.received(SSL_AD_BAD_RECORD_MAC) == 1);
}

BOOST_AUTO_TEST_CASE(data_before_the_forged_record_comes_first_and_the_alert_still_goes_out) {
  connected pair;
  BOOST_TEST(completes(pair.client.write("good"), 4));
  pair.settle();
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of(forged)));
  pair.server.wire.set_capacity(0);
  std::string room(100, '\0');
  BOOST_TEST(completes(pair.server.read(room), 4));
  BOOST_TEST(pair.server.tls.alert_pending());
  const last_words last = fail_without_room(pair.server, [&] { return pair.server.write("answer"); });
  BOOST_TEST(fails_for(last.end, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC));
  BOOST_TEST(last.wire.size() == 2 + record_overhead);
}

BOOST_AUTO_TEST_CASE(the_alert_follows_the_records_of_a_blocked_write) {
  connected pair;
  alert_log heard(pair.client.native());
  const std::string data = pattern(40'000);
  pair.server.wire.set_capacity(10'000);
  BOOST_TEST(stops(pair.server.write(data), suspend::want_write));
  const std::size_t sealed = pair.server.tls.unfinished_write();
  deliver(pair.server, pair.client);
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of(forged)));
  std::string room(100, '\0');
  const last_words last = fail_without_room(pair.server, [&] { return pair.server.read(room); });
  BOOST_TEST(pair.server.tls.cancel_write() == 0u);
  BOOST_TEST(fails(pair.server.write(data), last.end.error));
  BOOST_REQUIRE(pair.client.wire.feed(bytes_of(last.wire)));
  BOOST_TEST(same_bytes(pair.client.read_all(), data.substr(0, sealed)));
  BOOST_TEST(fails_for(pair.client.last, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC));
  BOOST_TEST(heard.received(SSL_AD_BAD_RECORD_MAC) == 1);
}

// A read that fails behind the bytes that it gives ends an unfinished write as one that gives none.
BOOST_AUTO_TEST_CASE(a_failure_behind_data_ends_an_unfinished_write) {
  connected pair;
  BOOST_TEST(completes(pair.client.write("before it"), 9));
  deliver(pair.client, pair.server);
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of(forged)));
  pair.server.wire.set_capacity(100);
  const std::string data = pattern(1000);
  BOOST_TEST(stops(pair.server.write(data), suspend::want_write));
  std::string room(100, '\0');
  BOOST_TEST(completes(pair.server.read(room), 9));
  BOOST_REQUIRE(pair.server.tls.state() == connection_state::failed);
  BOOST_TEST(pair.server.tls.unfinished_write() == 0u);
  BOOST_TEST(pair.server.tls.cancel_write() == 0u);
  pair.server.wire.set_capacity(no_limit);
  const step s = pair.server.write(data);
  BOOST_TEST(fails_for(s, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC));
  BOOST_TEST(pair.server.tls.update_keys(false) == s.error);
}

BOOST_AUTO_TEST_CASE(dropping_the_output_ends_the_wait_for_the_alert) {
  connected pair;
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of(forged)));
  pair.server.wire.set_capacity(0);
  std::string room(100, '\0');
  BOOST_TEST(stops(pair.server.read(room), suspend::want_write));
  pair.server.tls.drop_output();
  BOOST_TEST(!pair.server.tls.flush_pending());
  const step s = pair.server.read(room);
  BOOST_TEST(fails_for(s, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC));
  pair.server.wire.set_capacity(no_limit);
  check_that_everything_fails(pair.server, s.error);
  BOOST_TEST(pair.server.wire.output().empty());
}

BOOST_AUTO_TEST_CASE(after_dropped_output_no_write_can_succeed) {
  connected pair;
  pair.server.tls.drop_output(); // nothing held back: nothing happens
  BOOST_TEST(completes(pair.server.write("a"), 1));
  pair.server.wire.set_capacity(0);
  const std::string data = pattern(100);
  BOOST_TEST(stops(pair.server.write(data), suspend::want_write));
  pair.server.tls.drop_output();
  pair.server.wire.set_capacity(no_limit);
  BOOST_TEST(fails(pair.server.write(data), std::make_error_code(std::errc::timed_out)));
  BOOST_TEST(fails(pair.server.write("more"), std::make_error_code(std::errc::timed_out)));
  BOOST_TEST(
      fails(pair.server.shutdown(shutdown_form::send_only), std::make_error_code(std::errc::timed_out)));
  BOOST_TEST(pair.server.wire.output().size() == 1 + record_overhead); // only what was there before
}

BOOST_AUTO_TEST_CASE(no_failure_is_known_before_there_is_one) {
  connected pair;
  BOOST_TEST(!pair.client.tls.last_failure().code);
  BOOST_TEST(pair.client.tls.last_failure().to_string() == "no failure");
  BOOST_TEST(!pair.client.tls.alert_pending());
}

BOOST_AUTO_TEST_SUITE_END()
