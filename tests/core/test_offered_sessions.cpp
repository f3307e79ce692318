// SPDX-License-Identifier: BSL-1.0
// Are sessions that a program carries from connection to connection refused where the connection would have
// checked more, or differently, than was checked when they were made?
#include "verification_settings.hpp"

#include <tlsmode/hook.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <ctime>
#include <memory>

BOOST_AUTO_TEST_SUITE(offered_sessions)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

} // namespace

TLSMODE_CASE_PER_VERSION(a_session_can_be_carried_by_hand) {
  const context client = only(version, client_context());
  const context server = server_context();
  const session_ptr session = session_of(client, server);
  const auto offer = [&](engine& e) { BOOST_TEST(!e.offer_session(session.get())); };
  BOOST_TEST(resumes(client, server, offer));
}

TLSMODE_CASE_PER_VERSION(what_cannot_be_offered_is_refused) {
  const context client = only(version, client_context());
  const context server = server_context();
  memory_pair pair(client, server);
  BOOST_TEST(pair.client.tls.offer_session(nullptr) == error::bad_option);
  BOOST_TEST(pair.client.tls.session() == nullptr);
  BOOST_REQUIRE(pair.connect());
  const session_ptr session = pair.client.tls.session();
  BOOST_REQUIRE(session);
  BOOST_TEST(pair.client.tls.offer_session(session.get()) == error::bad_option); // too late
  BOOST_TEST(pair.server.tls.offer_session(session.get()) == error::bad_option);
  BOOST_TEST(engine(server).offer_session(session.get()) == error::bad_option);
  const session_ptr empty(SSL_SESSION_new());
  BOOST_TEST(engine(client).offer_session(empty.get()) == error::bad_option);
  break_client(pair);
  BOOST_TEST(pair.client.tls.session() == nullptr);
}

TLSMODE_CASE_PER_VERSION(there_is_no_session_before_and_none_on_a_server) {
  const context client = only(version, client_context());
  const context server = server_context();
  const session_ptr old = session_of(client, server);
  memory_pair pair(client, server);
  BOOST_REQUIRE(!pair.client.tls.offer_session(old.get()));
  BOOST_TEST(pair.client.tls.session() == nullptr);
  pair.client.handshake();
  BOOST_TEST(pair.client.tls.session() == nullptr); // not the one that it offers
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(pair.client.tls.session() != nullptr);
  BOOST_TEST(pair.server.tls.session() == nullptr);
}

TLSMODE_CASE_PER_VERSION(an_unverified_session_is_refused_by_a_connection_that_verifies) {
  const context client = only(version, client_context());
  const context attacker = server_context(stranger());
  const session_ptr session = session_of(client, attacker, does_not_verify);
  memory_pair pair(client, attacker);
  BOOST_TEST(pair.client.tls.offer_session(session.get()) == error::session_not_verified);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails_for(pair.client.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
  BOOST_TEST(resumes(client, attacker, [&](engine& e) {
    does_not_verify(e);
    BOOST_TEST(!e.offer_session(session.get()));
  }));
}

// Its tickets are copies of a session that nobody verified.
TLSMODE_CASE_PER_VERSION(resuming_an_unverified_session_does_not_make_it_verified) {
  const context client = only(version, client_context());
  const context server = server_context();
  const session_ptr first = session_of(client, server, does_not_verify);
  const session_ptr second = session_of(client, server, [&](engine& e) {
    does_not_verify(e);
    BOOST_TEST(!e.offer_session(first.get()));
  });
  memory_pair pair(client, server);
  BOOST_TEST(pair.client.tls.offer_session(second.get()) == error::session_not_verified);
}

TLSMODE_CASE_PER_VERSION(other_settings_are_refused) {
  const context client = dane_ready(only(version, client_context()));
  const context server = server_context();
  const session_ptr plain = session_of(client, server);
  for (const setting& s : settings) {
    BOOST_TEST_CONTEXT(s.name) {
      memory_pair pair(client, server);
      s.apply(pair.client.tls);
      ERR_clear_error();
      BOOST_TEST(pair.client.tls.offer_session(plain.get()) == error::session_not_verified);
      BOOST_TEST(ERR_peek_error() == 0u); // nothing is left for somebody else to find
      const session_ptr special = session_of(client, server, s.apply);
      memory_pair without(client, server);
      BOOST_TEST(without.client.tls.offer_session(special.get()) == error::session_not_verified);
      memory_pair with(client, server);
      s.apply(with.client.tls);
      BOOST_TEST(!with.client.tls.offer_session(special.get()) == s.comparable);
    }
  }
}

TLSMODE_CASE_PER_VERSION(another_context_is_another_verification) {
  const context server = server_context();
  const session_ptr session = session_of(only(version, client_context()), server); // whose context is gone
  for (int i = 0; i < 5; ++i) { // one of them may have its address
    const context other = only(version, client_context());
    memory_pair pair(other, server);
    BOOST_TEST(pair.client.tls.offer_session(session.get()) == error::session_not_verified);
  }
}

TLSMODE_CASE_PER_VERSION(another_time_is_another_verification) {
  const context client = only(version, client_context());
  const context server = server_context();
  const auto at = [now = std::time(nullptr)](int minutes_ago) {
    return [=](engine& e) {
      X509_VERIFY_PARAM_set_time(SSL_get0_param(e.native_handle()), now - 60 * minutes_ago);
    };
  };
  const session_ptr session = session_of(client, server, at(5));
  for (const int minutes : {4, 5}) {
    memory_pair pair(client, server);
    at(minutes)(pair.client.tls);
    BOOST_TEST(!pair.client.tls.offer_session(session.get()) == (minutes == 5));
  }
}

// Purpose, verify function and more cannot be read back; they belong to the context.
TLSMODE_CASE_PER_VERSION(a_shared_trust_store_does_not_make_contexts_one) {
  const context server = server_context();
  const context one = only(version, client_context());
  const context two = only(version, client_context());
  SSL_CTX_set1_cert_store(two.native_handle(), SSL_CTX_get_cert_store(one.native_handle()));
  const session_ptr session = session_of(one, server);
  memory_pair pair(two, server);
  BOOST_TEST(pair.client.tls.offer_session(session.get()) == error::session_not_verified);
  memory_pair same(one, server);
  BOOST_TEST(!same.client.tls.offer_session(session.get()));
}

TLSMODE_CASE_PER_VERSION(a_session_from_a_file_has_lost_the_proof) {
  const context client = only(version, client_context());
  const context server = server_context();
  const session_ptr session = session_of(client, server);
  unsigned char* der = nullptr;
  const int n = i2d_SSL_SESSION(session.get(), &der);
  BOOST_REQUIRE(n > 0);
  const unsigned char* p = der;
  const session_ptr read(d2i_SSL_SESSION(nullptr, &p, n));
  OPENSSL_free(der);
  memory_pair pair(client, server);
  BOOST_TEST(pair.client.tls.offer_session(read.get()) == error::session_not_verified);
  BOOST_TEST(resumes(client, server, [&](engine& e) {
    does_not_verify(e);
    BOOST_TEST(!e.offer_session(read.get()));
  }));
}

BOOST_AUTO_TEST_CASE(settings_that_change_after_the_offer_withdraw_it) {
  for (const int version : both_versions) {
    const context client = only(version, client_context());
    const session_ptr session = session_of(client, server_context());
    for (const setting& s : settings) {
      if (s.name == std::string("DANE")) continue; // needs a context that is ready for it
      const auto offer_and_change = [&](engine& e) {
        BOOST_TEST(!e.offer_session(session.get()));
        s.apply(e);
      };
      BOOST_TEST(!offers(client, offer_and_change), s.name);
    }
    const session_ptr unverified = session_of(client, server_context(stranger()), does_not_verify);
    BOOST_TEST(!offers(client, [&](engine& e) {
      does_not_verify(e);
      BOOST_TEST(!e.offer_session(unverified.get()));
      e.set_verify_mode(SSL_VERIFY_PEER);
    }));
  }
}

// Past offer_session(): with a context of ours it is dropped, too; a native one is its owner's affair.
TLSMODE_CASE_PER_VERSION(a_session_set_on_the_native_object_is_checked) {
  const context client = only(version, client_context());
  const context server = server_context();
  const session_ptr good = session_of(client, server);
  const session_ptr bad = session_of(client, server, does_not_verify);
  const auto natively = [](const session_ptr& s) {
    return [&s](engine& e) { BOOST_REQUIRE(SSL_set_session(e.native_handle(), s.get()) == 1); };
  };
  BOOST_TEST(offers(client, natively(good)));
  BOOST_TEST(!offers(client, natively(bad)));

  const std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> native(
      SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(native.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_max_proto_version(native.get(), version);
  for (const bool by_hand : {false, true}) {
    engine e(native.get());
    memory_transport t;
    if (by_hand)
      BOOST_TEST(e.offer_session(bad.get()) == error::session_not_verified);
    else
      natively(bad)(e);
    e.handshake(t, role::client);
    BOOST_TEST(client_hello_of(text_of(t.output())).offers_session == !by_hand);
  }
}

TLSMODE_CASE_PER_VERSION(an_offer_to_a_native_context_is_withdrawn_too) {
  const std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> native(
      SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(native.get(), version);
  const session_ptr unverified =
      session_of(only(version, client_context()), server_context(stranger()), does_not_verify);
  for (const bool verifies_after_all : {false, true}) {
    engine e(native.get());
    memory_transport t;
    BOOST_TEST(!e.offer_session(unverified.get()));
    if (verifies_after_all) e.set_verify_mode(SSL_VERIFY_PEER);
    e.handshake(t, role::client);
    BOOST_TEST(client_hello_of(text_of(t.output())).offers_session == !verifies_after_all);
  }
}

// A native context verifies, and its sessions can be carried by hand as well.
TLSMODE_CASE_PER_VERSION(native_contexts_can_resume_by_hand) {
  const std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> native(
      SSL_CTX_new(TLS_method()));
  SSL_CTX_set_verify(native.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_max_proto_version(native.get(), version);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(native.get()), authority().certificate.get());
  int told = 0;
  hooks h;
  h.new_session = [&told](const stored_session&) { ++told; };
  BOOST_REQUIRE(!set_hooks(native.get(), std::move(h)));
  const context server_ctx = server_context();
  session_ptr session;
  for (const bool again : {false, true}) {
    engine client(native.get());
    BOOST_REQUIRE(!client.set_host(server_name));
    if (again) BOOST_REQUIRE(!client.offer_session(session.get()));
    endpoint server(server_ctx, role::server);
    memory_transport t;
    step s;
    for (int i = 0; i < 4; ++i) {
      s = client.handshake(t, role::client);
      BOOST_REQUIRE(server.wire.feed(t.output()));
      t.consume(t.output().size());
      server.handshake();
      BOOST_REQUIRE(t.feed(server.wire.output()));
      server.wire.consume(server.wire.output().size());
    }
    BOOST_TEST(completes(s));
    std::string room(100, '\0');
    const mutable_buffer b = room_in(room);
    BOOST_TEST(stops(client.read(t, {&b, 1}), suspend::want_read));
    BOOST_TEST(client.resumed() == again);
    session = client.session();
    BOOST_REQUIRE(session);
  }
  BOOST_TEST(told > 0); // a context for both roles tells of its clients' sessions too
}

BOOST_AUTO_TEST_SUITE_END()
