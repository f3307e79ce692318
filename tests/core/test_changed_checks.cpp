// SPDX-License-Identifier: BSL-1.0
// Does a session get in where the check of the peer is another one than that which it passed: on another
// connection, after a change in the middle of the handshake, as another client?
#include "resumption.hpp"
#include "step_checks.hpp"

#include <tlsmode/connection.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

constexpr int demanding = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

int reject(int, X509_STORE_CTX*) { return 0; }
int accept(int, X509_STORE_CTX*) { return 1; }
void does_not_verify(engine& e) { e.set_verify_mode(SSL_VERIFY_NONE); }
void demands(engine& e) { e.set_verify_mode(demanding); }

pem our_authority() { return pem(authority().certificate_pem); }

void show(SSL* ssl, const identity& who) {
  BOOST_REQUIRE(SSL_use_certificate(ssl, who.certificate.get()) == 1);
  BOOST_REQUIRE(SSL_use_PrivateKey(ssl, who.key.get()) == 1);
}
void shows_itself(engine& e) { show(e.native_handle(), client_identity()); }

void know(context& client, const identity& who) {
  BOOST_REQUIRE(!client.use_certificate_chain(pem(who.certificate_pem)));
  BOOST_REQUIRE(!client.use_private_key(pem(who.key_pem)));
}

context known_client(int version) {
  context client = resuming_client(version);
  know(client, client_identity());
  return client;
}

context demanding_server() {
  context server = server_context();
  BOOST_REQUIRE(!server.require_client_certificate(our_authority()));
  return server;
}

std::string empty_revocation_list() {
  const std::unique_ptr<X509_CRL, decltype([](X509_CRL* c) { X509_CRL_free(c); })> list(X509_CRL_new());
  const std::unique_ptr<ASN1_TIME, decltype([](ASN1_TIME* t) { ASN1_TIME_free(t); })> now(
      X509_gmtime_adj(nullptr, 0));
  X509_CRL_set_version(list.get(), 1);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(authority().certificate.get()));
  X509_CRL_set1_lastUpdate(list.get(), now.get());
  BOOST_REQUIRE(X509_CRL_sign(list.get(), authority().key.get(), EVP_sha256()) > 0);
  const std::unique_ptr<BIO, decltype([](BIO* b) { BIO_free(b); })> out(BIO_new(BIO_s_mem()));
  BOOST_REQUIRE(PEM_write_bio_X509_CRL(out.get(), list.get()) == 1);
  char* text = nullptr;
  const long n = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(n)};
}

// What became of a connection whose server is changed first.
enum class outcome { failed, full, resumed };
outcome try_on(const context& client, const context& server, const change& of_server,
               const change& of_client = as_it_is) {
  memory_pair pair(client, server);
  of_client(pair.client.tls);
  of_server(pair.server.tls);
  if (!pair.connect()) return outcome::failed;
  BOOST_TEST(pair.client.tls.resumed() == pair.server.tls.resumed());
  return pair.server.tls.resumed() ? outcome::resumed : outcome::full;
}

// Nothing is read, so TLS 1.3 tickets are still to come.
void finish_handshakes(memory_pair& pair) {
  for (int i = 0; i < 4; ++i) pair.advance();
  BOOST_REQUIRE(pair.client.last.complete());
  BOOST_REQUIRE(pair.server.last.complete());
}

// The handshake of an engine that was not made from a context of ours.
outcome shake_hands(endpoint& client, engine& server) {
  memory_transport t;
  step s;
  for (int i = 0; i < 4; ++i) {
    client.last = client.handshake();
    BOOST_REQUIRE(t.feed(client.wire.output()));
    client.wire.consume(client.wire.output().size());
    s = server.handshake(t, role::server);
    BOOST_REQUIRE(client.wire.feed(t.output()));
    t.consume(t.output().size());
  }
  client.read_all();
  if (s.error || client.last.error) return outcome::failed;
  BOOST_REQUIRE(completes(s));
  return server.resumed() ? outcome::resumed : outcome::full;
}

std::ostream& operator<<(std::ostream& out, outcome o) { return out << static_cast<int>(o); }

} // namespace

BOOST_AUTO_TEST_SUITE(servers_with_checks_of_their_own)

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
