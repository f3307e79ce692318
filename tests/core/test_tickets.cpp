// SPDX-License-Identifier: BSL-1.0
// Does a server take back its own sessions, and only those that were given to clients of whom it asked the
// same? A resumption skips the check of the client's certificate, too.
#include "resumption.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>
#include <chrono>

BOOST_AUTO_TEST_SUITE(tickets)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using namespace std::chrono_literals;

// Counts the NewSessionTicket messages that a client receives.
void count_tickets(SSL* client, int* count) {
  SSL_set_msg_callback(client, [](int writing, int, int type, const void* p, std::size_t n, SSL*, void* arg) {
    const bool ticket = writing == 0 && type == SSL3_RT_HANDSHAKE && n > 0 &&
                        *static_cast<const unsigned char*>(p) == SSL3_MT_NEWSESSION_TICKET;
    if (ticket) ++*static_cast<int*>(arg);
  });
  SSL_set_msg_callback_arg(client, count);
}

int tickets_of_a_handshake(const context& client, const context& server, bool resumed = false) {
  memory_pair pair(client, server);
  int count = 0;
  count_tickets(pair.client.native(), &count);
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(pair.client.tls.resumed() == resumed);
  return count;
}

std::array<std::byte, 80> keys_of(unsigned char seed) {
  std::array<std::byte, 80> keys{};
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = std::byte(seed + i);
  return keys;
}

context server_with_keys(unsigned char seed) {
  context server = server_context();
  BOOST_REQUIRE(!server.set_ticket_keys(keys_of(seed)));
  return server;
}

// The same as resumes(), but ends in order: OpenSSL's server forgets other sessions that are not in tickets.
bool resumes_after_good_end(const context& client, const context& server) {
  memory_pair pair(client, server);
  BOOST_REQUIRE(pair.connect());
  BOOST_REQUIRE(completes(pair.client.shutdown(shutdown_form::send_only)));
  BOOST_REQUIRE(completes(pair.server.shutdown(shutdown_form::send_only)));
  return pair.server.tls.resumed();
}

// A client that can show a certificate.
context known_client(int version) {
  context client = resuming_client(version);
  BOOST_REQUIRE(!client.use_certificate_chain(pem(client_identity().certificate_pem)));
  BOOST_REQUIRE(!client.use_private_key(pem(client_identity().key_pem)));
  return client;
}

pem our_authority() { return pem(authority().certificate_pem); }

} // namespace

BOOST_AUTO_TEST_CASE(a_full_handshake_brings_one_ticket_unless_told_otherwise) {
  const context client = only(TLS1_3_VERSION, client_context());
  BOOST_TEST(tickets_of_a_handshake(client, server_context()) == 1);
  for (const std::size_t n : {0u, 1u, 3u}) {
    context server = server_context();
    BOOST_REQUIRE(!server.set_ticket_count(n));
    BOOST_TEST(tickets_of_a_handshake(client, server) == static_cast<int>(n));
  }
  BOOST_TEST(context::client().set_ticket_count(1) == error::bad_option);
}

// OpenSSL sends each by itself.
BOOST_AUTO_TEST_CASE(the_tickets_of_a_handshake_are_sent_together) {
  for (const std::size_t n : {0u, 1u, 3u}) {
    context server = server_context();
    BOOST_REQUIRE(!server.set_ticket_count(n));
    memory_pair pair(only(TLS1_3_VERSION, client_context()), server);
    BOOST_REQUIRE(pair.connect());
    const stats& s = pair.server.tls.stats();
    BOOST_TEST(s.transport_writes == (n == 0 ? 1U : 2U));
    BOOST_TEST(s.cipher_written == pair.client.tls.stats().cipher_read);
    BOOST_TEST(s.spilled == 0U); // the transport takes everything
    BOOST_TEST((s.spill_peak != 0U) == (n != 0));
  }
}

BOOST_AUTO_TEST_CASE(what_the_transport_leaves_of_the_tickets_counts_as_spilled) {
  for (const std::size_t taken : {0U, 100U}) {
    memory_pair pair(only(TLS1_3_VERSION, client_context()), server_context());
    pair.advance();
    pair.client.handshake();
    deliver(pair.client, pair.server);
    pair.server.wire.set_capacity(taken);
    BOOST_TEST((pair.server.handshake().why == suspend::want_write));
    const stats& s = pair.server.tls.stats();
    BOOST_TEST(s.spilled != 0U);
    BOOST_TEST(s.spill_peak == s.spilled + taken);
    pair.server.wire.set_capacity(no_limit);
    const std::uint64_t before = s.cipher_written, left = s.spilled;
    BOOST_TEST(completes(pair.server.handshake()));
    BOOST_TEST(s.cipher_written == before + left);
    BOOST_TEST(s.spilled == left, "counted twice");
  }
}

BOOST_AUTO_TEST_CASE(a_resumption_brings_the_next_ticket) {
  const context client = resuming_client(TLS1_3_VERSION);
  const context server = server_context();
  tickets_of_a_handshake(client, server);
  for (int i = 0; i < 3; ++i) BOOST_TEST(tickets_of_a_handshake(client, server, true) == 1);
}

TLSMODE_CASE_PER_VERSION(contexts_with_the_same_keys_take_each_others_sessions) {
  const context client = resuming_client(version);
  BOOST_TEST(!resumes(client, server_with_keys(1)));
  BOOST_TEST(resumes(client, server_with_keys(1)));
  BOOST_TEST(!resumes(client, server_with_keys(2)));
}

BOOST_AUTO_TEST_CASE(keys_of_another_size_are_refused) {
  context server = server_context();
  const std::array<std::byte, 160> many{};
  for (const std::size_t n : {0u, 1u, 48u, 79u, 81u, 160u})
    BOOST_TEST(server.set_ticket_keys(std::span(many).first(n)) == error::bad_option);
  BOOST_TEST(context::client().set_ticket_keys(keys_of(1)) == error::bad_option);
}

// With the ticket keys of one in the other, only the session-id context keeps them apart.
TLSMODE_CASE_PER_VERSION(a_session_of_one_context_is_not_accepted_by_another) {
  const context client = resuming_client(version);
  const context one = server_context();
  const context two = server_context();
  std::array<unsigned char, 80> keys{};
  SSL_CTX_get_tlsext_ticket_keys(one.native_handle(), keys.data(), keys.size());
  SSL_CTX_set_tlsext_ticket_keys(two.native_handle(), keys.data(), keys.size());
  BOOST_TEST(!resumes(client, one));
  BOOST_TEST(!resumes(client, two));
  BOOST_TEST(resumes(client, two)); // the keys do work
}

// The attack: get a session where no certificate is asked for, and enter with it where one is.
TLSMODE_CASE_PER_VERSION(equal_keys_do_not_let_a_nameless_client_in) {
  const context client = resuming_client(version);
  BOOST_TEST(!resumes(client, server_with_keys(1)));
  context demanding = server_with_keys(1);
  BOOST_REQUIRE(!demanding.require_client_certificate(our_authority()));
  memory_pair pair(client, demanding);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails_for(pair.server.last, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE));
}

TLSMODE_CASE_PER_VERSION(equal_keys_and_demands_go_together_in_any_order) {
  const context client = known_client(version);
  context one = server_with_keys(1);
  BOOST_REQUIRE(!one.require_client_certificate(our_authority()));
  context two = server_context();
  const memory_file ca(authority().certificate_pem);
  BOOST_REQUIRE(!two.require_client_certificate(ca.path()));
  BOOST_REQUIRE(!two.set_ticket_keys(keys_of(1)));
  BOOST_TEST(!resumes(client, one));
  BOOST_TEST(resumes(client, two));

  const auto none_of_ones = [&](const context& server) {
    const context fresh = known_client(version);
    return !resumes(fresh, one) && !resumes(fresh, server) && resumes(fresh, server);
  };
  context optional = server_with_keys(1);
  BOOST_REQUIRE(!optional.ask_for_client_certificate(our_authority()));
  BOOST_TEST(none_of_ones(optional));
  context trusts_more = server_with_keys(1);
  BOOST_REQUIRE(!trusts_more.require_client_certificate(our_authority()));
  BOOST_REQUIRE(!trusts_more.trust(pem(stranger().certificate_pem)));
  BOOST_TEST(none_of_ones(trusts_more));
  context trusts_everybody = server_with_keys(1);
  BOOST_REQUIRE(!trusts_everybody.require_client_certificate(our_authority()));
  BOOST_REQUIRE(!trusts_everybody.trust_system());
  BOOST_TEST(none_of_ones(trusts_everybody));
}

// The same attack within one context: one connection asks for more than the others.
TLSMODE_CASE_PER_VERSION(a_connection_that_asks_for_more_does_not_resume) {
  context trusting = server_context();
  BOOST_REQUIRE(!trusting.trust(our_authority()));
  for (const bool by_callback : {false, true}) {
    const context client = resuming_client(version);
    BOOST_TEST(!resumes(client, trusting));
    BOOST_TEST(offers(client));
    if (version == TLS1_3_VERSION) BOOST_TEST(!resumes(client, trusting)); // offers() used the ticket up
    memory_pair pair(client, trusting);
    if (by_callback) {
      pair.server.tls.set_verify_callback([](bool, X509_STORE_CTX*) { return false; });
      BOOST_TEST(pair.connect()); // the client shows no certificate, so nobody is asked
      BOOST_TEST(!pair.client.tls.resumed());
    } else {
      pair.server.tls.set_verify_mode(SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
      BOOST_TEST(!pair.connect());
      BOOST_TEST(fails_for(pair.server.last, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE));
    }
  }
}

// And with an object that is used again: it must not go on making sessions that a stricter one would take.
TLSMODE_CASE_PER_VERSION(a_reset_connection_is_not_what_it_was) {
  const context client = resuming_client(version);
  context server = server_context();
  BOOST_REQUIRE(!server.trust(our_authority()));
  const int demanding = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  memory_pair pair(client, server);
  pair.server.tls.set_verify_mode(demanding);
  BOOST_TEST(!pair.connect()); // no certificate
  BOOST_REQUIRE(!pair.server.tls.reset());
  pair.server.tls.set_verify_mode(SSL_VERIFY_NONE);
  memory_pair other(client, server);
  pair.server.wire = {};
  for (int i = 0; i < 4; ++i) {
    other.client.last = other.client.handshake();
    deliver(other.client, pair.server);
    pair.server.last = pair.server.handshake();
    deliver(pair.server, other.client);
  }
  BOOST_REQUIRE(completes(other.client.last));
  other.client.read_all(); // the session
  memory_pair strict(client, server);
  strict.server.tls.set_verify_mode(demanding);
  BOOST_TEST(!strict.connect());
  BOOST_TEST(fails_for(strict.server.last, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE));
}

// A client that is used again for another host offers nothing of the first.
TLSMODE_CASE_PER_VERSION(a_reset_client_keeps_hosts_apart) {
  const context client = resuming_client(version);
  const context server = server_context();
  memory_pair pair(client, server);
  BOOST_REQUIRE(pair.connect());
  BOOST_REQUIRE(pair.client.tls.session());
  BOOST_REQUIRE(!pair.client.tls.reset());
  pair.client.wire = {};
  BOOST_REQUIRE(!pair.client.tls.set_host(server_address));
  pair.client.handshake();
  BOOST_TEST(!client_hello_of(text_of(pair.client.wire.output())).offers_session);
  BOOST_TEST(offers(client)); // it is still kept for the first
}

TLSMODE_CASE_PER_VERSION(connections_that_ask_the_same_more_resume_each_other) {
  const context client = known_client(version);
  context server = server_context();
  BOOST_REQUIRE(!server.trust(our_authority()));
  for (const bool again : {false, true}) {
    memory_pair pair(client, server);
    pair.server.tls.set_verify_mode(SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    BOOST_REQUIRE(pair.connect());
    BOOST_TEST(pair.server.tls.resumed() == again);
  }
}

TLSMODE_CASE_PER_VERSION(the_lifetime_is_told_and_kept_to) {
  const context client = only(version, client_context());
  context server = server_context();
  BOOST_REQUIRE(!server.set_session_lifetime(300s));
  const session_ptr s = session_of(client, server);
  BOOST_TEST(SSL_SESSION_get_ticket_lifetime_hint(s.get()) == 300u);
  for (const auto bad : {0s, -1s, std::chrono::seconds(7 * 24 * 3600 + 1)})
    BOOST_TEST(server.set_session_lifetime(bad) == error::bad_option);
  BOOST_TEST(!server.set_session_lifetime(std::chrono::hours(7 * 24)));
  context any_client = context::client();
  BOOST_TEST(!any_client.set_session_lifetime(60s));
  BOOST_TEST(SSL_CTX_get_timeout(any_client.native_handle()) == 60);
}

TLSMODE_CASE_PER_VERSION(resumption_can_be_switched_off) {
  context server = server_context();
  server.disable_resumption();
  for (const bool without_tickets : {false, true}) { // then sessions go by their ids
    const context client = resuming_client(version);
    if (without_tickets) SSL_CTX_set_options(client.native_handle(), SSL_OP_NO_TICKET);
    for (int i = 0; i < 2; ++i) BOOST_TEST(!resumes_after_good_end(client, server));
    BOOST_TEST(tickets_of_a_handshake(client, server) == 0);
    const context usual = server_context();
    resumes_after_good_end(client, usual);
    BOOST_TEST(resumes_after_good_end(client, usual)); // it is not for the client that they did not
  }
}

BOOST_AUTO_TEST_CASE(a_client_is_not_switched_off) {
  context client = resuming_client(TLS1_3_VERSION);
  client.disable_resumption();
  const context server = server_context();
  resumes(client, server);
  BOOST_TEST(resumes(client, server));
}

BOOST_AUTO_TEST_SUITE_END()
