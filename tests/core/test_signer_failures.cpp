// SPDX-License-Identifier: BSL-1.0
// Does whatever goes wrong with a signer end the handshake, with the error that says what it was, an alert
// for the peer, and nothing that was not verified on the wire?
#include "signers.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <atomic>
#include <condition_variable>
#include <stdexcept>
#include <thread>

BOOST_AUTO_TEST_SUITE(signer_failures)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using side = signing_side;
using bytes = std::vector<std::byte>;
using std::chrono::milliseconds;

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
constexpr side sides[] = {side::server, side::client};

// Every way to a signature, with a signer that answers where it is asked, or never.
void check_failure(key_kind kind, const calling_signer::function& answer, std::error_code expected,
                   std::error_code cause = {}, milliseconds limit = std::chrono::minutes(1)) {
  for (const int version : versions) {
    for (const side where : sides) {
      for (const bool in_job : {true, false}) {
        BOOST_TEST_CONTEXT("key " << static_cast<int>(kind) << ", version " << version << ", side "
                                  << static_cast<int>(where) << ", job " << in_job) {
          const auto s = std::make_shared<calling_signer>(answer);
          const signing_contexts contexts(kind, version, where, s, limit);
          signing_pair pair(contexts, where);
          if (!in_job) pair.signing.tls.clear_mode(mode::async);
          pair.advance_to_the_signature();
          for (int i = 0; i < 10000 && pair.signing.last.why == suspend::want_async; ++i) {
            std::this_thread::sleep_for(milliseconds(1)); // a time limit in the core is a real one
            pair.signing.last = pair.signing.handshake();
          }
          BOOST_TEST(fails(pair.signing.last, expected));
          BOOST_TEST(fails(pair.signing.handshake(), expected));
          BOOST_TEST(s->schemes.size() == 1u);
          BOOST_TEST(pair.signing.tls.last_failure().code == expected);
          BOOST_TEST(pair.signing.tls.last_failure().cause == cause);
          BOOST_TEST(!pair.signing.tls.answer_awaited());
          pair.tell_the_peer();
          BOOST_TEST(fails_for(pair.peer.last, SSL_R_TLSV1_ALERT_INTERNAL_ERROR));
          BOOST_TEST(pair.alerts.received(SSL_AD_INTERNAL_ERROR) == 1);
          BOOST_TEST(pair.peer.tls.state() == connection_state::failed);
        }
      }
    }
  }
}

bytes good_signature(key_kind kind, const signature_request& r) {
  bytes signature;
  BOOST_REQUIRE(!sign_with(identity_of(kind).key.get(), r.scheme(), r.message(), signature));
  return signature;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_signer_that_fails) {
  const auto cause = std::make_error_code(std::errc::connection_refused);
  check_failure(
      key_kind::p256, [&](const request_ptr& r) { r->fail(cause); }, error::signer_failed, cause);
  check_failure(
      key_kind::rsa2048, [](const request_ptr& r) { r->fail({}); }, error::signer_failed);
  check_failure(
      key_kind::p256, [](const request_ptr& r) { r->fail(error::signer_busy); }, error::signer_busy);
}

BOOST_AUTO_TEST_CASE(a_signer_that_throws) {
  const auto cause = std::make_error_code(std::errc::io_error);
  check_failure(
      key_kind::p256, [&](const request_ptr&) { throw std::system_error(cause); }, error::signer_failed,
      cause);
  check_failure(
      key_kind::p256, [](const request_ptr&) { throw std::runtime_error("?"); }, error::signer_failed);
  check_failure(
      key_kind::p256, [](const request_ptr&) { throw 1; }, error::signer_failed);
  check_failure(
      key_kind::p256, [](const request_ptr&) { throw std::bad_alloc(); }, error::signer_failed,
      std::make_error_code(std::errc::not_enough_memory));
}

BOOST_AUTO_TEST_CASE(the_cause_is_in_the_text_of_the_failure) {
  const auto s = std::make_shared<calling_signer>(
      [](const request_ptr& r) { r->fail(std::make_error_code(std::errc::connection_refused)); });
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s);
  signing_pair pair(contexts);
  pair.advance_to_the_signature();
  const std::string text = pair.server.tls.last_failure().to_string();
  BOOST_TEST(text.find("the signer of the private key failed: Connection refused") != std::string::npos,
             text);
  BOOST_TEST(text.find("failed to sign") != std::string::npos, text);
  BOOST_REQUIRE(!pair.server.tls.reset());
  BOOST_TEST(!pair.server.tls.last_failure().cause);
}

BOOST_AUTO_TEST_CASE(a_signer_that_never_answers) {
  std::vector<request_ptr> kept;
  int told = 0;
  check_failure(
      key_kind::p256,
      [&](const request_ptr& r) {
        r->on_abandoned([&] { ++told; });
        kept.push_back(r);
      },
      error::signer_timed_out, {}, milliseconds(3));
  BOOST_TEST(kept.size() == 8u);
  BOOST_TEST(told == 8);
  for (const request_ptr& r : kept) {
    BOOST_TEST(r->abandoned());
    BOOST_TEST(!r->succeed(good_signature(key_kind::p256, *r))); // too late
    BOOST_TEST(!r->fail({}));
  }
}

BOOST_AUTO_TEST_CASE(no_time_at_all) {
  check_failure(
      key_kind::p256, [](const request_ptr&) {}, error::signer_timed_out, {}, milliseconds(0));
  // An answer that is there needs no time.
  const auto s = std::make_shared<inline_signer>(key_of(identity_of(key_kind::p256)));
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s, milliseconds(0));
  BOOST_TEST(signing_pair(contexts).connect());
}

BOOST_AUTO_TEST_CASE(a_signature_of_another_key) {
  for (const key_kind kind : {key_kind::p256}) {
    check_failure(
        kind, [](const request_ptr& r) { sign_with(client_identity().key.get(), *r); },
        error::wrong_signature);
  }
  static const private_key other_rsa(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}),
                                     &EVP_PKEY_free);
  static const private_key other_ed(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
  check_failure(
      key_kind::rsa2048, [](const request_ptr& r) { sign_with(other_rsa.get(), *r); },
      error::wrong_signature);
  check_failure(
      key_kind::ed25519, [](const request_ptr& r) { sign_with(other_ed.get(), *r); }, error::wrong_signature);
  // Not even of the right kind: noticed before it is tried.
  check_failure(
      key_kind::p256, [](const request_ptr& r) { sign_with(other_rsa.get(), *r); }, error::key_mismatch);
}

BOOST_AUTO_TEST_CASE(a_signature_of_something_else) {
  for (const key_kind kind : all_key_kinds) {
    check_failure(
        kind,
        [kind](const request_ptr& r) {
          bytes other(r->message().begin(), r->message().end());
          other.back() ^= std::byte{1};
          bytes signature;
          BOOST_REQUIRE(!sign_with(identity_of(kind).key.get(), r->scheme(), other, signature));
          r->succeed(signature);
        },
        error::wrong_signature);
  }
}

BOOST_AUTO_TEST_CASE(a_signature_with_another_padding) {
  check_failure(
      key_kind::rsa2048,
      [](const request_ptr& r) {
        signing_scheme other = r->scheme();
        other.padding = signing_scheme::rsa_padding::pkcs1;
        bytes signature;
        BOOST_REQUIRE(!sign_with(identity_of(key_kind::rsa2048).key.get(), other, r->message(), signature));
        r->succeed(signature);
      },
      error::wrong_signature);
}

BOOST_AUTO_TEST_CASE(garbage_instead_of_a_signature) {
  for (const key_kind kind : all_key_kinds) {
    const auto with = [kind](auto change) {
      check_failure(
          kind, [&](const request_ptr& r) { r->succeed(change(good_signature(kind, *r))); },
          error::wrong_signature);
    };
    with([](bytes) { return bytes(); });
    with([](bytes s) { return bytes(s.size(), std::byte{0}); });
    with([](bytes s) { return bytes(s.size(), std::byte{0xff}); });
    with([](bytes) { return bytes(1); });
    with([](bytes) { return bytes(100'000, std::byte{0x30}); });
    with([](bytes s) {
      s.pop_back();
      return s;
    });
    with([](bytes s) { // also DER that goes on behind its end
      s.push_back(std::byte{0});
      return s;
    });
    with([](bytes s) {
      s.front() ^= std::byte{0x40};
      return s;
    });
  }
}

BOOST_AUTO_TEST_CASE(only_the_first_answer_counts) {
  const identity& who = identity_of(key_kind::p256);
  const auto s = std::make_shared<calling_signer>([&](const request_ptr& r) {
    const bytes good = good_signature(key_kind::p256, *r);
    BOOST_TEST(r->succeed(good));
    BOOST_TEST(!r->succeed(bytes(10)));
    BOOST_TEST(!r->fail(error::signer_busy));
    BOOST_TEST(!r->succeed(good));
    sign_with(who.key.get(), *r);
    BOOST_TEST(!r->abandoned());
  });
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s);
  BOOST_TEST(signing_pair(contexts).connect());
}

BOOST_AUTO_TEST_CASE(the_answering_thread_s_errors_stay_as_they_are) {
  for (const key_kind kind : all_key_kinds) {
    const auto s = std::make_shared<held_signer>();
    const signing_contexts contexts(kind, TLS1_3_VERSION, side::server, s);
    signing_pair pair(contexts);
    pair.advance_to_the_signature();
    ERR_raise(ERR_LIB_USER, 7);
    const unsigned long before = ERR_peek_last_error();
    bytes garbage = good_signature(kind, *s->take());
    pair.server.tls.cancel_handshake();
    BOOST_REQUIRE(stops(pair.server.handshake(), suspend::want_async));
    ERR_raise(ERR_LIB_USER, 7);
    garbage.back() ^= std::byte{1};
    s->take()->succeed(garbage);
    BOOST_TEST(ERR_GET_REASON(ERR_peek_last_error()) == ERR_GET_REASON(before));
    BOOST_TEST(ERR_GET_LIB(ERR_peek_last_error()) == ERR_GET_LIB(before));
    BOOST_TEST(fails(pair.server.handshake(), error::wrong_signature));
  }
}

BOOST_AUTO_TEST_CASE(the_error_of_a_foreign_connection_is_openssl_s) {
  const auto s = std::make_shared<calling_signer>([](const request_ptr& r) { r->fail({}); });
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s);
  const std::unique_ptr<SSL, decltype([](SSL* p) { SSL_free(p); })> ssl(
      SSL_new(contexts.server.native_handle()));
  endpoint client(contexts.client, role::client);
  BOOST_REQUIRE(!client.tls.set_host(server_name));
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), in, out);
  client.handshake();
  const auto hello = client.wire.output();
  BOOST_REQUIRE(BIO_write(in, hello.data(), static_cast<int>(hello.size())) > 0);
  const int rc = SSL_accept(ssl.get());
  BOOST_TEST(SSL_get_error(ssl.get(), rc) == SSL_ERROR_SSL);
  BOOST_TEST(std::string(ERR_reason_error_string(ERR_peek_error())) == "failed to sign");
  ERR_clear_error();
}

// ---- the pool ----

BOOST_AUTO_TEST_CASE(a_full_queue_is_an_error_and_not_a_wait) {
  struct {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    int begun = 0;
  } gate;
  const auto wait_for = [&](auto condition) {
    std::unique_lock lock(gate.mutex);
    gate.changed.wait(lock, condition);
  };
  auto s = std::make_shared<thread_pool_signer>(
      [&](const signature_request& r) {
        {
          const std::lock_guard lock(gate.mutex);
          ++gate.begun;
        }
        gate.changed.notify_all();
        wait_for([&] { return gate.open; });
        return good_signature(key_kind::p256, r);
      },
      1, 2);
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s);
  std::vector<std::unique_ptr<signing_pair>> pairs;
  const auto add = [&]() -> signing_pair& {
    pairs.push_back(std::make_unique<signing_pair>(contexts));
    pairs.back()->advance_to_the_signature();
    return *pairs.back();
  };
  add();
  wait_for([&] { return gate.begun == 1; }); // the thread has it
  add();
  signing_pair& third = add();
  BOOST_TEST(s->waiting() == 2u);
  signing_pair& refused = add();
  BOOST_TEST(fails(refused.signing.last, error::signer_busy));
  refused.tell_the_peer();
  BOOST_TEST(refused.alerts.received(SSL_AD_INTERNAL_ERROR) == 1);
  // Who gives up makes room.
  third.server.tls.cancel_handshake();
  signing_pair& fifth = add();
  BOOST_TEST(stops(fifth.signing.last, suspend::want_async));
  {
    const std::lock_guard lock(gate.mutex);
    gate.open = true;
  }
  gate.changed.notify_all();
  for (const auto i : {0, 1, 4}) {
    signing_pair& pair = *pairs[static_cast<std::size_t>(i)];
    while (pair.server.handshake().why == suspend::want_async) std::this_thread::yield();
    BOOST_TEST(pair.connect());
  }
  BOOST_TEST(gate.begun == 3); // neither the refused one nor who gave up
}

BOOST_AUTO_TEST_CASE(who_is_not_waited_for_when_his_turn_comes_is_dropped) {
  std::mutex blocked;
  std::atomic<int> begun{0};
  const auto s = std::make_shared<thread_pool_signer>([&](const signature_request& r) {
    ++begun;
    const std::lock_guard lock(blocked);
    return good_signature(key_kind::p256, r);
  });
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s);
  std::unique_lock lock(blocked);
  std::vector<std::unique_ptr<signing_pair>> pairs;
  for (int i = 0; i < 3; ++i) {
    pairs.push_back(std::make_unique<signing_pair>(contexts));
    pairs.back()->advance_to_the_signature();
  }
  while (begun == 0) std::this_thread::yield();
  pairs[1].reset(); // the second connection goes away while it waits
  lock.unlock();
  for (const int i : {0, 2}) {
    signing_pair& pair = *pairs[static_cast<std::size_t>(i)];
    while (pair.server.handshake().why == suspend::want_async) std::this_thread::yield();
    BOOST_TEST(pair.connect());
  }
  BOOST_TEST(begun == 2);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_pool_is_an_answer) {
  std::mutex blocked;
  std::atomic<int> begun{0};
  auto owner = std::make_shared<held_signer>(); // to get requests
  const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, owner);
  std::vector<std::unique_ptr<signing_pair>> pairs;
  for (int i = 0; i < 3; ++i) {
    pairs.push_back(std::make_unique<signing_pair>(contexts));
    pairs.back()->advance_to_the_signature();
  }
  blocked.lock();
  auto pool = std::make_unique<thread_pool_signer>([&](const signature_request& r) {
    ++begun;
    const std::lock_guard lock(blocked);
    return good_signature(key_kind::p256, r);
  });
  for (int i = 0; i < 3; ++i) pool->sign(owner->take());
  while (begun == 0) std::this_thread::yield();
  std::thread destroyer([&] { pool.reset(); });
  // Those that wait are answered while the first is still being signed.
  for (const int i : {1, 2}) {
    endpoint& server = pairs[static_cast<std::size_t>(i)]->server;
    while ((server.last = server.handshake()).why == suspend::want_async) std::this_thread::yield();
    BOOST_TEST(fails(server.last, error::signer_failed));
  }
  blocked.unlock();
  destroyer.join();
  BOOST_TEST(begun == 1);
  BOOST_TEST(pairs[0]->connect()); // and the first has its signature
}

BOOST_AUTO_TEST_CASE(what_a_pool_s_function_throws) {
  struct refusal {
    std::function<void()> thrower;
    std::error_code cause;
  };
  const auto io = std::make_error_code(std::errc::io_error);
  const refusal all[] = {{[&] { throw std::system_error(io); }, io},
                         {[] { throw std::runtime_error("?"); }, {}},
                         {[] { throw std::bad_alloc(); }, std::make_error_code(std::errc::not_enough_memory)},
                         {[] { throw 1; }, {}}};
  for (const refusal& r : all) {
    const auto s = std::make_shared<thread_pool_signer>([&](const signature_request&) -> bytes {
      r.thrower();
      return {};
    });
    const signing_contexts contexts(key_kind::p256, TLS1_3_VERSION, side::server, s);
    signing_pair pair(contexts);
    pair.advance_to_the_signature();
    while (pair.server.last.why == suspend::want_async) pair.server.last = pair.server.handshake();
    BOOST_TEST(fails(pair.server.last, error::signer_failed));
    BOOST_TEST(pair.server.tls.last_failure().cause == r.cause);
  }
}

BOOST_AUTO_TEST_SUITE_END()
