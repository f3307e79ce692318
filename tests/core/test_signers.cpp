// SPDX-License-Identifier: BSL-1.0
// Does a key behind a signer make the same handshakes as a key of OpenSSL's: every kind of key, on both
// sides, in both versions, in a job and without, whenever and wherever the answer comes from?
#include "signers.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <atomic>
#include <thread>

BOOST_AUTO_TEST_SUITE(signers)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using side = signing_side;

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
constexpr side sides[] = {side::server, side::client};

struct combination {
  key_kind kind;
  int version;
  side where;
  bool in_job;
};

std::vector<combination> all_combinations() {
  std::vector<combination> all;
  for (const key_kind k : all_key_kinds)
    for (const int v : versions)
      for (const side s : sides)
        for (const bool j : {true, false}) all.push_back({k, v, s, j});
  return all;
}

signing_scheme expected_scheme(key_kind kind) {
  using scheme = signing_scheme;
  switch (kind) {
  case key_kind::rsa2048: return {scheme::key_kind::rsa, "SHA256", scheme::rsa_padding::pss, 32};
  case key_kind::p256: return {scheme::key_kind::ec, "SHA256", scheme::rsa_padding::none, 0};
  case key_kind::p384: return {scheme::key_kind::ec, "SHA384", scheme::rsa_padding::none, 0};
  case key_kind::ed25519: return {scheme::key_kind::ed25519, "", scheme::rsa_padding::none, 0};
  }
  return {};
}

// What the peer of a signing side takes: a server's wishes for certificates of clients are apart.
void accept_only(const signing_contexts& contexts, side signing, const char* list) {
  if (signing == side::server)
    BOOST_REQUIRE(SSL_CTX_set1_sigalgs_list(contexts.client.native_handle(), list) == 1);
  else
    BOOST_REQUIRE(SSL_CTX_set1_client_sigalgs_list(contexts.server.native_handle(), list) == 1);
}

void check_data(memory_pair& pair) {
  BOOST_TEST(completes(pair.client.write("to the server"), 13));
  BOOST_TEST(completes(pair.server.write("to the client"), 13));
  pair.settle();
  BOOST_TEST(pair.server.read_all() == "to the server");
  BOOST_TEST(pair.client.read_all() == "to the client");
}

std::string describe(const combination& c) {
  return "key " + std::to_string(static_cast<int>(c.kind)) + ", version " + std::to_string(c.version) +
         (c.where == side::server ? ", server" : ", client") + (c.in_job ? ", in a job" : ", without a job");
}

} // namespace

BOOST_AUTO_TEST_CASE(every_kind_of_key_signs_at_once) {
  for (const combination& c : all_combinations()) {
    BOOST_TEST_CONTEXT(describe(c)) {
      const identity& who = identity_of(c.kind);
      std::vector<std::byte> key;
      bool had_host = true;
      auto s = std::make_shared<calling_signer>([&](const request_ptr& r) {
        key.assign(r->public_key_der().begin(), r->public_key_der().end());
        had_host = r->host() != nullptr;
        BOOST_TEST(EVP_PKEY_eq(r->public_key(), who.key.get()) == 1);
        sign_with(who.key.get(), *r);
      });
      const signing_contexts contexts(c.kind, c.version, c.where, s);
      // In TLS 1.2 the curve of the key does not choose the digest.
      accept_only(contexts, c.where,
                  c.kind == key_kind::p384 ? "ECDSA+SHA384" : "ed25519:ECDSA+SHA256:RSA-PSS+SHA256");
      signing_pair pair(contexts, c.where);
      if (!c.in_job) pair.signing.tls.clear_mode(mode::async);
      BOOST_REQUIRE(pair.connect());
      BOOST_REQUIRE(s->schemes.size() == 1u);
      BOOST_TEST(to_string(s->schemes[0]) == to_string(expected_scheme(c.kind)));
      BOOST_TEST((key == inline_signer(key_of(who)).public_key_der()));
      BOOST_TEST(!had_host);
      BOOST_TEST(pair.signing.tls.stats().suspended_async == 0u);
      check_data(pair);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_answer_that_comes_late_from_another_thread) {
  for (const combination& c : all_combinations()) {
    if (!c.in_job) continue;
    BOOST_TEST_CONTEXT(describe(c)) {
      const auto s = std::make_shared<held_signer>();
      const signing_contexts contexts(c.kind, c.version, c.where, s);
      signing_pair pair(contexts, c.where);
      std::atomic<int> calls{0};
      pair.signing.tls.set_job_callback(std::make_shared<std::function<void()>>([&] { ++calls; }));
      pair.advance_to_the_signature();
      BOOST_REQUIRE(s->held() == 1u);
      for (int i = 0; i < 3; ++i) BOOST_TEST(stops(pair.signing.handshake(), suspend::want_async));
      BOOST_TEST(pair.signing.tls.answer_awaited());
      BOOST_TEST(pair.signing.tls.answer_deadline().has_value());
      BOOST_TEST(pair.signing.tls.job_calls_back());
      BOOST_TEST(calls == 0);
      BOOST_TEST(s->asked() == 1u); // resumed early, it does not ask again
      std::thread([&] { sign_with(identity_of(c.kind).key.get(), *s->take()); }).join();
      BOOST_TEST(calls == 1);
      BOOST_REQUIRE(pair.connect());
      BOOST_TEST(!pair.signing.tls.answer_awaited());
      BOOST_TEST(s->asked() == 1u);
      check_data(pair);
    }
  }
}

BOOST_AUTO_TEST_CASE(without_a_job_the_thread_waits_for_the_answer) {
  for (const combination& c : all_combinations()) {
    if (c.in_job) continue;
    BOOST_TEST_CONTEXT(describe(c)) {
      const auto here = std::this_thread::get_id();
      std::atomic<bool> elsewhere{false};
      const auto s = std::make_shared<thread_pool_signer>([&](const signature_request& r) {
        elsewhere = std::this_thread::get_id() != here;
        std::vector<std::byte> signature;
        BOOST_TEST(!sign_with(identity_of(c.kind).key.get(), r.scheme(), r.message(), signature));
        return signature;
      });
      const signing_contexts contexts(c.kind, c.version, c.where, s);
      signing_pair pair(contexts, c.where);
      pair.signing.tls.clear_mode(mode::async);
      BOOST_REQUIRE(pair.connect());
      BOOST_TEST(elsewhere);
      BOOST_TEST(pair.signing.tls.stats().suspended_async == 0u);
      check_data(pair);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_digest_and_padding_that_tls_has) {
  struct choice {
    key_kind kind;
    int version;
    const char* list;
    const char* scheme;
  };
  const choice choices[] = {
      {key_kind::rsa2048, TLS1_2_VERSION, "RSA+SHA256", "rsa-pkcs1:SHA256"},
      {key_kind::rsa2048, TLS1_2_VERSION, "RSA+SHA384", "rsa-pkcs1:SHA384"},
      {key_kind::rsa2048, TLS1_2_VERSION, "RSA+SHA512", "rsa-pkcs1:SHA512"},
      {key_kind::rsa2048, TLS1_2_VERSION, "RSA-PSS+SHA256", "rsa-pss:SHA256:32"},
      {key_kind::rsa2048, TLS1_3_VERSION, "RSA-PSS+SHA384", "rsa-pss:SHA384:48"},
      {key_kind::rsa2048, TLS1_3_VERSION, "RSA-PSS+SHA512", "rsa-pss:SHA512:64"},
      {key_kind::p256, TLS1_2_VERSION, "ECDSA+SHA512", "ec:SHA512"},
      {key_kind::p384, TLS1_2_VERSION, "ECDSA+SHA256", "ec:SHA256"},
  };
  for (const choice& c : choices) {
    for (const side where : sides) {
      BOOST_TEST_CONTEXT(c.list << " at " << (where == side::server ? "server" : "client")) {
        const auto s = std::make_shared<calling_signer>(
            [&](const request_ptr& r) { sign_with(identity_of(c.kind).key.get(), *r); });
        const signing_contexts contexts(c.kind, c.version, where, s);
        accept_only(contexts, where, c.list);
        signing_pair pair(contexts, where);
        BOOST_REQUIRE(pair.connect());
        BOOST_REQUIRE(s->schemes.size() == 1u);
        BOOST_TEST(to_string(s->schemes[0]) == c.scheme);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_message_is_what_the_standard_says) {
  for (const side where : sides) {
    const auto s = std::make_shared<held_signer>();
    const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, where, s);
    signing_pair pair(contexts, where);
    pair.advance_to_the_signature();
    const request_ptr r = s->take();
    BOOST_TEST(is_certificate_verify(r->message(), where == side::server ? role::server : role::client));
    BOOST_TEST(!is_certificate_verify(r->message(), where == side::server ? role::client : role::server));
    BOOST_TEST(!is_certificate_verify(r->message().first(r->message().size() - 1), role::server));
    BOOST_TEST(!is_certificate_verify(r->message().subspan(1), role::server));
    BOOST_TEST(!is_certificate_verify({}, role::client));
  }
}

BOOST_AUTO_TEST_CASE(resumption_and_second_handshakes_need_what_they_need) {
  const auto s = std::make_shared<calling_signer>(
      [](const request_ptr& r) { sign_with(identity_of(key_kind::rsa2048).key.get(), *r); });
  signing_contexts contexts(key_kind::rsa2048, TLS1_3_VERSION, side::server, s);
  BOOST_REQUIRE(!contexts.client.resume_sessions());
  for (int i = 0; i < 3; ++i) {
    signing_pair pair(contexts);
    BOOST_REQUIRE(pair.connect());
    BOOST_TEST(pair.server.tls.resumed() == (i != 0));
  }
  BOOST_TEST(s->schemes.size() == 1u); // resumptions prove nothing by a key
  signing_pair pair(contexts);
  BOOST_REQUIRE(pair.connect());
  BOOST_REQUIRE(!pair.server.tls.reset());
  BOOST_REQUIRE(!pair.client.tls.reset());
  contexts.client.forget_sessions();
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(s->schemes.size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
