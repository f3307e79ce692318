// SPDX-License-Identifier: BSL-1.0
// The verification hook: is a peer let in only if the hook and OpenSSL say so, or the hook expressly against
// OpenSSL? On both sides, with answers that come late, in both versions.
#include "checked_peers.hpp"

#include <tlsmode/hook.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

BOOST_AUTO_TEST_SUITE(hooks_verify)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// A hook that answers late: with what the test says, after the handshake has come to a stop.
struct late_verdict {
  std::function<void(std::shared_ptr<verify_request>)> hook() {
    return [this](std::shared_ptr<verify_request> r) { asked.push_back(std::move(r)); };
  }
  void set_on(context& ctx) {
    hooks h;
    h.verify = hook();
    BOOST_REQUIRE(!set_hooks(ctx, std::move(h)));
  }
  [[nodiscard]] const peer_certificates& seen() const { return asked.at(0)->question(); }

  std::vector<std::shared_ptr<verify_request>> asked;
};

// Connects, and gives the answer when it is asked for.
bool connects(memory_pair& pair, late_verdict& v, const std::function<verify_answer()>& answer) {
  for (int i = 0; i < 20 && v.asked.empty(); ++i) pair.advance();
  BOOST_REQUIRE(v.asked.size() == 1U);
  BOOST_TEST((pair.client.last.why == suspend::want_verify || pair.server.last.why == suspend::want_async));
  v.asked[0]->answer(answer());
  return pair.connect();
}

verify_answer accepts() { return verify_answer::accept(); }
verify_answer rejects() { return verify_answer::reject(); }

context client_showing(const identity* who, int version) {
  context client = only(version, client_context());
  if (who != nullptr) know(client, *who);
  return client;
}

} // namespace

// ---- servers ----

TLSMODE_CASE_PER_VERSION(a_good_client_is_let_in_when_the_hook_accepts_it) {
  late_verdict v;
  context server = demanding_server();
  v.set_on(server);
  memory_pair pair(client_showing(&client_identity(), version), server);
  BOOST_TEST(connects(pair, v, &accepts));
  BOOST_TEST(v.seen().is_server);
  BOOST_TEST(v.seen().trusted);
  BOOST_TEST(v.seen().error == X509_V_OK);
  BOOST_TEST(v.seen().server_name == server_name);
  BOOST_TEST(v.seen().host.empty());
  BOOST_TEST(v.seen().chain.size() == 2U);
  BOOST_TEST(v.seen().sent.size() == 2U); // OpenSSL's client adds what it trusts
  BOOST_TEST(X509_cmp(v.seen().chain[0].get(), client_identity().certificate.get()) == 0);
  BOOST_TEST(peer_certificate(pair.server.native()) != nullptr);
}

TLSMODE_CASE_PER_VERSION(a_good_client_that_the_hook_rejects_is_refused) {
  late_verdict v;
  context server = demanding_server();
  v.set_on(server);
  memory_pair pair(client_showing(&client_identity(), version), server);
  BOOST_TEST(!connects(pair, v, [] { return verify_answer::reject(X509_V_ERR_CERT_REVOKED); }));
  BOOST_TEST(fails(pair.server.last, error::hook_refused));
  BOOST_TEST(pair.server.tls.last_failure().verify_error ==
             X509_verify_cert_error_string(X509_V_ERR_CERT_REVOKED));
  BOOST_TEST((pair.server.tls.state() == connection_state::failed));
  pair.settle();
  std::string room(10, '\0');
  const step last = version == TLS1_3_VERSION ? pair.client.read(room) : pair.client.handshake();
  BOOST_TEST(fails_for(last, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED));
}

TLSMODE_CASE_PER_VERSION(a_bad_client_certificate_is_refused_though_the_hook_accepts_it) {
  late_verdict v;
  context server = demanding_server();
  v.set_on(server);
  memory_pair pair(client_showing(&stranger(), version), server);
  BOOST_TEST(!connects(pair, v, &accepts));
  BOOST_TEST(fails_for(pair.server.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
  BOOST_TEST((pair.server.tls.state() == connection_state::failed));
  BOOST_TEST(!v.seen().trusted);
  BOOST_TEST(v.seen().error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
  BOOST_TEST(v.seen().error_text == X509_verify_cert_error_string(v.seen().error));
  BOOST_TEST(v.seen().error_depth == 0);
}

TLSMODE_CASE_PER_VERSION(a_bad_client_certificate_is_refused_for_every_answer_but_one) {
  for (const auto& answer : std::initializer_list<std::function<verify_answer()>>{
           &rejects, [] { return verify_answer::accept_despite(X509_V_OK); },
           [] { return verify_answer::accept_despite(X509_V_ERR_CERT_HAS_EXPIRED); }}) {
    late_verdict v;
    context server = demanding_server();
    v.set_on(server);
    memory_pair pair(client_showing(&stranger(), version), server);
    BOOST_TEST(!connects(pair, v, answer));
    BOOST_TEST((pair.server.tls.state() == connection_state::failed));
  }
  late_verdict v;
  context server = demanding_server();
  v.set_on(server);
  memory_pair pair(client_showing(&stranger(), version), server);
  BOOST_TEST(connects(pair, v,
                      [] { return verify_answer::accept_despite(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT); }));
}

TLSMODE_CASE_PER_VERSION(a_client_without_certificate_is_refused_and_nobody_is_asked) {
  late_verdict v;
  context server = demanding_server();
  v.set_on(server);
  memory_pair pair(client_showing(nullptr, version), server);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails_for(pair.server.last, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE));
  BOOST_TEST(v.asked.empty());
}

// The hook would not be asked again about a client that has lost its trust since.
TLSMODE_CASE_PER_VERSION(clients_that_a_hook_has_accepted_do_not_resume) {
  context server = demanding_server();
  hooks h;
  int asked = 0;
  h.verify = [&](std::shared_ptr<verify_request> r) {
    ++asked;
    r->answer(verify_answer::accept());
  };
  BOOST_REQUIRE(!set_hooks(server, h));
  const context client = known_client(version);
  for (int i = 1; i < 4; ++i) {
    BOOST_TEST(!resumes(client, server));
    BOOST_TEST(asked == i);
  }
  // Nor with a native context, whatever it says of sessions.
  const std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> native(
      SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(native.get(), server_identity().certificate.get());
  SSL_CTX_use_PrivateKey(native.get(), server_identity().key.get());
  SSL_CTX_set_verify(native.get(), demanding, nullptr);
  SSL_CTX_set_session_id_context(native.get(), reinterpret_cast<const unsigned char*>("native"), 6);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(native.get()), authority().certificate.get());
  for (const bool hooked : {false, true}) {
    if (hooked) BOOST_REQUIRE(!set_hooks(native.get(), h));
    const context other = known_client(version);
    for (int i = 0; i < 2; ++i) {
      endpoint c(other, role::client);
      engine s(native.get());
      memory_transport wire;
      BOOST_REQUIRE(!c.tls.set_host(server_name));
      step last{suspend::want_read, 0, {}};
      for (int round = 0; round < 10; ++round) {
        c.last = c.tls.state() == connection_state::open ? step() : c.handshake();
        BOOST_REQUIRE(wire.feed(c.wire.output()));
        c.wire.consume(c.wire.output().size());
        last = s.handshake(wire, role::server);
        BOOST_REQUIRE(c.wire.feed(wire.output()));
        wire.consume(wire.output().size());
        if (c.tls.state() == connection_state::open) c.read_all();
      }
      BOOST_TEST(completes(last));
      BOOST_TEST(s.resumed() == (i == 1 && !hooked));
    }
  }
}

// ---- clients ----

TLSMODE_CASE_PER_VERSION(a_server_needs_the_hook_and_OpenSSL) {
  const auto handshake = [&](const identity& shown, const std::function<verify_answer()>& answer, step& last,
                             peer_certificates* seen = nullptr) {
    late_verdict v;
    context client = only(version, client_context());
    v.set_on(client);
    memory_pair pair(client, server_context(shown));
    const bool good = connects(pair, v, answer);
    last = pair.client.last;
    BOOST_TEST((pair.client.tls.state() == (good ? connection_state::open : connection_state::failed)));
    if (seen != nullptr) *seen = std::move(v.asked[0]->question());
    return good;
  };
  step last;
  peer_certificates seen;
  BOOST_TEST(handshake(server_identity(), &accepts, last, &seen));
  BOOST_TEST(!seen.is_server);
  BOOST_TEST(seen.trusted);
  BOOST_TEST(seen.host == server_name);
  BOOST_TEST(seen.chain.size() == 2U);
  BOOST_TEST(!handshake(server_identity(), &rejects, last));
  BOOST_TEST(fails(last, error::hook_refused));
  BOOST_TEST(!handshake(stranger(), &accepts, last, &seen));
  BOOST_TEST(fails_for(last, SSL_R_CERTIFICATE_VERIFY_FAILED));
  BOOST_TEST(!seen.trusted);
  BOOST_TEST(!handshake(stranger(), &rejects, last));
  BOOST_TEST(!handshake(
      stranger(), [] { return verify_answer::accept_despite(X509_V_ERR_CERT_REVOKED); }, last));
  BOOST_TEST(handshake(
      stranger(), [] { return verify_answer::accept_despite(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT); },
      last));
  const identity elsewhere = identity_for("elsewhere", {"elsewhere.test"});
  BOOST_TEST(!handshake(elsewhere, &accepts, last, &seen));
  BOOST_TEST(seen.error == X509_V_ERR_HOSTNAME_MISMATCH);
}

// OpenSSL would ask about the certificate and then not mind the answer.
TLSMODE_CASE_PER_VERSION(a_context_that_does_not_verify_does_with_a_hook) {
  for (const bool good : {true, false}) {
    late_verdict v;
    context client = only(version, context::client());
    client.disable_verification();
    v.set_on(client);
    memory_pair pair(client, server_context());
    BOOST_TEST(connects(pair, v, [&] {
                 return good ? verify_answer::accept_despite(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)
                             : verify_answer::accept();
               }) == good);
    BOOST_TEST(!v.seen().trusted);
  }
}

// The callbacks that were there before go on deciding; what they say is what the hook is told.
TLSMODE_CASE_PER_VERSION(verify_callbacks_are_asked_first) {
  for (const bool callback_says : {true, false}) {
    late_verdict v;
    context client = only(version, client_context());
    v.set_on(client);
    memory_pair pair(client, server_context(callback_says ? stranger() : server_identity()));
    pair.client.tls.set_verify_callback([&](bool, X509_STORE_CTX*) { return callback_says; });
    BOOST_TEST(connects(pair, v, &accepts) == callback_says);
    BOOST_TEST(v.seen().trusted == callback_says);
  }
}

// A session proves what OpenSSL has checked; nobody knows what a hook would say now.
TLSMODE_CASE_PER_VERSION(sessions_accepted_by_a_hook_are_not_offered) {
  context client = resuming_client(version);
  hooks h;
  int asked = 0;
  h.verify = [&](std::shared_ptr<verify_request> r) {
    ++asked;
    r->answer(verify_answer::accept());
  };
  const context server = server_context();
  const session_ptr before = session_of(client, server);
  BOOST_REQUIRE(!set_hooks(client, h));
  const session_ptr with_hook = session_of(client, server);
  BOOST_TEST(asked == 1, "the session from before the hook was not resumed");
  BOOST_TEST(!offers(client));
  for (SSL_SESSION* const s : {before.get(), with_hook.get()}) {
    memory_pair pair(client, server);
    BOOST_TEST(pair.client.tls.offer_session(s) == error::session_not_verified);
  }
  BOOST_REQUIRE(!set_hooks(client, {}));
  memory_pair pair(client, server);
  BOOST_TEST(pair.client.tls.offer_session(with_hook.get()) == error::session_not_verified);
  BOOST_TEST(!pair.client.tls.offer_session(before.get()), "it was verified without a hook, as now");
}

// ---- after the handshake ----

BOOST_AUTO_TEST_CASE(nobody_is_verified_after_the_handshake) {
  enum class hook { none, verify, other };
  for (const hook which : {hook::none, hook::verify, hook::other}) {
    const bool hooked = which != hook::none;
    context client = client_showing(&client_identity(), TLS1_3_VERSION);
    SSL_CTX_set_post_handshake_auth(client.native_handle(), 1);
    context server = only(TLS1_3_VERSION, server_context());
    BOOST_REQUIRE(!server.trust(our_authority()));
    int asked = 0;
    if (hooked) {
      hooks h;
      if (which == hook::verify) h.verify = [&](std::shared_ptr<verify_request>) { ++asked; };
      if (which == hook::other) h.staple = [&](std::shared_ptr<staple_request>) { ++asked; };
      BOOST_REQUIRE(!set_hooks(server, std::move(h)));
    }
    memory_pair pair(client, server);
    BOOST_REQUIRE(pair.connect());
    SSL* const ssl = pair.server.native();
    SSL_set_verify(ssl, demanding, SSL_get_verify_callback(ssl));
    BOOST_REQUIRE(SSL_verify_client_post_handshake(ssl) == 1);
    BOOST_REQUIRE(completes(pair.server.write("x"), 1)); // takes the request along
    pair.settle();
    pair.client.read_all();
    pair.settle();
    pair.server.read_all();
    BOOST_TEST(asked == 0);
    if (which == hook::verify)
      BOOST_TEST(fails(pair.server.last, error::hook_cannot_wait));
    else if (which == hook::other)
      BOOST_TEST(fails_for(pair.server.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
    else
      BOOST_TEST(peer_certificate(ssl) != nullptr, "it works without hooks");
  }
}

BOOST_AUTO_TEST_CASE(nobody_shows_a_certificate_after_the_handshake) {
  for (const bool hooked : {false, true}) {
    context client = client_showing(&client_identity(), TLS1_3_VERSION);
    SSL_CTX_set_post_handshake_auth(client.native_handle(), 1);
    hooks h;
    h.certificate = [](std::shared_ptr<certificate_request> r) { r->answer(certificate_answer::proceed()); };
    if (hooked) BOOST_REQUIRE(!set_hooks(client, std::move(h)));
    memory_pair pair(client, only(TLS1_3_VERSION, server_context()));
    if (hooked) SSL_set_post_handshake_auth(pair.client.native(), 1); // in vain
    BOOST_REQUIRE(pair.connect());
    SSL_set_verify(pair.server.native(), SSL_VERIFY_PEER, nullptr);
    BOOST_TEST((SSL_verify_client_post_handshake(pair.server.native()) == 1) == !hooked);
    ERR_clear_error();
  }
}

BOOST_AUTO_TEST_SUITE_END()
