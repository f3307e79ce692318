// SPDX-License-Identifier: BSL-1.0
// The hooks for sessions: do ticket keys and stores of the program's own resume what they should, and nothing
// that the rules for sessions forbid?
#include "checked_peers.hpp"
#include "hook_cases.hpp"

#include <tlsmode/hook.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <map>

BOOST_AUTO_TEST_SUITE(hooks_sessions)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// Keys that change: tickets are sealed with the newest, and opened with any.
struct key_ring {
  hooks hook() {
    hooks h;
    h.ticket_key = [this](std::shared_ptr<ticket_key_request> r) {
      const auto& name = r->question().name;
      ++(name ? opened : sealed);
      if (!name && !keys.empty()) return void(r->answer(ticket_key_answer::use(keys.back())));
      const auto found =
          std::find_if(keys.begin(), keys.end(), [&](const ticket_keys& k) { return k.name() == name; });
      r->answer(found == keys.end() ? ticket_key_answer::unknown()
                                    : ticket_key_answer::use(*found, &*found != &keys.back()));
    };
    h.session_group = "ring";
    return h;
  }
  std::vector<ticket_keys> keys{ticket_keys::random()};
  int sealed = 0;
  int opened = 0;
};

// A store of sessions outside of OpenSSL.
struct outside_store {
  hooks hook() {
    hooks h;
    h.session = [this](std::shared_ptr<session_request> r) {
      ++asked;
      const auto found = kept.find(r->question().id);
      r->answer(found == kept.end() ? session_answer::none() : session_answer::found(found->second.bytes()));
    };
    h.new_session = [this](const stored_session& s) { kept.insert_or_assign(s.id, s.der()); };
    h.removed_session = [this](const stored_session& s) { removed += static_cast<int>(kept.erase(s.id)); };
    h.session_group = "store";
    return h;
  }
  std::map<std::string, secret_bytes> kept;
  int asked = 0;
  int removed = 0;
};

context with(hooks h, context ctx = server_context()) {
  BOOST_REQUIRE(!set_hooks(ctx, std::move(h)));
  return ctx;
}

// Connects and closes in order, which a session in a store needs: OpenSSL takes others for spoiled.
bool resumes_and_closes(const context& client, const context& server) {
  memory_pair pair(client, server);
  BOOST_REQUIRE(pair.connect());
  BOOST_REQUIRE(completes(pair.server.shutdown(shutdown_form::send_only)));
  return pair.server.tls.resumed();
}

} // namespace

// ---- ticket keys ----

TLSMODE_CASE_PER_VERSION(tickets_are_sealed_and_opened_with_the_hooks_keys) {
  key_ring ring;
  const context server = with(ring.hook());
  const context client = resuming_client(version);
  BOOST_TEST(!resumes(client, server));
  BOOST_TEST(ring.sealed == 1);
  BOOST_TEST(ring.opened == 0);
  BOOST_TEST(resumes(client, server));
  BOOST_TEST(ring.opened == 1);
  const int before = ring.sealed;
  BOOST_TEST(before == (version == TLS1_3_VERSION ? 2 : 1)); // these are used once
  ring.keys.push_back(ticket_keys::random());                // the old ones still open
  BOOST_TEST(resumes(client, server));
  BOOST_TEST(ring.sealed == before + 1, "it got a ticket of the new keys");
  ring.keys.erase(ring.keys.begin());
  if (version == TLS1_3_VERSION) // OpenSSL's client does not tell of the new ticket before
    BOOST_TEST(resumes(client, server));
  ring.keys = {ticket_keys::random()};
  BOOST_TEST(!resumes(client, server), "nobody knows the keys any more");
}

TLSMODE_CASE_PER_VERSION(a_ticket_sealed_without_keys_is_of_no_use) {
  key_ring ring;
  ring.keys.clear();
  const context server = with(ring.hook());
  const context client = resuming_client(version);
  for (int i = 0; i < 3; ++i) BOOST_TEST(!resumes(client, server));
}

TLSMODE_CASE_PER_VERSION(keys_of_another_name_open_nothing) {
  const ticket_keys right = ticket_keys::random();
  hooks h;
  h.ticket_key = [&](std::shared_ptr<ticket_key_request> r) {
    r->answer(ticket_key_answer::use(r->question().name ? ticket_keys::random() : right));
  };
  const context server = with(std::move(h));
  const context client = resuming_client(version);
  for (int i = 0; i < 3; ++i) BOOST_TEST(!resumes(client, server));
}

// Contexts of one group stand for processes that share the keys.
TLSMODE_CASE_PER_VERSION(only_contexts_of_a_group_with_equal_demands_share_tickets) {
  key_ring ring;
  const auto server = [&](bool demands_certificate, const char* group) {
    hooks h = ring.hook();
    h.session_group = group;
    return with(std::move(h), demands_certificate ? demanding_server() : server_context());
  };
  const auto goes_from_to = [&](const context& from, const context& to) {
    const context client = known_client(version);
    return !resumes(client, from) && resumes(client, to);
  };
  BOOST_TEST(goes_from_to(server(false, "a"), server(false, "a")));
  BOOST_TEST(goes_from_to(server(true, "a"), server(true, "a")));
  BOOST_TEST(!goes_from_to(server(false, "a"), server(false, "b")));
  BOOST_TEST(!goes_from_to(server(false, "a"), server(true, "a")));
  BOOST_TEST(!goes_from_to(server(false, ""), server(false, "")));
}

// ---- sessions kept elsewhere ----

TLSMODE_CASE_PER_VERSION(a_session_kept_elsewhere_is_resumed) {
  outside_store store;
  const context server = with(store.hook());
  const context client = resuming_client(version);
  BOOST_TEST(!resumes_and_closes(client, server));
  BOOST_TEST(store.kept.size() == 1U);
  const context elsewhere = with(store.hook()); // another process of the group
  BOOST_TEST(resumes_and_closes(client, elsewhere));
  BOOST_TEST(store.asked >= 1);
  store.kept.clear();
  BOOST_TEST(!resumes_and_closes(client, server));
}

TLSMODE_CASE_PER_VERSION(a_session_is_resumed_only_where_the_rules_let_it) {
  outside_store store;
  const context open = with(store.hook());
  const context demanding_one = with(store.hook(), demanding_server());
  const context client = known_client(version);
  BOOST_TEST(!resumes_and_closes(client, open));
  BOOST_TEST(!resumes_and_closes(client, demanding_one));
  BOOST_TEST(store.asked == 1, "it was found, and not taken");
}

TLSMODE_CASE_PER_VERSION(another_session_than_the_one_asked_for_is_not_taken) {
  outside_store store;
  hooks h = store.hook();
  h.session = [&](std::shared_ptr<session_request> r) {
    ++store.asked;
    for (const auto& [id, der] : store.kept)
      if (id != r->question().id) return void(r->answer(session_answer::found(der.bytes())));
    r->answer(session_answer::none());
  };
  const context server = with(std::move(h));
  const context one = resuming_client(version);
  const context other = resuming_client(version);
  BOOST_TEST(!resumes_and_closes(one, server));
  BOOST_TEST(!resumes_and_closes(other, server));
  BOOST_TEST(store.kept.size() == 2U);
  BOOST_TEST(!resumes_and_closes(one, server));
  BOOST_TEST(store.asked >= 1);
}

// OpenSSL cannot be told in the lookup; the client hears of it all the same, before it is done.
TLSMODE_CASE_PER_VERSION(a_lookup_that_fails_sends_an_alert) {
  outside_store store;
  hooks h = store.hook();
  bool fail = false;
  h.session = [&](std::shared_ptr<session_request> r) {
    if (fail)
      r->fail();
    else
      r->answer(session_answer::none());
  };
  const context server = with(std::move(h));
  const context client = resuming_client(version);
  BOOST_TEST(!resumes_and_closes(client, server));
  fail = true;
  memory_pair pair(client, server);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails(pair.server.last, error::hook_failed));
  pair.settle();
  BOOST_TEST(fails_for(pair.client.handshake(), SSL_R_TLSV1_ALERT_INTERNAL_ERROR));
}

BOOST_AUTO_TEST_CASE(what_is_no_session_is_none) {
  const std::array<std::byte, 5> junk{};
  const context server = [&] {
    hooks h;
    h.session = [&](std::shared_ptr<session_request> r) { r->answer(session_answer::found(junk)); };
    return with(std::move(h));
  }();
  const context client = resuming_client(TLS1_3_VERSION);
  for (int i = 0; i < 2; ++i) BOOST_TEST(!resumes(client, server));
}

TLSMODE_CASE_PER_VERSION(a_session_that_must_not_be_used_any_more_is_told_of) {
  outside_store store;
  const context server = with(store.hook());
  {
    memory_pair pair(only(version, client_context()), server);
    BOOST_REQUIRE(pair.connect());
    BOOST_REQUIRE(store.kept.size() == 1U);
    SSL_CTX_remove_session(server.native_handle(), SSL_get_session(pair.server.native()));
  }
  BOOST_TEST(store.removed == 1);
}

// ---- notifications ----

TLSMODE_CASE_PER_VERSION(a_client_is_told_of_its_sessions_and_keeps_them_too) {
  for (const bool hook_first : {true, false}) {
    context client = only(version, client_context());
    int told = 0;
    hooks h;
    h.new_session = [&](const stored_session& s) {
      ++told;
      BOOST_TEST(!s.der().empty());
      throw std::bad_alloc(); // is dropped
    };
    if (hook_first) BOOST_REQUIRE(!set_hooks(client, h));
    BOOST_REQUIRE(!client.resume_sessions());
    if (!hook_first) BOOST_REQUIRE(!set_hooks(client, h));
    BOOST_REQUIRE(!set_hooks(client, h)); // once more must not ask twice
    BOOST_TEST(!client.mode().contains(mode::async), "nobody waits for a notification");
    const context server = server_context();
    BOOST_TEST(!resumes(client, server));
    BOOST_TEST(told == 1);
    BOOST_TEST(resumes(client, server));
  }
}

BOOST_AUTO_TEST_CASE(secrets_can_be_handled_as_values) {
  const ticket_keys a = ticket_keys::random();
  ticket_keys b = ticket_keys::random();
  BOOST_TEST((a.name() != b.name()));
  b = a;
  BOOST_TEST((a.name() == b.name()));
  BOOST_TEST(std::equal(a.cipher_key().begin(), a.cipher_key().end(), b.cipher_key().begin()));
  secret_bytes s(std::as_bytes(std::span("secret")));
  secret_bytes copy = s;
  const secret_bytes moved = std::move(s);
  copy = moved;
  BOOST_TEST(copy.bytes().size() == sizeof "secret");
}

BOOST_AUTO_TEST_CASE(the_bytes_of_ticket_keys_are_a_name_and_two_keys) {
  std::array<std::byte, ticket_keys::size> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  const ticket_keys keys{std::span<const std::byte, ticket_keys::size>(bytes)};
  const ticket_keys::name_type name = keys.name();
  std::vector<std::byte> all(name.begin(), name.end());
  all.insert(all.end(), keys.mac_key().begin(), keys.mac_key().end());
  all.insert(all.end(), keys.cipher_key().begin(), keys.cipher_key().end());
  BOOST_TEST((all == std::vector<std::byte>(bytes.begin(), bytes.end())));
}

BOOST_AUTO_TEST_CASE(a_ticket_does_not_wait_for_the_key_of_the_next) {
  for (const hook_case& c : all_hook_cases()) {
    if (c.name != std::string("seal a ticket") || c.version != TLS1_3_VERSION) continue;
    hook_rig rig(c);
    BOOST_REQUIRE(!rig.server.set_ticket_count(2));
    const auto pair = rig.asking_pair();
    endpoint& server = pair->server;
    const std::size_t before = server.wire.output().size();
    BOOST_TEST(rig.asked.open.at(0).answer());
    BOOST_TEST(stops(server.handshake(), suspend::want_async));
    BOOST_REQUIRE(rig.asked.open.size() == 2U);
    BOOST_TEST(server.wire.output().size() > before);
    BOOST_TEST(rig.asked.open[1].answer());
    BOOST_TEST(pair->connect());
  }
}

BOOST_AUTO_TEST_SUITE_END()
