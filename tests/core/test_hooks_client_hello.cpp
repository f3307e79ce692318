// SPDX-License-Identifier: BSL-1.0
// The ClientHello hook: is what it is told true, and does the choice of another context carry over all that
// decides who gets in? Each attack here works against SSL_set_SSL_CTX alone.
#include "checked_peers.hpp"

#include <tlsmode/hook.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

using native_context = std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })>;

// A server whose hook chooses what `target` is when it is asked, after a wait.
struct switching_server {
  explicit switching_server(context first = server_context()) : front(std::move(first)) {
    hooks h;
    h.client_hello = [this](std::shared_ptr<client_hello_request> r) { asked.push_back(std::move(r)); };
    BOOST_REQUIRE(!set_hooks(front, std::move(h)));
  }
  // Shakes hands; true if that worked, with what both sides said in the pair.
  bool connects(memory_pair& pair) {
    asked.clear();
    for (int i = 0; i < 5 && asked.empty(); ++i) pair.advance();
    BOOST_REQUIRE(asked.size() == 1U);
    asked[0]->answer(target == nullptr ? client_hello_answer::proceed() : client_hello_answer::use(target));
    return pair.connect();
  }
  bool lets_in(const context& client) {
    memory_pair pair(client, front);
    const bool good = connects(pair);
    last = pair.server.last;
    BOOST_TEST(good == (pair.server.tls.state() == connection_state::open));
    resumed = pair.server.tls.resumed();
    if (good)
      pair.server.shutdown(shutdown_form::send_only); // else OpenSSL would take the session for spoiled
    return good;
  }
  void choose(const context& ctx) { target = ctx.native_handle(); }

  context front;
  SSL_CTX* target = nullptr;
  std::vector<std::shared_ptr<client_hello_request>> asked;
  step last;
  bool resumed = false;
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" // that there still are such contexts is the point
native_context fixed_server() { return native_context(SSL_CTX_new(TLSv1_2_server_method())); }
#pragma GCC diagnostic pop

// A native context with what a server needs.
native_context native_server(int version = 0) {
  native_context ctx(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(ctx.get(), server_identity().certificate.get());
  SSL_CTX_use_PrivateKey(ctx.get(), server_identity().key.get());
  X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx.get()), authority().certificate.get());
  if (version != 0) SSL_CTX_set_min_proto_version(ctx.get(), version);
  if (version != 0) SSL_CTX_set_max_proto_version(ctx.get(), version);
  return ctx;
}

} // namespace

BOOST_AUTO_TEST_SUITE(hooks_client_hello)

TLSMODE_CASE_PER_VERSION(the_hook_is_told_what_the_client_says) {
  switching_server s;
  context client = only(version, client_context());
  BOOST_REQUIRE(!client.set_alpn({"h2", "http/1.1"}));
  SSL_CTX_set_cipher_list(client.native_handle(), "ECDHE-ECDSA-AES128-GCM-SHA256");
  memory_pair pair(client, s.front);
  BOOST_REQUIRE(!pair.client.tls.set_host("Server.TEST"));
  BOOST_TEST(s.connects(pair));
  const tlsmode::client_hello& h = s.asked[0]->question();
  BOOST_TEST(h.server_name == "server.test");
  BOOST_TEST(h.alpn == (std::vector<std::string>{"h2", "http/1.1"}), boost::test_tools::per_element());
  BOOST_TEST(h.versions == (std::vector<std::uint16_t>{static_cast<std::uint16_t>(version)}),
             boost::test_tools::per_element());
  BOOST_TEST(h.legacy_version == TLS1_2_VERSION);
  const std::uint16_t expected = version == TLS1_3_VERSION ? 0x1302 : 0xc02b;
  BOOST_REQUIRE(!h.ciphers.empty());
  BOOST_TEST(h.ciphers[0] == expected);
}

BOOST_AUTO_TEST_CASE(a_client_without_these_says_nothing) {
  switching_server s;
  context client = only(TLS1_2_VERSION, client_context());
  client.disable_verification();
  memory_pair pair(client, s.front);
  SSL_set_tlsext_host_name(pair.client.native(), nullptr);
  BOOST_TEST(s.connects(pair));
  BOOST_TEST(s.asked[0]->question().server_name.empty());
  BOOST_TEST(s.asked[0]->question().alpn.empty());
}

// What looks for files by this name must not leave its directory.
BOOST_AUTO_TEST_CASE(a_name_that_is_no_name_is_not_passed_on) {
  for (const char* name :
       {"../../etc/passwd", ".hidden", "a..b", "a/b", "a b", "a\nb", "\xc3\xa4.test", "a."}) {
    switching_server s;
    memory_pair pair(client_context(), s.front);
    SSL_set_tlsext_host_name(pair.client.native(), name);
    BOOST_TEST(s.connects(pair), name);
    BOOST_TEST(s.asked[0]->question().server_name.empty(), name);
  }
}

TLSMODE_CASE_PER_VERSION(a_refusal_sends_its_alert) {
  const std::pair<alert, int> alerts[] = {{alert::handshake_failure, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE},
                                          {alert::access_denied, SSL_R_TLSV1_ALERT_ACCESS_DENIED},
                                          {alert::unrecognized_name, SSL_R_TLSV1_UNRECOGNIZED_NAME}};
  for (const auto& [what, reason] : alerts) {
    context server = server_context();
    hooks h;
    h.client_hello = [what = what](std::shared_ptr<client_hello_request> r) {
      r->answer(client_hello_answer::refuse(what));
    };
    BOOST_REQUIRE(!set_hooks(server, std::move(h)));
    memory_pair pair(only(version, client_context()), server);
    BOOST_TEST(!pair.connect());
    BOOST_TEST(fails(pair.server.last, error::hook_refused));
    pair.settle();
    BOOST_TEST(fails_for(pair.client.handshake(), reason));
  }
}

// ---- choosing another context ----

TLSMODE_CASE_PER_VERSION(the_other_contexts_certificate_is_shown) {
  const identity other = identity_for("other", {server_name});
  const context tenant = server_context(other);
  switching_server s;
  s.choose(tenant);
  memory_pair pair(only(version, client_context()), s.front);
  BOOST_TEST(s.connects(pair));
  BOOST_TEST(X509_cmp(peer_certificate(pair.client.native()).get(), other.certificate.get()) == 0);
}

TLSMODE_CASE_PER_VERSION(a_client_without_certificate_does_not_get_into_a_context_that_demands_one) {
  const context tenant = demanding_server();
  const native_context native = native_server();
  SSL_CTX_set_verify(native.get(), demanding, nullptr);
  for (SSL_CTX* const target : {tenant.native_handle(), native.get()}) {
    switching_server s;
    s.target = target;
    BOOST_TEST(!s.lets_in(only(version, client_context())));
    BOOST_TEST(fails_for(s.last, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE));
    context bad = only(version, client_context());
    know(bad, stranger());
    BOOST_TEST(!s.lets_in(bad));
    BOOST_TEST(fails_for(s.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
    context good = only(version, client_context());
    know(good, client_identity());
    BOOST_TEST(s.lets_in(good));
  }
}

BOOST_AUTO_TEST_CASE(an_old_client_does_not_get_into_a_context_for_newer_ones) {
  const context tenant = only(TLS1_3_VERSION, server_context());
  const native_context native = native_server(TLS1_3_VERSION);
  const context by_option = server_context();
  SSL_CTX_set_options(by_option.native_handle(), SSL_OP_NO_TLSv1_2);
  for (SSL_CTX* const target : {tenant.native_handle(), native.get(), by_option.native_handle()}) {
    switching_server s;
    s.target = target;
    BOOST_TEST(!s.lets_in(only(TLS1_2_VERSION, client_context())));
    BOOST_TEST(fails_for(s.last, SSL_R_UNSUPPORTED_PROTOCOL));
    BOOST_TEST(s.lets_in(only(TLS1_3_VERSION, client_context())));
  }
  // And the reverse: what the first context allows does not limit the other.
  switching_server old(only(TLS1_2_VERSION, server_context()));
  old.choose(tenant);
  BOOST_TEST(old.lets_in(only(TLS1_3_VERSION, client_context())));
  BOOST_TEST(!old.lets_in(only(TLS1_2_VERSION, client_context())));
}

TLSMODE_CASE_PER_VERSION(the_other_contexts_ciphers_count) {
  context tenant = server_context();
  SSL_CTX_set_cipher_list(tenant.native_handle(), "ECDHE-ECDSA-CHACHA20-POLY1305");
  SSL_CTX_set_ciphersuites(tenant.native_handle(), "TLS_CHACHA20_POLY1305_SHA256");
  for (const bool own_list : {false, true}) {
    switching_server s;
    s.choose(tenant);
    memory_pair pair(only(version, client_context()), s.front);
    if (own_list) {
      SSL_set_cipher_list(pair.server.native(), "ECDHE-ECDSA-AES128-GCM-SHA256");
      SSL_set_ciphersuites(pair.server.native(), "TLS_AES_128_GCM_SHA256");
    }
    BOOST_TEST(s.connects(pair));
    BOOST_TEST(pair.server.tls.cipher().find("CHACHA20") != std::string_view::npos);
  }
}

// Depth, time, flags and callback are those of the other context, also where that leaves them at the default.
TLSMODE_CASE_PER_VERSION(the_other_contexts_way_to_verify_counts) {
  context good = only(version, client_context());
  know(good, client_identity());
  const auto with = [&](const std::function<void(SSL_CTX*)>& change_front,
                        const std::function<void(SSL_CTX*)>& change_tenant) {
    context front = server_context();
    const context tenant = demanding_server();
    change_front(front.native_handle());
    change_tenant(tenant.native_handle());
    switching_server s(std::move(front));
    s.choose(tenant);
    return s.lets_in(good);
  };
  const auto as_it_was = [](SSL_CTX*) {};
  BOOST_TEST(with(as_it_was, as_it_was));
  const auto revocation = [](SSL_CTX* c) {
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c), X509_V_FLAG_CRL_CHECK);
  };
  const auto past = [](SSL_CTX* c) { X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(c), 1000); };
  const auto purpose = [](SSL_CTX* c) { SSL_CTX_set_purpose(c, X509_PURPOSE_CRL_SIGN); };
  const auto rejecting = [](SSL_CTX* c) { SSL_CTX_set_verify(c, SSL_CTX_get_verify_mode(c), &reject); };
  for (const auto& strict :
       std::initializer_list<std::function<void(SSL_CTX*)>>{revocation, past, rejecting}) {
    BOOST_TEST(!with(as_it_was, strict));
    BOOST_TEST(with(strict, as_it_was));
  }
  BOOST_TEST(with(purpose, as_it_was));
  const auto none_trusted = [](SSL_CTX* c) { SSL_CTX_set_cert_store(c, X509_STORE_new()); };
  BOOST_TEST(!with(as_it_was, none_trusted));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_carried_over_is_refused) {
  const auto refused = [](SSL_CTX* target, const change& prepare = as_it_is) {
    switching_server s;
    s.target = target;
    memory_pair pair(client_context(), s.front);
    prepare(pair.server.tls);
    return !s.connects(pair) && fails(pair.server.last, error::bad_option);
  };
  const native_context fixed = fixed_server();
  BOOST_TEST(refused(fixed.get()));
  BOOST_TEST(refused(client_context().native_handle()));
  const context tenant = server_context();
  BOOST_TEST(!refused(tenant.native_handle()));
  BOOST_TEST(refused(tenant.native_handle(), &demands));
  BOOST_TEST(refused(tenant.native_handle(), [](engine& e) { e.set_verify_depth(1); }));
  BOOST_TEST(refused(tenant.native_handle(),
                     [](engine& e) { e.set_verify_callback([](bool, X509_STORE_CTX*) { return true; }); }));
}

BOOST_AUTO_TEST_CASE(the_other_context_is_kept_alive) {
  switching_server s;
  memory_pair pair(client_context(), s.front);
  for (int i = 0; i < 5 && s.asked.empty(); ++i) pair.advance();
  {
    const context tenant = server_context();
    s.asked.at(0)->answer(client_hello_answer::use(tenant));
  }
  BOOST_TEST(pair.connect());
}

TLSMODE_CASE_PER_VERSION(the_other_contexts_hooks_are_asked) {
  context tenant = demanding_server();
  int verified = 0;
  int shown = 0;
  hooks h;
  h.verify = [&](std::shared_ptr<verify_request> r) {
    ++verified;
    r->answer(verify_answer::reject());
  };
  h.certificate = [&](std::shared_ptr<certificate_request> r) {
    ++shown;
    r->answer(certificate_answer::proceed());
  };
  h.client_hello = [](std::shared_ptr<client_hello_request> r) { r->answer(client_hello_answer::refuse()); };
  BOOST_REQUIRE(!set_hooks(tenant, std::move(h)));
  switching_server s;
  s.choose(tenant);
  context client = only(version, client_context());
  know(client, client_identity());
  BOOST_TEST(!s.lets_in(client));
  BOOST_TEST(verified == 1);
  BOOST_TEST(shown == 1);
  BOOST_TEST(fails(s.last, error::hook_refused));
}

// ---- the client says it again ----

BOOST_AUTO_TEST_CASE(a_client_that_must_say_it_twice_is_asked_about_once) {
  const context tenant = server_context();
  SSL_CTX_set1_groups_list(tenant.native_handle(), "P-384");
  context front = server_context();
  SSL_CTX_set1_groups_list(front.native_handle(), "P-384"); // clients begin with x25519
  for (SSL_CTX* const target : {static_cast<SSL_CTX*>(nullptr), tenant.native_handle()}) {
    switching_server s(server_context());
    SSL_CTX_set1_groups_list(s.front.native_handle(), "P-384");
    s.target = target;
    BOOST_TEST(s.lets_in(only(TLS1_3_VERSION, client_context())));
    BOOST_TEST(s.asked.size() == 1U);
  }
}

// It has been let in by its first name, and must not be somebody else afterwards.
BOOST_AUTO_TEST_CASE(a_client_that_changes_the_name_is_refused) {
  for (const char* name : {"server.test", "other.test"}) {
    switching_server s;
    SSL_CTX_set1_groups_list(s.front.native_handle(), "P-384");
    memory_pair pair(only(TLS1_3_VERSION, client_context()), s.front);
    for (int i = 0; i < 5 && s.asked.empty(); ++i) pair.advance();
    BOOST_REQUIRE(s.asked.size() == 1U);
    s.asked[0]->answer(client_hello_answer::proceed());
    pair.server.last = pair.server.handshake(); // says that it needs another key
    SSL_set_tlsext_host_name(pair.client.native(), name);
    deliver(pair.server, pair.client);
    const bool same = std::string_view(name) == server_name;
    BOOST_TEST(pair.connect() == same);
    if (same) continue;
    BOOST_TEST(fails(pair.server.last, error::hook_refused));
    pair.settle();
    BOOST_TEST(fails_for(pair.client.handshake(), SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER));
  }
}

BOOST_AUTO_TEST_CASE(the_other_contexts_protocols_count) {
  context tenant = server_context();
  BOOST_REQUIRE(!tenant.set_alpn({"tenant"}));
  context front = server_context();
  BOOST_REQUIRE(!front.set_alpn({"front"}));
  switching_server s(std::move(front));
  s.choose(tenant);
  context client = client_context();
  BOOST_REQUIRE(!client.set_alpn({"front", "tenant"}));
  memory_pair pair(client, s.front);
  BOOST_TEST(s.connects(pair));
  BOOST_TEST(pair.client.tls.alpn() == "tenant");
}

// ---- sessions ----

TLSMODE_CASE_PER_VERSION(a_context_that_resumes_nothing_does_not_behind_another_either) {
  context ours = server_context();
  ours.disable_resumption();
  const native_context native = native_server();
  SSL_CTX_set_session_cache_mode(native.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(native.get(), SSL_OP_NO_TICKET);
  for (SSL_CTX* const target : {ours.native_handle(), native.get()}) {
    switching_server s;
    s.target = target;
    const context client = resuming_client(version);
    for (int i = 0; i < 2; ++i) {
      BOOST_TEST(s.lets_in(client));
      BOOST_TEST(!s.resumed);
    }
  }
}

TLSMODE_CASE_PER_VERSION(sessions_stay_in_their_context) {
  const context one = demanding_server();
  const context other = demanding_server();
  const native_context native = native_server();
  const native_context other_native = native_server();
  for (SSL_CTX* const c : {native.get(), other_native.get()}) SSL_CTX_set_verify(c, demanding, nullptr);
  switching_server s;
  SSL_CTX* const all[] = {nullptr, one.native_handle(), other.native_handle(), native.get(),
                          other_native.get()};
  for (SSL_CTX* const made_in : all)
    for (SSL_CTX* const used_in : all) {
      const context client = known_client(version);
      s.target = made_in;
      BOOST_REQUIRE(s.lets_in(client));
      BOOST_TEST(!s.resumed);
      s.target = used_in;
      BOOST_REQUIRE(s.lets_in(client));
      BOOST_TEST(s.resumed == (made_in == used_in));
    }
}

// The same attack by a client that has no certificate and a session from where none is asked for.
TLSMODE_CASE_PER_VERSION(a_session_without_certificate_leads_nowhere_else) {
  const context tenant = demanding_server();
  switching_server s;
  const context client = resuming_client(version);
  BOOST_REQUIRE(s.lets_in(client));
  s.choose(tenant);
  BOOST_TEST(!s.lets_in(client));
  BOOST_TEST(fails_for(s.last, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE));
}

// ---- the connection is used again ----

TLSMODE_CASE_PER_VERSION(a_connection_that_is_used_again_begins_with_its_first_context) {
  const context tenant = demanding_server();
  SSL_CTX_set_min_proto_version(tenant.native_handle(), version);
  switching_server s;
  s.choose(tenant);
  context client = only(version, client_context());
  know(client, client_identity());
  memory_pair pair(client, s.front);
  BOOST_REQUIRE(s.connects(pair));
  for (endpoint* const e : {&pair.client, &pair.server}) {
    BOOST_REQUIRE(!e->tls.reset());
    e->wire.consume(e->wire.output().size());
    e->last = {suspend::want_read, 0, {}};
  }
  BOOST_TEST(SSL_get_SSL_CTX(pair.server.native()) == s.front.native_handle());
  BOOST_TEST(SSL_get_verify_mode(pair.server.native()) == SSL_VERIFY_NONE);
  BOOST_TEST(SSL_get_min_proto_version(pair.server.native()) == TLS1_2_VERSION);
  s.target = nullptr;
  BOOST_TEST(s.connects(pair));
  BOOST_TEST(peer_certificate(pair.server.native()) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
