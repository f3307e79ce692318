// SPDX-License-Identifier: BSL-1.0
// Does a session get in where the check of the peer has changed since: in the middle of the handshake, with
// another certificate of the client's own, or in what no mark can say?
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

using namespace tlsmode;
using namespace tlsmode::test;

BOOST_AUTO_TEST_SUITE(changes_in_the_middle)

// The ClientHello with the session is out already.
TLSMODE_CASE_PER_VERSION(a_client_that_verifies_after_all_does_not_resume) {
  const context client = resuming_client(version);
  const context attacker = server_context(stranger());
  BOOST_TEST(!resumes(client, attacker, does_not_verify));
  memory_pair pair(client, attacker);
  does_not_verify(pair.client.tls);
  pair.client.handshake();
  pair.client.tls.set_verify_mode(SSL_VERIFY_PEER);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(pair.client.tls.resumed()); // else it would fail for the certificate
  BOOST_TEST(fails(pair.client.last, error::session_not_verified));
  BOOST_TEST(pair.client.tls.state() == connection_state::failed);
  BOOST_TEST(pair.client.tls.last_failure().operation == "handshake");
  BOOST_TEST(pair.client.tls.session() == nullptr);
  std::string room(10, '\0');
  BOOST_TEST(fails(pair.client.read(room), error::session_not_verified));
  BOOST_TEST(fails(pair.client.write("secret"), error::session_not_verified));
  deliver(pair.client, pair.server);
  pair.server.handshake();
  BOOST_TEST(fails(pair.server.read(room), error::end_of_stream)); // it is told
}

TLSMODE_CASE_PER_VERSION(no_change_of_a_client_s_check_goes_unnoticed) {
  const std::pair<const char*, change> changes[] = {
      {"depth", [](engine& e) { e.set_verify_depth(0); }},
      {"callback", [](engine& e) { e.set_verify_callback([](bool, X509_STORE_CTX*) { return false; }); }},
      {"native callback", [](engine& e) { SSL_set_verify(e.native_handle(), SSL_VERIFY_PEER, &reject); }},
      {"name", [](engine& e) { BOOST_REQUIRE(SSL_set1_host(e.native_handle(), "other.test") == 1); }},
      {"own store", [](engine& e) { SSL_set0_verify_cert_store(e.native_handle(), X509_STORE_new()); }},
      {"certificate", &shows_itself},
  };
  for (const auto& [name, changed] : changes) {
    BOOST_TEST_CONTEXT(name) {
      for (const bool by_hand : {false, true}) {
        const context client = by_hand ? only(version, client_context()) : resuming_client(version);
        const context server = server_context();
        const session_ptr session = session_of(client, server);
        memory_pair pair(client, server);
        if (by_hand) BOOST_REQUIRE(!pair.client.tls.offer_session(session.get()));
        pair.client.handshake();
        changed(pair.client.tls);
        BOOST_TEST(!pair.connect());
        BOOST_TEST(fails(pair.client.last, error::session_not_verified));
      }
    }
  }
}

TLSMODE_CASE_PER_VERSION(a_change_that_asks_for_less_fails_nothing) {
  const context client = resuming_client(version);
  const context server = server_context();
  BOOST_TEST(!resumes(client, server));
  memory_pair pair(client, server);
  pair.client.handshake();
  does_not_verify(pair.client.tls);
  BOOST_TEST(pair.connect());
  BOOST_TEST(pair.client.tls.resumed());
}

TLSMODE_CASE_PER_VERSION(a_server_that_demands_a_certificate_after_all_does_not_resume) {
  const context client = resuming_client(version);
  context server = server_context();
  BOOST_REQUIRE(!server.trust(our_authority()));
  BOOST_TEST(!resumes(client, server));
  memory_pair pair(client, server);
  BOOST_TEST(stops(pair.server.handshake(), suspend::want_read)); // begun
  demands(pair.server.tls);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(pair.server.tls.resumed());
  BOOST_TEST(fails(pair.server.last, error::session_not_verified));
  BOOST_TEST(pair.server.tls.state() == connection_state::failed);
  pair.settle();
  pair.client.read_all();                                         // a ticket that it may have got
  BOOST_TEST(try_on(client, server, demands) == outcome::failed); // is good for nothing
}

// The change comes from a callback, when OpenSSL has decided to resume.
TLSMODE_CASE_PER_VERSION(a_callback_that_demands_a_certificate_is_heeded) {
  const context client = resuming_client(version);
  context server = server_context();
  BOOST_REQUIRE(!server.trust(our_authority()));
  static bool strict = false;
  strict = false;
  const auto on_name = [](SSL* ssl, int*, void*) {
    if (strict) SSL_set_verify(ssl, demanding, SSL_get_verify_callback(ssl));
    return SSL_TLSEXT_ERR_OK;
  };
  SSL_CTX_set_tlsext_servername_callback(server.native_handle(), +on_name);
  BOOST_TEST(!resumes(client, server));
  strict = true;
  BOOST_TEST(try_on(client, server, as_it_is) == outcome::failed);
  // With a certificate every handshake is a full one, and works.
  const context known = known_client(version);
  for (int i = 0; i < 3; ++i) BOOST_TEST(try_on(known, server, as_it_is) == outcome::full);
}

// What it gave out must not pass for what it meant to check at first.
TLSMODE_CASE_PER_VERSION(a_server_that_gives_up_its_demand_gives_no_strict_session) {
  for (const bool tickets : {true, false}) {
    context client = resuming_client(version);
    if (!tickets) SSL_CTX_set_options(client.native_handle(), SSL_OP_NO_TICKET);
    context server = server_context();
    BOOST_REQUIRE(!server.trust(our_authority()));
    {
      memory_pair pair(client, server);
      demands(pair.server.tls);
      BOOST_TEST(stops(pair.server.handshake(), suspend::want_read));
      does_not_verify(pair.server.tls);
      BOOST_REQUIRE(pair.connect());
      BOOST_REQUIRE(completes(pair.client.shutdown(shutdown_form::send_only)));
      BOOST_REQUIRE(completes(pair.server.shutdown(shutdown_form::send_only)));
    }
    BOOST_TEST(try_on(client, server, demands) == outcome::failed);
  }
}

// Their owner gave the session to OpenSSL, and OpenSSL resumes it.
TLSMODE_CASE_PER_VERSION(native_contexts_keep_openssl_s_behaviour) {
  const std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> native(
      SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(native.get(), version);
  const context server_ctx = server_context();
  const session_ptr session = session_of(only(version, client_context()), server_ctx, does_not_verify);
  for (const bool by_hand : {true, false}) { // OpenSSL spoils what it gets natively
    engine client(native.get());
    if (by_hand)
      BOOST_REQUIRE(!client.offer_session(session.get()));
    else
      BOOST_REQUIRE(SSL_set_session(client.native_handle(), session.get()) == 1);
    endpoint server(server_ctx, role::server);
    memory_transport t;
    step s;
    for (int i = 0; i < 3; ++i) {
      s = client.handshake(t, role::client);
      client.set_verify_mode(SSL_VERIFY_PEER);
      BOOST_REQUIRE(server.wire.feed(t.output()));
      t.consume(t.output().size());
      server.handshake();
      BOOST_REQUIRE(t.feed(server.wire.output()));
      server.wire.consume(server.wire.output().size());
    }
    BOOST_TEST(client.resumed());
    if (by_hand)
      BOOST_TEST(fails(s, error::session_not_verified));
    else
      BOOST_TEST(completes(s));
  }
}

// A key that both sides had before is no session, and nobody's certificate was ever meant to be checked.
BOOST_AUTO_TEST_CASE(a_key_from_outside_is_no_resumption) {
  static const std::array<unsigned char, 32> key{1, 2, 3};
  static const auto make = [](SSL* ssl) {
    SSL_SESSION* const s = SSL_SESSION_new();
    const unsigned char suite[] = {0x13, 0x01};
    SSL_SESSION_set1_master_key(s, key.data(), key.size());
    SSL_SESSION_set_cipher(s, SSL_CIPHER_find(ssl, suite));
    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION);
    return s;
  };
  const context client = resuming_client(TLS1_3_VERSION);
  const context server = server_context();
  SSL_CTX_set_ciphersuites(server.native_handle(), "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_psk_use_session_callback(
      client.native_handle(),
      [](SSL* ssl, const EVP_MD*, const unsigned char** id, std::size_t* n, SSL_SESSION** s) {
        *id = reinterpret_cast<const unsigned char*>("me");
        *n = 2;
        *s = make(ssl);
        return 1;
      });
  SSL_CTX_set_psk_find_session_callback(server.native_handle(),
                                        [](SSL* ssl, const unsigned char*, std::size_t, SSL_SESSION** s) {
                                          *s = make(ssl);
                                          return 1;
                                        });
  memory_pair pair(client, server);
  BOOST_TEST(pair.connect());
  BOOST_TEST(peer_certificate(pair.client.native()) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(who_the_client_is)

TLSMODE_CASE_PER_VERSION(a_session_is_for_one_certificate_of_the_client) {
  context server = server_context();
  BOOST_REQUIRE(!server.ask_for_client_certificate(our_authority()));
  for (const bool verifies : {true, false}) {
    const auto nameless = [=](engine& e) {
      if (!verifies) does_not_verify(e);
    };
    const auto named = [=](engine& e) {
      nameless(e);
      shows_itself(e);
    };
    const context client = resuming_client(version);
    BOOST_TEST(!resumes(client, server, named));
    memory_pair pair(client, server);
    nameless(pair.client.tls);
    BOOST_REQUIRE(pair.connect());
    BOOST_TEST(!pair.server.tls.resumed());
    BOOST_TEST(peer_certificate(pair.server.native()) == nullptr);
    BOOST_TEST(resumes(client, server, named));
    BOOST_TEST(resumes(client, server, nameless));
  }
}

TLSMODE_CASE_PER_VERSION(nor_is_it_carried_over_by_hand) {
  context server = server_context();
  BOOST_REQUIRE(!server.ask_for_client_certificate(our_authority()));
  const context client = only(version, client_context());
  for (const bool verifies : {true, false}) {
    const auto prepare = [=](engine& e) {
      if (!verifies) does_not_verify(e);
    };
    const session_ptr named = session_of(client, server, [&](engine& e) {
      prepare(e);
      shows_itself(e);
    });
    memory_pair nameless(client, server);
    prepare(nameless.client.tls);
    BOOST_TEST(nameless.client.tls.offer_session(named.get()) == error::session_not_verified);
    shows_itself(nameless.client.tls);
    BOOST_TEST(!nameless.client.tls.offer_session(named.get()));
  }
}

// The certificate with which the handshake was made counts, not one that was set since.
TLSMODE_CASE_PER_VERSION(a_certificate_set_after_the_handshake_is_not_the_session_s) {
  const context server = server_context();
  const context client = resuming_client(version);
  memory_pair pair(client, server);
  finish_handshakes(pair);
  shows_itself(pair.client.tls);
  pair.settle();
  pair.client.read_all(); // tickets
  const session_ptr session = pair.client.tls.session();
  BOOST_REQUIRE(session);
  BOOST_TEST(!offers(client, shows_itself));
  BOOST_TEST(offers(client));
  memory_pair named(client, server);
  shows_itself(named.client.tls);
  BOOST_TEST(named.client.tls.offer_session(session.get()) == error::session_not_verified);
}

// Also where the session is no longer ours alone when the handshake is done.
TLSMODE_CASE_PER_VERSION(nor_with_a_native_context_that_keeps_sessions_itself) {
  const std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> native(
      SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(native.get(), version);
  SSL_CTX_set_session_cache_mode(native.get(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(native.get(), [](SSL*, SSL_SESSION*) { return 0; });
  const context server_ctx = server_context();
  endpoint server(server_ctx, role::server);
  engine client(native.get());
  memory_transport t;
  for (int i = 0; i < 4; ++i) {
    client.handshake(t, role::client);
    BOOST_REQUIRE(server.wire.feed(t.output()));
    t.consume(t.output().size());
    server.handshake();
    BOOST_REQUIRE(t.feed(server.wire.output()));
    server.wire.consume(server.wire.output().size());
  }
  shows_itself(client);
  std::string room(10, '\0');
  const mutable_buffer b = room_in(room);
  BOOST_TEST(stops(client.read(t, {&b, 1}), suspend::want_read)); // tickets
  const session_ptr session = client.session();
  BOOST_REQUIRE(session);
  for (const bool named : {true, false}) {
    engine other(native.get());
    if (named) shows_itself(other);
    BOOST_TEST(!other.offer_session(session.get()) != named);
  }
}

TLSMODE_CASE_PER_VERSION(a_context_that_becomes_somebody_else_resumes_nothing_of_the_first) {
  context server = server_context();
  BOOST_REQUIRE(!server.ask_for_client_certificate(our_authority()));
  context client = resuming_client(version);
  BOOST_TEST(!resumes(client, server));
  know(client, client_identity());
  BOOST_TEST(!resumes(client, server));
  BOOST_TEST(resumes(client, server));
  know(client, server_identity());
  BOOST_TEST(!offers(client));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(what_a_mark_cannot_say)

// The list of policies cannot be read back.
TLSMODE_CASE_PER_VERSION(connections_that_check_policies_do_not_resume) {
  const context client = resuming_client(version);
  const context server = server_context();
  const change policies = [](engine& e) {
    X509_VERIFY_PARAM_set_flags(SSL_get0_param(e.native_handle()), X509_V_FLAG_POLICY_CHECK);
  };
  for (int i = 0; i < 2; ++i) BOOST_TEST(!resumes(client, server, policies));
}

// Nor can a function be seen that verifies instead of OpenSSL; but ours is not called then.
TLSMODE_CASE_PER_VERSION(a_context_that_verifies_by_a_function_of_its_own_does_not_resume) {
  const context client = resuming_client(version);
  const context server = server_context();
  SSL_CTX_set_cert_verify_callback(
      client.native_handle(), [](X509_STORE_CTX* s, void*) { return X509_verify_cert(s); }, nullptr);
  for (int i = 0; i < 2; ++i) BOOST_TEST(!resumes(client, server));
  BOOST_TEST(resumes(client, server, does_not_verify) == false);
  BOOST_TEST(resumes(client, server, does_not_verify)); // nobody's opinion counts there
}

TLSMODE_CASE_PER_VERSION(a_client_that_trusts_otherwise_verifies_again) {
  context client = resuming_client(version);
  const context server = server_context();
  const session_ptr session = session_of(client, server);
  BOOST_REQUIRE(!client.trust(pem(stranger().certificate_pem)));
  BOOST_TEST(!offers(client));
  memory_pair pair(client, server);
  BOOST_TEST(pair.client.tls.offer_session(session.get()) == error::session_not_verified);
}

TLSMODE_CASE_PER_VERSION(a_context_can_forget) {
  context client = resuming_client(version);
  const context server = server_context();
  BOOST_TEST(!resumes(client, server));
  BOOST_TEST(!resumes(client, server, does_not_verify));
  const session_ptr session = session_of(client, server);
  memory_pair open(client, server); // its tickets come later
  finish_handshakes(open);
  client.forget_sessions();
  open.settle();
  open.client.read_all();
  BOOST_TEST(!offers(client));
  BOOST_TEST(!offers(client, does_not_verify));
  memory_pair pair(client, server);
  BOOST_TEST(pair.client.tls.offer_session(session.get()) == error::session_not_verified);
  BOOST_TEST(!resumes(client, server));
  BOOST_TEST(resumes(client, server)); // it learns again
  context::client().forget_sessions(); // nothing to forget
  context::server().forget_sessions();
}

BOOST_AUTO_TEST_SUITE_END()
