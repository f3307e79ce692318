// SPDX-License-Identifier: BSL-1.0
// Does a client whose context keeps sessions resume what it may, and never a session whose peer was not
// checked as this connection would do it? A resumption skips that check.
#include "verification_settings.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <ctime>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(kept_sessions)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

} // namespace

TLSMODE_CASE_PER_VERSION(a_connection_resumes_the_one_before_it) {
  const context client = resuming_client(version);
  const context server = server_context();
  BOOST_TEST(!resumes(client, server));
  for (int i = 0; i < 3; ++i) BOOST_TEST(resumes(client, server));
}

TLSMODE_CASE_PER_VERSION(nothing_is_kept_unless_asked_for) {
  const context client = only(version, client_context());
  const context server = server_context();
  for (int i = 0; i < 2; ++i) BOOST_TEST(!resumes(client, server));
  BOOST_TEST(!offers(client));
}

BOOST_AUTO_TEST_CASE(a_store_is_for_clients_and_not_empty) {
  BOOST_TEST(context::server().resume_sessions() == error::bad_option);
  BOOST_TEST(context::client().resume_sessions(0) == error::bad_option);
}

BOOST_AUTO_TEST_CASE(a_tls_1_3_ticket_is_offered_once_and_a_tls_1_2_session_again) {
  for (const int version : both_versions) {
    const context client = resuming_client(version);
    BOOST_TEST(!resumes(client, server_context()));
    BOOST_TEST(offers(client));
    BOOST_TEST(offers(client) == (version == TLS1_2_VERSION));
  }
}

BOOST_AUTO_TEST_CASE(several_tickets_serve_several_connections) {
  const context client = resuming_client(TLS1_3_VERSION);
  context server = server_context();
  BOOST_REQUIRE(!server.set_ticket_count(3));
  BOOST_TEST(!resumes(client, server));
  for (int i = 0; i < 3; ++i) BOOST_TEST(offers(client));
  BOOST_TEST(!offers(client));
}

TLSMODE_CASE_PER_VERSION(a_session_is_for_one_host_and_port) {
  const context client = resuming_client(version);
  const context server = server_context(); // good for the name and for the address
  BOOST_TEST(!resumes(client, server, with_host(server_name, 443)));
  BOOST_TEST(!offers(client, with_host(server_address, 443)));
  BOOST_TEST(!offers(client, with_host("other.test", 443)));
  BOOST_TEST(!offers(client, with_host(server_name, 444)));
  BOOST_TEST(!offers(client, with_host(server_name, 0)));
  BOOST_TEST(resumes(client, server, with_host(server_name, 443)));
  BOOST_TEST(!resumes(client, server, with_host(server_address, 443)));
  BOOST_TEST(!offers(client, with_host("192.0.2.2", 443))); // addresses are told apart as well
  BOOST_TEST(!offers(client, with_host("2001:db8::1", 443)));
  BOOST_TEST(resumes(client, server, with_host(server_address, 443)));
}

TLSMODE_CASE_PER_VERSION(connections_that_verify_do_not_meet_those_that_do_not) {
  const context client = resuming_client(version);
  const context server = server_context(stranger()); // the attacker answers for the same name
  BOOST_TEST(!resumes(client, server, does_not_verify));
  BOOST_TEST(!offers(client));
  BOOST_TEST(resumes(client, server, does_not_verify)); // it was kept
  memory_pair pair(client, server);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails_for(pair.client.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
}

TLSMODE_CASE_PER_VERSION(unverified_sessions_keep_to_their_host_too) {
  context client = resuming_client(version);
  client.disable_verification();
  const context server = server_context();
  BOOST_TEST(!resumes(client, server));
  for (const char* host : {"other.test", server_address}) BOOST_TEST(!offers(client, with_host(host, 0)));
  BOOST_TEST(resumes(client, server));
}

TLSMODE_CASE_PER_VERSION(without_a_host_there_is_nothing_to_keep_by) {
  context client = resuming_client(version);
  client.disable_verification();
  const context server = server_context();
  for (int i = 0; i < 2; ++i) {
    endpoint a(client, role::client);
    endpoint b(server, role::server);
    for (int k = 0; k < 4; ++k) {
      a.last = a.handshake();
      if (k == 0) BOOST_TEST(!client_hello_of(text_of(a.wire.output())).offers_session);
      deliver(a, b);
      b.last = b.handshake();
      deliver(b, a);
    }
    BOOST_TEST(completes(a.last));
    a.read_all();
    BOOST_TEST(a.tls.session() != nullptr);
  }
}

TLSMODE_CASE_PER_VERSION(other_settings_make_a_full_handshake) {
  for (const setting& s : settings) {
    BOOST_TEST_CONTEXT(s.name) {
      const context client = dane_ready(resuming_client(version));
      const context server = server_context();
      BOOST_TEST(!resumes(client, server));
      BOOST_TEST(!offers(client, s.apply));
      BOOST_TEST(resumes(client, server)); // it was there

      const context other = dane_ready(resuming_client(version));
      BOOST_TEST(!resumes(other, server, s.apply));
      BOOST_TEST(!offers(other));
      BOOST_TEST(offers(other, s.apply) == s.comparable);
    }
  }
}

TLSMODE_CASE_PER_VERSION(a_callback_of_the_context_keeps_it_from_resuming) {
  const context client = resuming_client(version);
  SSL_CTX_set_verify(client.native_handle(), SSL_VERIFY_PEER, [](int good, X509_STORE_CTX*) { return good; });
  const context server = server_context();
  for (int i = 0; i < 2; ++i) BOOST_TEST(!resumes(client, server));
}

TLSMODE_CASE_PER_VERSION(a_connection_that_failed_takes_its_sessions_along) {
  const context server = server_context();
  const context client = resuming_client(version);
  memory_pair first(client, server);
  BOOST_REQUIRE(first.connect());
  break_client(first);
  BOOST_TEST(!offers(client));

  BOOST_TEST(!resumes(client, server));
  memory_pair second(client, server);
  BOOST_REQUIRE(second.connect());
  BOOST_TEST(second.client.tls.resumed());
  break_client(second); // on a TLS 1.2 session that was made by another connection
  BOOST_TEST(!offers(client));
}

TLSMODE_CASE_PER_VERSION(other_connections_keep_theirs_when_one_fails) {
  const context server = server_context();
  const context client = resuming_client(version);
  BOOST_TEST(!resumes(client, server, with_host(server_name, 1)));
  memory_pair pair(client, server);
  BOOST_REQUIRE(pair.connect());
  break_client(pair);
  BOOST_TEST(resumes(client, server, with_host(server_name, 1)));
}

// Without a shutdown OpenSSL itself would spoil the session when it frees the connection.
TLSMODE_CASE_PER_VERSION(a_connection_that_just_goes_away_leaves_its_session) {
  const context client = resuming_client(version);
  {
    memory_pair pair(client, server_context());
    BOOST_REQUIRE(pair.connect());
  }
  BOOST_TEST(offers(client));
}

TLSMODE_CASE_PER_VERSION(the_store_is_bounded) {
  context client = only(version, client_context());
  BOOST_REQUIRE(!client.resume_sessions(2));
  const context server = server_context();
  for (std::uint16_t port = 1; port <= 3; ++port)
    BOOST_TEST(!resumes(client, server, with_host(server_name, port)));
  BOOST_TEST(!offers(client, with_host(server_name, 1)));
  BOOST_TEST(offers(client, with_host(server_name, 2)));
  BOOST_TEST(offers(client, with_host(server_name, 3)));
}

BOOST_AUTO_TEST_CASE(an_expired_session_is_not_offered) {
  for (const bool servers_word : {false, true})
    for (const int version : both_versions) {
      context client = resuming_client(version);
      context server = server_context();
      BOOST_REQUIRE(!(servers_word ? server : client).set_session_lifetime(std::chrono::seconds(1)));
      const std::time_t made = std::time(nullptr);
      BOOST_TEST(!resumes(client, server));
      while (std::time(nullptr) < made + 2) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      BOOST_TEST(!offers(client));
    }
}

TLSMODE_CASE_PER_VERSION(the_callback_that_was_there_is_still_called) {
  context client = only(version, client_context());
  static int calls = 0;
  for (const bool takes : {false, true}) {
    calls = 0;
    SSL_CTX_sess_set_new_cb(client.native_handle(), takes
                                                        ? +[](SSL*, SSL_SESSION* s) {
                                                            ++calls;
                                                            SSL_SESSION_free(s); // ours to free
                                                            return 1;
                                                          }
                                                        : +[](SSL*, SSL_SESSION*) {
                                                            ++calls;
                                                            return 0;
                                                          });
    for (int i = 0; i < 2; ++i)
      BOOST_REQUIRE(!client.resume_sessions()); // the second must not chain to itself
    BOOST_TEST(!resumes(client, server_context()));
    BOOST_TEST(calls == 1);
    BOOST_TEST(offers(client));
  }
}

BOOST_AUTO_TEST_SUITE_END()
