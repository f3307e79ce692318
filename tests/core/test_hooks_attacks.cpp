// SPDX-License-Identifier: BSL-1.0
// Peers that try to get past the hooks: does a hook's answer let in more than it says, and does every
// question stay answered to the end of the handshake?
#include "checked_peers.hpp"

#include <tlsmode/hook.hpp>
#include <tlsmode/signer.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

void set(SSL_CTX* ctx, hooks h) { BOOST_REQUIRE(!set_hooks(ctx, std::move(h))); }

// A hook that passes over one error, and keeps what it was told.
struct forgiving_hook {
  explicit forgiving_hook(const context& of, int error) {
    hooks h;
    h.verify = [this, error](std::shared_ptr<verify_request> r) {
      seen.push_back(r->question().error);
      r->answer(verify_answer::accept_despite(error));
    };
    set(of.native_handle(), std::move(h));
  }
  std::vector<int> seen;
};

identity named(const std::string& name) { return identity_for(name, {name}); }

// The authority's name is on it, and somebody else's signature.
identity forged(const std::string& name) {
  identity id = named(name);
  BOOST_REQUIRE(X509_sign(id.certificate.get(), stranger().key.get(), EVP_sha256()) > 0);
  return id;
}

identity expired(identity id) {
  X509_gmtime_adj(X509_getm_notAfter(id.certificate.get()), -3600);
  BOOST_REQUIRE(X509_sign(id.certificate.get(), authority().key.get(), EVP_sha256()) > 0);
  return id;
}

void show_on(const context& ctx, const identity& who) {
  BOOST_REQUIRE(SSL_CTX_use_certificate(ctx.native_handle(), who.certificate.get()) == 1);
  BOOST_REQUIRE(SSL_CTX_use_PrivateKey(ctx.native_handle(), who.key.get()) == 1);
}

context server_showing(const identity& who) {
  context ctx = context::server();
  show_on(ctx, who);
  return ctx;
}

bool client_connects(const identity& to, int forgives, unsigned long flags = 0,
                     const std::function<void(engine&)>& change = {}) {
  const context client = client_context();
  const forgiving_hook hook(client, forgives);
  memory_pair pair(client, server_showing(to));
  X509_VERIFY_PARAM_set_flags(SSL_get0_param(pair.client.native()), flags);
  if (change) change(pair.client.tls);
  const bool good = pair.connect();
  BOOST_TEST((pair.client.tls.state() == connection_state::open) == good);
  BOOST_REQUIRE(!hook.seen.empty());
  BOOST_TEST(hook.seen[0] == forgives);
  return good;
}

bool server_lets_in(const identity& who, int forgives) {
  const context server = demanding_server();
  X509_STORE_set_flags(SSL_CTX_get_cert_store(server.native_handle()), X509_V_FLAG_CRL_CHECK);
  const forgiving_hook hook(server, forgives);
  const context client = client_context();
  show_on(client, who);
  memory_pair pair(client, server);
  const bool good = pair.connect();
  BOOST_REQUIRE(!hook.seen.empty());
  BOOST_TEST(hook.seen[0] == forgives);
  BOOST_TEST((pair.server.tls.state() == connection_state::open) == good);
  return good;
}

// Both sides' contexts for a client that must send a second ClientHello.
struct twice_greeted {
  twice_greeted() {
    SSL_CTX_set1_groups_list(front.native_handle(), "P-384"); // clients begin with x25519
    hooks h;
    h.client_hello = [this](std::shared_ptr<client_hello_request> r) {
      r->answer(client_hello_answer::use(tenant));
    };
    set(front.native_handle(), std::move(h));
  }
  // The server's last step, when the second ClientHello has this name.
  step greet(const char* second) {
    memory_pair pair(only(TLS1_3_VERSION, client_context()), front);
    pair.client.last = pair.client.handshake();
    deliver(pair.client, pair.server);
    pair.server.last = pair.server.handshake();
    SSL_set_tlsext_host_name(pair.client.native(), second);
    deliver(pair.server, pair.client);
    connected = pair.connect();
    return pair.server.last;
  }
  context tenant = server_context();
  context front = server_context();
  bool connected = false;
};

} // namespace

BOOST_AUTO_TEST_SUITE(hooks_attacks)

// ---- accept_despite() forgives one error, not what OpenSSL has not come to ----

BOOST_AUTO_TEST_CASE(another_name_is_forgiven_and_a_forged_signature_is_not) {
  BOOST_TEST(client_connects(named("elsewhere.test"), X509_V_ERR_HOSTNAME_MISMATCH));
  BOOST_TEST(!client_connects(forged("elsewhere.test"), X509_V_ERR_HOSTNAME_MISMATCH));
}

BOOST_AUTO_TEST_CASE(a_missing_revocation_list_is_forgiven_and_a_forged_signature_is_not) {
  constexpr unsigned long flags = X509_V_FLAG_CRL_CHECK;
  BOOST_TEST(client_connects(named(server_name), X509_V_ERR_UNABLE_TO_GET_CRL, flags));
  BOOST_TEST(!client_connects(forged(server_name), X509_V_ERR_UNABLE_TO_GET_CRL, flags));
  BOOST_TEST(server_lets_in(named("client"), X509_V_ERR_UNABLE_TO_GET_CRL));
  BOOST_TEST(!server_lets_in(forged("client"), X509_V_ERR_UNABLE_TO_GET_CRL));
}

BOOST_AUTO_TEST_CASE(an_old_certificate_is_forgiven_and_another_name_is_not) {
  const identity old = expired(named(server_name));
  BOOST_TEST(client_connects(old, X509_V_ERR_CERT_HAS_EXPIRED));
  BOOST_TEST(!client_connects(expired(named("elsewhere.test")), X509_V_ERR_HOSTNAME_MISMATCH));
}

// The callback is asked about certificates that come after the forgiven error, too.
BOOST_AUTO_TEST_CASE(a_verify_callback_keeps_its_say) {
  int depth_refused = -1;
  const auto callback = [&](engine& e) {
    e.set_verify_callback([&](bool preverified, X509_STORE_CTX* store) {
      const int depth = X509_STORE_CTX_get_error_depth(store);
      return depth == depth_refused && preverified ? false : preverified;
    });
  };
  constexpr int error = X509_V_ERR_HOSTNAME_MISMATCH;
  BOOST_TEST(client_connects(named("elsewhere.test"), error, 0, callback));
  for (depth_refused = 0; depth_refused < 2; ++depth_refused)
    BOOST_TEST(!client_connects(named("elsewhere.test"), error, 0, callback));
}

// The hook has been told of it. What OpenSSL finds after it still counts.
BOOST_AUTO_TEST_CASE(the_callbacks_own_refusal_can_be_forgiven) {
  const auto callback = [](engine& e) { e.set_verify_callback([](bool, X509_STORE_CTX*) { return false; }); };
  BOOST_TEST(client_connects(named(server_name), X509_V_ERR_CERT_REJECTED, 0, callback));
  BOOST_TEST(!client_connects(forged(server_name), X509_V_ERR_CERT_REJECTED, 0, callback));
}

// ---- names ----

BOOST_AUTO_TEST_CASE(a_client_that_changes_the_name_is_refused_behind_another_context_too) {
  for (const bool certificate_hook : {false, true}) {
    twice_greeted s;
    std::vector<std::string> shown_for;
    hooks h;
    h.certificate = [&](std::shared_ptr<certificate_request> r) {
      shown_for.push_back(r->question().server_name);
      r->answer(certificate_answer::proceed());
    };
    if (certificate_hook) set(s.tenant.native_handle(), std::move(h));
    for (const char* same : {server_name, "SERVER.test"}) {
      BOOST_TEST(completes(s.greet(same)));
      BOOST_TEST(s.connected);
    }
    BOOST_TEST(shown_for.empty() != certificate_hook);
    for (const char* other : {"other.test", "../../other"}) {
      BOOST_TEST(fails(s.greet(other), error::hook_refused));
      BOOST_TEST(!s.connected);
    }
    for (const std::string& name : shown_for) BOOST_TEST(name == server_name);
  }
}

TLSMODE_CASE_PER_VERSION(no_hook_of_a_server_gets_a_name_that_is_no_name) {
  const std::array<std::pair<const char*, const char*>, 3> names{
      {{"../../Etc/key", ""}, {".hidden", ""}, {"Server.Test", "server.test"}}};
  for (const auto& [said, told] : names) {
    std::vector<std::string> seen;
    hooks h;
    h.certificate = [&](std::shared_ptr<certificate_request> r) {
      seen.push_back(r->question().server_name);
      r->answer(certificate_answer::proceed());
    };
    h.verify = [&](std::shared_ptr<verify_request> r) {
      seen.push_back(r->question().server_name);
      r->answer(verify_answer::accept());
    };
    h.staple = [&](std::shared_ptr<staple_request> r) {
      seen.push_back(r->question().server_name);
      r->answer(staple_answer::none());
    };
    const context server = demanding_server();
    set(server.native_handle(), std::move(h));
    context client = only(version, client_context());
    know(client, client_identity());
    memory_pair pair(client, server);
    BOOST_REQUIRE(!request_staple(pair.client.native()));
    SSL_set_tlsext_host_name(pair.client.native(), said);
    BOOST_TEST(pair.connect());
    BOOST_TEST(seen.size() == 3U);
    for (const std::string& name : seen) BOOST_TEST(name == told);
  }
}

// ---- sessions ----

// The other context has no callback in which the failure could be told to OpenSSL.
BOOST_AUTO_TEST_CASE(a_lookup_that_fails_fails_the_handshake_behind_another_context_too) {
  for (const bool lookup_works : {true, false}) {
    const context tenant = only(TLS1_2_VERSION, server_context());
    const context front = only(TLS1_2_VERSION, server_context());
    int asked = 0;
    hooks h;
    h.client_hello = [&](std::shared_ptr<client_hello_request> r) {
      r->answer(client_hello_answer::use(tenant));
    };
    h.session = [&](std::shared_ptr<session_request> r) {
      ++asked;
      if (lookup_works)
        r->answer(session_answer::none());
      else
        r->fail();
    };
    set(front.native_handle(), std::move(h));
    const context client = resuming_client(TLS1_2_VERSION);
    const session_ptr old = session_of(client, only(TLS1_2_VERSION, server_context()));
    memory_pair pair(client, front);
    BOOST_REQUIRE(!pair.client.tls.offer_session(old.get()));
    BOOST_TEST(pair.connect() == lookup_works);
    BOOST_TEST(asked == 1);
    if (lookup_works) continue;
    BOOST_TEST(fails(pair.server.last, error::hook_failed));
    BOOST_TEST((pair.server.tls.state() == connection_state::failed));
  }
}

TLSMODE_CASE_PER_VERSION(a_native_client_asks_its_hook_again) {
  const std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> native(
      SSL_CTX_new(TLS_client_method()));
  X509_STORE_add_cert(SSL_CTX_get_cert_store(native.get()), authority().certificate.get());
  SSL_CTX_set_min_proto_version(native.get(), version);
  SSL_CTX_set_max_proto_version(native.get(), version);
  int asked = 0;
  session_ptr kept;
  hooks h;
  h.verify = [&](std::shared_ptr<verify_request> r) {
    ++asked;
    r->answer(kept ? verify_answer::reject() : verify_answer::accept());
  };
  h.new_session = [&](const stored_session& s) { kept.reset(SSL_SESSION_dup(s.session)); };
  set(native.get(), std::move(h));
  const context server = server_context();
  for (const bool first : {true, false}) {
    engine client(native.get());
    endpoint peer(server, role::server);
    memory_transport wire;
    if (!first) {
      BOOST_REQUIRE(kept != nullptr);
      SSL_set_session(client.native_handle(), kept.get());
    }
    step last{suspend::want_read, 0, {}};
    for (int i = 0; i < 6 && !last.error; ++i) {
      last = client.handshake(wire, role::client);
      BOOST_REQUIRE(peer.wire.feed(wire.output()));
      wire.consume(wire.output().size());
      peer.last = peer.handshake();
      BOOST_REQUIRE(wire.feed(peer.wire.output()));
      peer.wire.consume(peer.wire.output().size());
    }
    if (first) {
      std::string room(10, '\0');
      const std::array<mutable_buffer, 1> to{room_in(room)};
      (void)client.read(wire, to); // the tickets
    }
    BOOST_TEST((last.complete() && !last.error) == first);
    BOOST_TEST(!client.resumed());
    BOOST_TEST(asked == (first ? 1 : 2));
  }
}

// ---- keys behind signers ----

// A signer cannot decrypt: its suites must not be chosen, whoever brought the key.
BOOST_AUTO_TEST_CASE(a_signers_key_that_a_hook_chooses_decrypts_nothing) {
  const identity& rsa = identity_of(key_kind::rsa2048);
  context tenant = context::server();
  BOOST_REQUIRE(!tenant.use_certificate_chain(pem(rsa.certificate_pem)));
  BOOST_REQUIRE(!tenant.use_signer(std::make_shared<inline_signer>(load_private_key(pem(rsa.key_pem)))));
  const credentials from_signer(tenant);
  const std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> front(
      SSL_CTX_new(TLS_server_method()));
  hooks h;
  h.certificate = [&](std::shared_ptr<certificate_request> r) {
    r->answer(certificate_answer::use(from_signer));
  };
  set(front.get(), std::move(h));
  const context client = only(TLS1_2_VERSION, client_context());
  SSL_CTX_set_cipher_list(client.native_handle(), "AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384");
  engine server(front.get());
  const int before = sk_SSL_CIPHER_num(SSL_get_ciphers(server.native_handle()));
  for (int i = 0; i < 2; ++i) {
    endpoint c(client, role::client);
    BOOST_REQUIRE(!c.tls.set_host(server_name));
    BOOST_TEST(shake_hands(c, server) == outcome::full);
    BOOST_TEST(c.tls.cipher() == "ECDHE-RSA-AES256-GCM-SHA384");
    BOOST_REQUIRE(!server.reset());
    BOOST_TEST(sk_SSL_CIPHER_num(SSL_get_ciphers(server.native_handle())) == before);
  }
}

BOOST_AUTO_TEST_SUITE_END()
