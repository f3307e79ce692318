// SPDX-License-Identifier: BSL-1.0
// Does a session get in where a server's connection checks its client otherwise than the one that made it?
#include "checked_peers.hpp"

#include <tlsmode/connection.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

BOOST_AUTO_TEST_SUITE(servers_with_checks_of_their_own)

using namespace tlsmode;
using namespace tlsmode::test;

// Whoever passed the context's check has not passed that of the connection.
TLSMODE_CASE_PER_VERSION(a_stricter_connection_refuses_what_it_would_refuse_in_full) {
  const std::pair<const char*, change> strict[] = {
      {"native callback",
       [](engine& e) { SSL_set_verify(e.native_handle(), SSL_get_verify_mode(e.native_handle()), &reject); }},
      {"callback", [](engine& e) { e.set_verify_callback([](bool, X509_STORE_CTX*) { return false; }); }},
      {"own store", [](engine& e) { SSL_set0_verify_cert_store(e.native_handle(), X509_STORE_new()); }},
      {"name", [](engine& e) { BOOST_REQUIRE(SSL_set1_host(e.native_handle(), "somebody.else") == 1); }},
      {"flags",
       [](engine& e) {
         X509_VERIFY_PARAM_set_flags(SSL_get0_param(e.native_handle()),
                                     X509_V_FLAG_CRL_CHECK); // there is none
       }},
      {"time", [](engine& e) { X509_VERIFY_PARAM_set_time(SSL_get0_param(e.native_handle()), 1000); }},
      {"policy",
       [](engine& e) {
         X509_VERIFY_PARAM* const p = SSL_get0_param(e.native_handle());
         X509_VERIFY_PARAM_add0_policy(p, OBJ_txt2obj("1.2.3.4", 1));
         X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_EXPLICIT_POLICY);
       }},
  };
  for (const auto& [name, stricter] : strict) {
    BOOST_TEST_CONTEXT(name) {
      const context server = demanding_server();
      BOOST_TEST(try_on(known_client(version), server, stricter) == outcome::failed); // in full
      const context client = known_client(version);
      BOOST_TEST(try_on(client, server, as_it_is) == outcome::full);
      BOOST_TEST(try_on(client, server, as_it_is) == outcome::resumed);
      BOOST_TEST(try_on(client, server, stricter) == outcome::failed);
    }
  }
}

// And the other way round: what a connection accepted is nothing to the others.
TLSMODE_CASE_PER_VERSION(what_a_lax_connection_accepted_gets_in_nowhere_else) {
  const std::pair<const char*, change> lax[] = {
      {"native callback",
       [](engine& e) { SSL_set_verify(e.native_handle(), SSL_get_verify_mode(e.native_handle()), &accept); }},
      {"own store",
       [](engine& e) {
         X509_STORE* const store = X509_STORE_new();
         X509_STORE_add_cert(store, stranger().certificate.get());
         SSL_set0_verify_cert_store(e.native_handle(), store);
       }},
      {"no certificate needed", &does_not_verify},
  };
  for (const auto& [name, laxer] : lax) {
    BOOST_TEST_CONTEXT(name) {
      context client = resuming_client(version);
      know(client, stranger());
      const context server = demanding_server();
      BOOST_TEST(try_on(client, server, laxer) == outcome::full);
      BOOST_TEST(try_on(client, server, as_it_is) == outcome::failed);
    }
  }
}

TLSMODE_CASE_PER_VERSION(a_callback_that_was_there_before_the_engine_counts) {
  const context client = known_client(version);
  const context server = demanding_server();
  for (const outcome expected : {outcome::full, outcome::failed}) {
    SSL* const ssl = SSL_new(server.native_handle());
    if (expected == outcome::failed) SSL_set_verify(ssl, SSL_get_verify_mode(ssl), &reject);
    engine taken(ssl);
    endpoint other(client, role::client);
    BOOST_REQUIRE(!other.tls.set_host(server_name));
    BOOST_TEST(shake_hands(other, taken) == expected);
  }
}

TLSMODE_CASE_PER_VERSION(connections_with_the_same_check_still_resume_each_other) {
  const change same = [](engine& e) {
    X509_VERIFY_PARAM_set_flags(SSL_get0_param(e.native_handle()), X509_V_FLAG_PARTIAL_CHAIN);
  };
  const context client = known_client(version);
  const context server = demanding_server();
  BOOST_TEST(try_on(client, server, same) == outcome::full);
  BOOST_TEST(try_on(client, server, same) == outcome::resumed);
  BOOST_TEST(try_on(client, server, as_it_is) == outcome::full);
}

// The same function may answer differently for another connection.
TLSMODE_CASE_PER_VERSION(connections_with_a_callback_of_their_own_do_not_resume_each_other) {
  const change asks = [](engine& e) {
    SSL_set_verify(e.native_handle(), SSL_get_verify_mode(e.native_handle()), &accept);
  };
  const context client = known_client(version);
  const context server = demanding_server();
  for (int i = 0; i < 2; ++i) BOOST_TEST(try_on(client, server, asks) == outcome::full);
}

TLSMODE_CASE_PER_VERSION(a_native_context_that_is_changed_later_counts) {
  const context client = known_client(version);
  const context server = demanding_server();
  BOOST_TEST(try_on(client, server, as_it_is) == outcome::full);
  SSL_CTX_set_verify(server.native_handle(), demanding, &reject);
  BOOST_TEST(try_on(client, server, as_it_is) == outcome::failed);
}

TLSMODE_CASE_PER_VERSION(more_trust_or_a_revocation_makes_a_context_another) {
  const context client = known_client(version);
  context server = demanding_server();
  BOOST_TEST(try_on(client, server, as_it_is) == outcome::full);
  for (const std::string& change : {stranger().certificate_pem, empty_revocation_list()}) {
    BOOST_REQUIRE(!server.trust(pem(change)));
    BOOST_TEST(try_on(client, server, as_it_is) == outcome::full);
    BOOST_TEST(try_on(client, server, as_it_is) == outcome::resumed);
  }
}

// A session that names one of two contexts, and a name that leads to the other.
TLSMODE_CASE_PER_VERSION(choosing_another_context_resumes_nothing_of_the_first) {
  const context client = known_client(version);
  const context first = demanding_server();
  static SSL_CTX* chosen = nullptr;
  context second = server_context();
  BOOST_REQUIRE(!second.require_client_certificate(pem(stranger().certificate_pem)));
  chosen = nullptr;
  const auto on_name = [](SSL* ssl, int*, void*) {
    if (chosen != nullptr) SSL_set_SSL_CTX(ssl, chosen);
    return SSL_TLSEXT_ERR_OK;
  };
  SSL_CTX_set_tlsext_servername_callback(first.native_handle(), +on_name);
  BOOST_TEST(try_on(client, first, as_it_is) == outcome::full);
  chosen = second.native_handle();
  BOOST_TEST(try_on(known_client(version), first, as_it_is) == outcome::failed); // in full
  BOOST_TEST(try_on(client, first, as_it_is) == outcome::failed);
}

// Without random numbers there is no id that nobody else has.
BOOST_AUTO_TEST_CASE(without_random_numbers_it_fails_closed) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  static const RAND_METHOD none = {
      nullptr, [](unsigned char*, int) { return 0; }, nullptr, nullptr, nullptr, [] { return 0; }};
  const context server_ctx = demanding_server();
  endpoint server(server_ctx, role::server);
  server.tls.set_verify_callback([](bool good, X509_STORE_CTX*) { return good; });
  const RAND_METHOD* const usual = RAND_get_rand_method();
  RAND_set_rand_method(&none);
  const step s = server.handshake();
  RAND_set_rand_method(usual);
#pragma GCC diagnostic pop
  BOOST_TEST(bool(s.error));
  BOOST_TEST(server.tls.state() == connection_state::failed);
}

BOOST_AUTO_TEST_SUITE_END()
