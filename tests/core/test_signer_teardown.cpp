// SPDX-License-Identifier: BSL-1.0
// Does a connection that is given up, or goes away, while its signature is outstanding leave nothing behind,
// and does one slow signer leave the thread to other handshakes?
#include "heap_counter.hpp"
#include "signers.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <thread>

BOOST_AUTO_TEST_SUITE(signer_teardown)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using side = signing_side;

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
constexpr side sides[] = {side::server, side::client};

// A copy of a key. OpenSSL blinds a private RSA key with numbers that it makes anew every 32 signatures, at
// times a word longer, and keeps with the key: with a copy they are gone, and the heap is as it was.
private_key copy_of(key_kind kind) {
  return private_key(EVP_PKEY_dup(identity_of(kind).key.get()), &EVP_PKEY_free);
}

// Runs `once` often; the heap and the number of job stacks must be the same after each time.
void check_no_leak(const std::function<void()>& once) {
  BOOST_REQUIRE(heap_is_counted());
  for (int i = 0; i < 3; ++i) once(); // what OpenSSL makes once and keeps
  const std::size_t bytes = heap_bytes();
  const std::size_t stacks = job_stacks();
  const std::uint64_t abandoned = abandoned_jobs();
  for (int i = 0; i < 100; ++i) {
    once();
    BOOST_REQUIRE(heap_bytes() == bytes);
    BOOST_REQUIRE(job_stacks() == stacks);
  }
  BOOST_TEST(abandoned_jobs() == abandoned);
}

void sign(const request_ptr& r, key_kind kind = key_kind::p256) { sign_with(copy_of(kind).get(), *r); }

} // namespace

BOOST_AUTO_TEST_CASE(a_connection_that_goes_away_before_the_answer) {
  for (const side where : sides) {
    for (const int version : versions) {
      const auto s = std::make_shared<held_signer>();
      const signing_contexts contexts(key_kind::rsa2048, version, where, s);
      check_no_leak([&] {
        request_ptr r;
        int told = 0;
        {
          signing_pair pair(contexts, where);
          pair.advance_to_the_signature();
          r = s->take();
          r->on_abandoned([&] { ++told; });
          BOOST_REQUIRE(!r->abandoned());
        }
        BOOST_REQUIRE(told == 1);
        BOOST_REQUIRE(r->abandoned());
        std::thread([&] { sign(r, key_kind::rsa2048); }).join(); // too late, and harmless
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(a_connection_that_goes_away_with_the_answer_there) {
  const auto s = std::make_shared<held_signer>();
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s);
  check_no_leak([&] {
    signing_pair pair(contexts);
    pair.advance_to_the_signature();
    sign(s->take());
  });
}

BOOST_AUTO_TEST_CASE(a_finished_handshake_leaves_nothing) {
  for (const key_kind kind : all_key_kinds) {
    const auto s = std::make_shared<held_signer>();
    const signing_contexts contexts(kind, TLS1_3_VERSION, side::server, s);
    check_no_leak([&] {
      signing_pair pair(contexts);
      pair.advance_to_the_signature();
      sign(s->take(), kind);
      BOOST_REQUIRE(pair.connect());
    });
  }
}

BOOST_AUTO_TEST_CASE(contexts_and_keys_leave_nothing) {
  check_no_leak([] {
    const auto s = std::make_shared<inline_signer>(copy_of(key_kind::rsa2048));
    const signing_contexts contexts(key_kind::rsa2048, TLS1_3_VERSION, side::server, s);
    signing_pair pair(contexts);
    BOOST_REQUIRE(pair.connect());
  });
}

BOOST_AUTO_TEST_CASE(a_failed_handshake_leaves_nothing) {
  const auto s = std::make_shared<held_signer>();
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s);
  check_no_leak([&] {
    signing_pair pair(contexts);
    pair.advance_to_the_signature();
    s->take()->succeed({});
    BOOST_REQUIRE(fails(pair.server.handshake(), error::wrong_signature));
  });
}

BOOST_AUTO_TEST_CASE(a_cancelled_handshake_asks_again) {
  for (const side where : sides) {
    const auto s = std::make_shared<held_signer>();
    const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, where, s);
    check_no_leak([&] {
      signing_pair pair(contexts, where);
      pair.advance_to_the_signature();
      for (int i = 0; i < 3; ++i) {
        const request_ptr given_up = s->take();
        pair.signing.tls.cancel_handshake();
        BOOST_REQUIRE(given_up->abandoned());
        sign(given_up); // nobody takes it
        BOOST_REQUIRE(s->held() == 0u);
        BOOST_REQUIRE(stops(pair.signing.handshake(), suspend::want_async));
        BOOST_REQUIRE(s->held() == 1u);
      }
      sign(s->take());
      BOOST_REQUIRE(pair.connect());
    });
  }
}

BOOST_AUTO_TEST_CASE(an_answer_and_then_the_cancellation) {
  const auto s = std::make_shared<held_signer>();
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s);
  signing_pair pair(contexts);
  pair.advance_to_the_signature();
  sign(s->take());
  pair.server.tls.cancel_handshake();
  BOOST_TEST(pair.connect()); // it is not lost
  BOOST_TEST(s->asked() == 1u);
}

BOOST_AUTO_TEST_CASE(a_reset_connection_asks_anew) {
  const auto s = std::make_shared<held_signer>();
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s);
  check_no_leak([&] {
    signing_pair pair(contexts);
    pair.advance_to_the_signature();
    const request_ptr first = s->take();
    BOOST_REQUIRE(!pair.server.tls.reset());
    BOOST_REQUIRE(first->abandoned());
    BOOST_REQUIRE(!pair.client.tls.reset());
    for (endpoint* e : {&pair.client, &pair.server}) {
      e->wire.consume(e->wire.output().size());
      e->wire = memory_transport();
    }
    pair.advance_to_the_signature();
    sign(s->take());
    BOOST_REQUIRE(pair.connect());
  });
}

BOOST_AUTO_TEST_CASE(a_signer_outlives_its_last_context_as_long_as_it_is_asked) {
  auto s = std::make_shared<held_signer>();
  const std::weak_ptr<held_signer> watch = s;
  {
    auto contexts = std::make_unique<signing_contexts>(key_kind::p256, TLS1_3_VERSION, side::server, s);
    signing_pair pair(*contexts);
    contexts.reset();
    pair.advance_to_the_signature();
    held_signer& still = *s;
    s.reset();
    sign(still.take());
    BOOST_TEST(pair.connect());
    BOOST_TEST(!watch.expired());
  }
  BOOST_TEST(watch.expired());
}

BOOST_AUTO_TEST_CASE(handshakes_on_one_thread_wait_together) {
  constexpr std::size_t connections = 64;
  for (const int version : versions) {
    const auto s = std::make_shared<held_signer>();
    const signing_contexts contexts(key_kind::rsa2048, version, side::server, s);
    std::vector<std::unique_ptr<signing_pair>> pairs;
    for (std::size_t i = 0; i < connections; ++i) {
      pairs.push_back(std::make_unique<signing_pair>(contexts));
      pairs.back()->advance_to_the_signature();
    }
    BOOST_TEST(s->held() == connections); // all at once are with the signer
    std::thread slow([&] {
      for (std::size_t i = 0; i < connections; ++i) sign(s->take(), key_kind::rsa2048);
    });
    std::size_t done = 0;
    std::vector<bool> finished(connections);
    while (done < connections) {
      for (std::size_t i = 0; i < connections; ++i) {
        if (finished[i] || pairs[i]->server.handshake().why == suspend::want_async) continue;
        BOOST_REQUIRE(pairs[i]->connect());
        finished[i] = true;
        ++done;
      }
    }
    slow.join();
    BOOST_TEST(s->asked() == connections);
  }
}

BOOST_AUTO_TEST_CASE(a_pool_signs_for_many_at_a_time) {
  constexpr std::size_t connections = 64;
  const auto s = std::make_shared<thread_pool_signer>(key_of(identity_of(key_kind::rsa2048)), 2, connections);
  const signing_contexts contexts(key_kind::rsa2048, TLS1_3_VERSION, side::server, s);
  std::vector<std::unique_ptr<signing_pair>> pairs;
  for (std::size_t i = 0; i < connections; ++i) {
    pairs.push_back(std::make_unique<signing_pair>(contexts));
    pairs.back()->advance_to_the_signature();
  }
  for (const auto& pair : pairs) {
    while (pair->server.handshake().why == suspend::want_async) std::this_thread::yield();
    BOOST_TEST(pair->connect());
  }
  BOOST_TEST(s->waiting() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
