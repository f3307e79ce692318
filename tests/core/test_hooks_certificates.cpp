// SPDX-License-Identifier: BSL-1.0
// The hooks for what this side shows: the certificate, on both sides, and the staple. Is what they are told
// true, and is what they answer what the peer gets?
#include "checked_peers.hpp"

#include <tlsmode/hook.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

BOOST_AUTO_TEST_SUITE(hooks_certificates)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// A certificate hook that answers at once and remembers what it was told.
struct shown_by_hook {
  hooks set(std::function<certificate_answer()> answer) {
    hooks h;
    h.certificate = [this, answer = std::move(answer)](std::shared_ptr<certificate_request> r) {
      told.push_back(r->question());
      r->answer(answer());
    };
    return h;
  }
  std::vector<certificate_wanted> told;
};

certificate_answer show(const identity& who) {
  return certificate_answer::use(credentials(pem(who.certificate_pem), pem(who.key_pem)));
}

bool peer_is(const endpoint& e, const identity& who) {
  const certificate_ptr c = peer_certificate(e.native());
  return c && X509_cmp(c.get(), who.certificate.get()) == 0;
}

} // namespace

TLSMODE_CASE_PER_VERSION(a_server_shows_what_the_hook_says) {
  const identity other = identity_for("other", {server_name});
  for (const bool bare : {true, false}) { // with nothing to fall back to, and with something to replace
    context server = bare ? context::server() : server_context();
    shown_by_hook s;
    BOOST_REQUIRE(!set_hooks(server, s.set([&] { return show(other); })));
    memory_pair pair(only(version, client_context()), server);
    BOOST_TEST(pair.connect());
    BOOST_TEST(peer_is(pair.client, other));
    BOOST_REQUIRE(s.told.size() == 1U);
    BOOST_TEST(s.told[0].is_server);
    BOOST_TEST(s.told[0].server_name == server_name);
  }
}

TLSMODE_CASE_PER_VERSION(the_whole_chain_goes_along) {
  context server = context::server();
  shown_by_hook s;
  BOOST_REQUIRE(!set_hooks(server, s.set([] { return show(distant_server_identity()); })));
  memory_pair pair(only(version, client_context()), server);
  BOOST_TEST(pair.connect());
  BOOST_TEST(peer_chain(pair.client.native()).size() == 2U);
}

TLSMODE_CASE_PER_VERSION(credentials_come_from_a_context_too) {
  context prepared = context::server();
  know(prepared, distant_server_identity());
  BOOST_TEST(credentials(context::server()).empty());
  const credentials copied(prepared);
  BOOST_TEST(!copied.empty());
  context server = context::server();
  shown_by_hook s;
  BOOST_REQUIRE(!set_hooks(server, s.set([&] { return certificate_answer::use(copied); })));
  memory_pair pair(only(version, client_context()), server);
  BOOST_TEST(pair.connect());
  BOOST_TEST(peer_chain(pair.client.native()).size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_no_pair_of_certificate_and_key_throws) {
  const identity& a = server_identity();
  const identity& b = client_identity();
  BOOST_CHECK_THROW(credentials(pem(a.certificate_pem), pem(b.key_pem)), std::system_error);
  BOOST_CHECK_THROW(credentials(pem(a.certificate_pem), pem(a.encrypted_key_pem)), std::system_error);
  BOOST_CHECK_THROW(credentials(pem("nothing"), pem(a.key_pem)), std::system_error);
}

TLSMODE_CASE_PER_VERSION(a_refusal_ends_the_handshake) {
  context server = server_context();
  shown_by_hook s;
  BOOST_REQUIRE(!set_hooks(server, s.set([] { return certificate_answer::refuse(); })));
  memory_pair pair(only(version, client_context()), server);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails(pair.server.last, error::hook_refused));
  pair.settle();
  BOOST_TEST(fails_for(pair.client.handshake(), SSL_R_TLSV1_ALERT_INTERNAL_ERROR));
}

TLSMODE_CASE_PER_VERSION(a_client_shows_what_the_hook_says) {
  const context server = demanding_server();
  context client = only(version, client_context());
  shown_by_hook s;
  BOOST_REQUIRE(!set_hooks(client, s.set([] { return show(client_identity()); })));
  memory_pair pair(client, server);
  BOOST_TEST(pair.connect());
  BOOST_TEST(peer_is(pair.server, client_identity()));
  BOOST_REQUIRE(s.told.size() == 1U);
  BOOST_TEST(!s.told[0].is_server);
  BOOST_TEST(s.told[0].server_name == server_name);
  BOOST_TEST(s.told[0].issuers == std::vector<std::string>{"CN=Test authority"},
             boost::test_tools::per_element());
}

TLSMODE_CASE_PER_VERSION(a_client_is_not_asked_unless_the_server_wants_to_know) {
  context client = only(version, client_context());
  shown_by_hook s;
  BOOST_REQUIRE(!set_hooks(client, s.set([] { return certificate_answer::refuse(); })));
  memory_pair pair(client, server_context());
  BOOST_TEST(pair.connect());
  BOOST_TEST(s.told.empty());
}

// Else the next connection would show the certificate of the one before.
TLSMODE_CASE_PER_VERSION(what_was_shown_once_is_not_shown_again) {
  const identity other = identity_for("other", {server_name});
  context server = server_context();
  bool first = true;
  shown_by_hook s;
  BOOST_REQUIRE(!set_hooks(server, s.set([&] {
    return std::exchange(first, false) ? show(other) : certificate_answer::proceed();
  })));
  memory_pair pair(only(version, client_context()), server);
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(peer_is(pair.client, other));
  for (endpoint* const e : {&pair.client, &pair.server}) {
    BOOST_REQUIRE(!e->tls.reset());
    e->wire.consume(e->wire.output().size());
    e->last = {suspend::want_read, 0, {}};
  }
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(s.told.size() == 2U);
  BOOST_TEST(peer_is(pair.client, server_identity()));
}

// A session made with a certificate that a hook has chosen is the client's only with that certificate.
TLSMODE_CASE_PER_VERSION(sessions_made_with_a_chosen_certificate_are_not_offered) {
  context client = resuming_client(version);
  shown_by_hook s;
  BOOST_REQUIRE(!set_hooks(client, s.set([] { return show(client_identity()); })));
  const context server = demanding_server();
  for (int i = 1; i < 3; ++i) {
    BOOST_TEST(!resumes(client, server));
    BOOST_TEST(s.told.size() == static_cast<std::size_t>(i));
  }
}

// ---- staples ----

TLSMODE_CASE_PER_VERSION(the_staple_reaches_the_client) {
  const std::vector<std::byte> response(300, std::byte{0x30});
  for (const bool wanted : {true, false}) {
    context server = server_context();
    std::vector<staple_wanted> told;
    hooks h;
    h.staple = [&](std::shared_ptr<staple_request> r) {
      told.push_back(std::move(r->question()));
      r->answer(staple_answer::send(response));
    };
    BOOST_REQUIRE(!set_hooks(server, std::move(h)));
    context client = only(version, client_context());
    std::vector<std::byte> seen_by_hook;
    hooks of_client;
    of_client.verify = [&](std::shared_ptr<verify_request> r) {
      seen_by_hook = r->question().staple;
      r->answer(verify_answer::accept());
    };
    BOOST_REQUIRE(!set_hooks(client, std::move(of_client)));
    memory_pair pair(client, server);
    if (wanted) BOOST_REQUIRE(!request_staple(pair.client.native()));
    BOOST_TEST(pair.connect());
    BOOST_TEST((received_staple(pair.client.native()) == (wanted ? response : std::vector<std::byte>())));
    BOOST_TEST(told.size() == (wanted ? 1U : 0U));
    if (!wanted) continue;
    BOOST_TEST(told[0].server_name == server_name);
    BOOST_TEST(X509_cmp(told[0].certificate.get(), server_identity().certificate.get()) == 0);
    // Before TLS 1.3 it comes after the certificate.
    BOOST_TEST((seen_by_hook == (version == TLS1_3_VERSION ? response : std::vector<std::byte>())));
  }
}

TLSMODE_CASE_PER_VERSION(there_need_not_be_a_staple) {
  context server = server_context();
  hooks h;
  h.staple = [&](std::shared_ptr<staple_request> r) { r->answer(staple_answer::none()); };
  BOOST_REQUIRE(!set_hooks(server, std::move(h)));
  memory_pair pair(only(version, client_context()), server);
  BOOST_REQUIRE(!request_staple(pair.client.native()));
  BOOST_TEST(pair.connect());
  BOOST_TEST(received_staple(pair.client.native()).empty());
}

BOOST_AUTO_TEST_SUITE_END()
