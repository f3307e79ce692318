// SPDX-License-Identifier: BSL-1.0
// Does a client resume what it may, and never a session whose peer was not checked as this connection would
// do it? A resumption skips that check.
#include "resumption.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <thread>
#include <vector>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

void does_not_verify(engine& e) { e.set_verify_mode(SSL_VERIFY_NONE); }
change with_host(const char* name, std::uint16_t port) {
  return [=](engine& e) { BOOST_REQUIRE(!e.set_host(name, port)); };
}

// Connections of one context that do not check their peers alike.
struct setting {
  const char* name;
  change apply;
  bool comparable = true; // two connections with it do the same check, and it can be seen that they do
};
const setting settings[] = {
    {"a depth", [](engine& e) { e.set_verify_depth(5); }},
    {"flags",
     [](engine& e) {
       X509_VERIFY_PARAM_set_flags(SSL_get0_param(e.native_handle()), X509_V_FLAG_PARTIAL_CHAIN);
     }},
    {"the purpose's level",
     [](engine& e) { X509_VERIFY_PARAM_set_auth_level(SSL_get0_param(e.native_handle()), 2); }},
    {"host flags", [](engine& e) { SSL_set_hostflags(e.native_handle(), X509_CHECK_FLAG_NO_WILDCARDS); }},
    {"a point in time",
     [](engine& e) {
       X509_VERIFY_PARAM_set_time(SSL_get0_param(e.native_handle()), std::time(nullptr) / 60 * 60 - 60);
     }},
    {"a second name", [](engine& e) { BOOST_REQUIRE(SSL_add1_host(e.native_handle(), "other.test") == 1); }},
    {"another name", [](engine& e) { BOOST_REQUIRE(!e.set_host(server_address)); }},
    {"a security level", [](engine& e) { SSL_set_security_level(e.native_handle(), 1); }},
    {"a trust store",
     [](engine& e) {
       static X509_STORE* const store = [] {
         X509_STORE* const s = X509_STORE_new();
         X509_STORE_add_cert(s, authority().certificate.get());
         return s;
       }();
       SSL_set1_verify_cert_store(e.native_handle(), store);
     }},
    {"a callback", [](engine& e) { e.set_verify_callback([](bool good, X509_STORE_CTX*) { return good; }); },
     false},
    {"a native callback",
     [](engine& e) {
       SSL_set_verify(e.native_handle(), SSL_VERIFY_PEER, [](int good, X509_STORE_CTX*) { return good; });
     },
     false},
    {"DANE",
     [](engine& e) {
       BOOST_REQUIRE(SSL_dane_enable(e.native_handle(), server_name) == 1);
       std::vector<unsigned char> digest(32);
       X509_pubkey_digest(server_identity().certificate.get(), EVP_sha256(), digest.data(), nullptr);
       unsigned char* der = nullptr;
       const int n = i2d_X509(server_identity().certificate.get(), &der);
       BOOST_REQUIRE(SSL_dane_tlsa_add(e.native_handle(), 3, 0, 0, der, static_cast<std::size_t>(n)) == 1);
       OPENSSL_free(der);
     },
     false},
};

context dane_ready(context ctx) {
  SSL_CTX_dane_enable(ctx.native_handle());
  return ctx;
}

// Ends the connection of `pair` on the client with a record that cannot be opened.
void break_client(memory_pair& pair) {
  BOOST_REQUIRE(completes(pair.server.write("good bytes"), 10));
  std::string wire = text_of(pair.server.wire.output());
  pair.server.wire.consume(wire.size());
  wire.back() = static_cast<char>(wire.back() ^ 1);
  BOOST_REQUIRE(pair.client.wire.feed(bytes_of(wire)));
  pair.client.read_all();
  BOOST_REQUIRE(pair.client.tls.state() == connection_state::failed);
}

} // namespace

BOOST_AUTO_TEST_SUITE(kept_sessions)

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

BOOST_AUTO_TEST_SUITE(offered_sessions)

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
}

BOOST_AUTO_TEST_SUITE_END()
