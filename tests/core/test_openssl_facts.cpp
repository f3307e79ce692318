// SPDX-License-Identifier: BSL-1.0
// What the engine relies on, or guards against, in OpenSSL's asynchronous mode: is OpenSSL still as it was
// measured? No engine here, only OpenSSL. A failure says that the engine has to be looked at again.
#include "job_pauser.hpp"
#include "job_pool.hpp"
#include "test_certificates.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>
#include <memory>
#include <string>

BOOST_AUTO_TEST_SUITE(openssl_facts)

namespace {

using namespace tlsmode::test;
using point = job_pauser::point;

struct free_ssl {
  void operator()(SSL* s) const noexcept { SSL_free(s); }
};
struct free_context {
  void operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }
};

// Two plain SSL objects over memory; the client has asynchronous mode.
struct plain_pair {
  explicit plain_pair(bool async = true) {
    SSL_CTX_use_certificate(server_context.get(), server_identity().certificate.get());
    SSL_CTX_use_PrivateKey(server_context.get(), server_identity().key.get());
    client.reset(SSL_new(client_context.get()));
    server.reset(SSL_new(server_context.get()));
    BIO* one = nullptr;
    BIO* other = nullptr;
    BOOST_REQUIRE(BIO_new_bio_pair(&one, 1 << 20, &other, 1 << 20) == 1);
    SSL_set_bio(client.get(), one, one);
    SSL_set_bio(server.get(), other, other);
    SSL_set_connect_state(client.get());
    SSL_set_accept_state(server.get());
    if (async) SSL_set_mode(client.get(), SSL_MODE_ASYNC);
    pauser.emplace(client.get());
  }
  void connect() {
    for (int i = 0; i < 10; ++i) {
      SSL_do_handshake(client.get());
      SSL_do_handshake(server.get());
    }
    BOOST_REQUIRE((SSL_is_init_finished(client.get()) && SSL_is_init_finished(server.get())));
    char room[10];
    SSL_read(client.get(), room, sizeof room); // the tickets
  }
  [[nodiscard]] std::string server_reads() {
    std::string room(1000, '\0');
    const int n = SSL_read(server.get(), room.data(), static_cast<int>(room.size()));
    return room.substr(0, static_cast<std::size_t>(std::max(n, 0)));
  }
  std::unique_ptr<SSL_CTX, free_context> client_context{SSL_CTX_new(TLS_client_method())};
  std::unique_ptr<SSL_CTX, free_context> server_context{SSL_CTX_new(TLS_server_method())};
  std::unique_ptr<SSL, free_ssl> client;
  std::unique_ptr<SSL, free_ssl> server;
  std::optional<job_pauser> pauser;
};

} // namespace

BOOST_AUTO_TEST_CASE(another_call_resumes_a_paused_write_and_its_arguments_are_ignored) {
  plain_pair p;
  p.connect();
  const std::string data(100, 'x');
  p.pauser->arm(point::record_out);
  BOOST_TEST(SSL_write(p.client.get(), data.data(), 100) == -1);
  BOOST_TEST(SSL_get_error(p.client.get(), -1) == SSL_ERROR_WANT_ASYNC);
  p.pauser->release();
  char room[200];
  std::memset(room, '?', sizeof room);
  BOOST_TEST(SSL_read(p.client.get(), room, sizeof room) == 100); // so many were written
  BOOST_TEST(std::string(room, sizeof room) == std::string(200, '?'));
  BOOST_TEST(p.server_reads() == data);
}

BOOST_AUTO_TEST_CASE(a_paused_write_keeps_the_pointer_that_it_was_given) {
  plain_pair p;
  p.connect();
  SSL_set_mode(p.client.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  std::string first(100, 'a');
  const std::string second(50, 'b');
  p.pauser->arm(point::record_out);
  BOOST_TEST(SSL_write(p.client.get(), first.data(), 100) == -1);
  p.pauser->release();
  BOOST_TEST(SSL_write(p.client.get(), second.data(), 50) == 100);
  BOOST_TEST(p.server_reads() == std::string(100, 'a'));
}

BOOST_AUTO_TEST_CASE(a_paused_read_keeps_the_pointer_that_it_was_given) {
  plain_pair p;
  p.connect();
  BOOST_TEST(SSL_write(p.server.get(), "hello", 5) == 5);
  p.pauser->arm(point::record_in);
  char first[10] = {};
  char second[10] = {};
  BOOST_TEST(SSL_read(p.client.get(), first, sizeof first) == -1);
  p.pauser->release();
  BOOST_TEST(SSL_read(p.client.get(), second, sizeof second) == 5);
  BOOST_TEST(std::string(first, 5) == "hello");
  BOOST_TEST(second[0] == '\0');
}

BOOST_AUTO_TEST_CASE(a_shutdown_that_resumes_a_read_says_that_all_is_done_and_sends_nothing) {
  plain_pair p;
  p.connect();
  BOOST_TEST(SSL_write(p.server.get(), "hello", 5) == 5);
  p.pauser->arm(point::record_in);
  char room[10] = {};
  BOOST_TEST(SSL_read(p.client.get(), room, sizeof room) == -1);
  p.pauser->release();
  BOOST_TEST(SSL_shutdown(p.client.get()) == 1);
  BOOST_TEST((SSL_get_shutdown(p.client.get()) & SSL_SENT_SHUTDOWN) == 0);
}

BOOST_AUTO_TEST_CASE(an_error_queued_before_a_pause_hides_it) {
  plain_pair p;
  p.pauser->arm(point::record_out);
  p.pauser->raise_errors();
  const int rc = SSL_do_handshake(p.client.get());
  BOOST_TEST(SSL_get_error(p.client.get(), rc) == SSL_ERROR_SSL);
  BOOST_TEST(SSL_waiting_for_async(p.client.get()) == 1);
  ERR_clear_error();
  p.pauser->release();
  SSL_do_handshake(p.client.get());
  BOOST_TEST(SSL_waiting_for_async(p.client.get()) == 0);
  ERR_clear_error();
}

BOOST_AUTO_TEST_CASE(an_ordinary_wait_ends_the_job) {
  with_job_pool(1, [] {
    plain_pair one;
    plain_pair other;
    for (int i = 0; i < 3; ++i) { // neither holds the only slot
      for (plain_pair* p : {&one, &other}) {
        const int rc = SSL_do_handshake(p->client.get());
        BOOST_TEST(SSL_get_error(p->client.get(), rc) == SSL_ERROR_WANT_READ);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(a_full_pool_captures_nothing) {
  with_job_pool(1, [] {
    plain_pair one;
    plain_pair other;
    one.pauser->arm(point::record_out);
    BOOST_TEST(SSL_get_error(one.client.get(), SSL_do_handshake(one.client.get())) == SSL_ERROR_WANT_ASYNC);
    BOOST_TEST(SSL_get_error(other.client.get(), SSL_do_handshake(other.client.get())) ==
               SSL_ERROR_WANT_ASYNC_JOB);
    BOOST_TEST(SSL_waiting_for_async(other.client.get()) == 0);
    BOOST_TEST(other.pauser->pauses() == 0);
    BOOST_TEST(BIO_ctrl_pending(SSL_get_rbio(other.server.get())) == 0u);
    one.pauser->release();
    SSL_do_handshake(one.client.get());
    SSL_do_handshake(other.client.get());
  });
}

BOOST_AUTO_TEST_CASE(a_pool_must_not_begin_with_more_than_it_may_have) {
  std::thread([] {
    BOOST_TEST(ASYNC_init_thread(1, 2) == 0);
    ERR_clear_error();
    ASYNC_cleanup_thread();
  }).join();
}

BOOST_AUTO_TEST_CASE(outside_a_job_a_pause_is_none) {
  BOOST_TEST((ASYNC_get_current_job() == nullptr));
  BOOST_TEST(ASYNC_pause_job() == 1);
}

BOOST_AUTO_TEST_CASE(before_the_first_job_nobody_says_how_many_descriptors_there_are) {
  plain_pair p;
  std::size_t n = 12345;
  SSL_get_all_async_fds(p.client.get(), nullptr, &n);
  BOOST_TEST(n == 12345u);
}

BOOST_AUTO_TEST_CASE(a_callback_that_is_set_after_the_first_job_is_never_called) {
  for (const bool in_time : {true, false}) {
    plain_pair p;
    int calls = 0;
    const auto set = [&] {
      SSL_set_async_callback(p.client.get(), [](SSL*, void* n) { return ++*static_cast<int*>(n); });
      SSL_set_async_callback_arg(p.client.get(), &calls);
    };
    if (in_time) set();
    SSL_do_handshake(p.client.get()); // a job, if one that does not pause
    if (!in_time) set();
    SSL_do_handshake(p.server.get());
    p.pauser->arm(point::record_in);
    p.pauser->promise_callback();
    SSL_do_handshake(p.client.get());
    BOOST_REQUIRE(SSL_waiting_for_async(p.client.get()) == 1);
    p.pauser->call_back();
    BOOST_TEST(calls == (in_time ? 1 : 0));
    p.pauser->release();
    SSL_do_handshake(p.client.get());
  }
}

BOOST_AUTO_TEST_CASE(a_failed_read_leaves_its_count_alone) {
  plain_pair p(false);
  p.connect();
  char room[10];
  std::size_t n = 7;
  BOOST_TEST(SSL_read_ex(p.client.get(), room, sizeof room, &n) == 0);
  BOOST_TEST(n == 7u);
}

// On a server it does not make the handshake wait: the certificate counts as verified.
BOOST_AUTO_TEST_CASE(a_server_that_asks_for_time_to_verify_has_verified) {
  plain_pair p(false);
  SSL_set_verify(p.server.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                 [](int, X509_STORE_CTX* store) {
                   const int index = SSL_get_ex_data_X509_STORE_CTX_idx();
                   return static_cast<int>(
                       SSL_set_retry_verify(static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, index))));
                 });
  SSL_use_certificate(p.client.get(), stranger().certificate.get());
  SSL_use_PrivateKey(p.client.get(), stranger().key.get());
  p.connect(); // and should not
  BOOST_TEST((SSL_get0_peer_certificate(p.server.get()) != nullptr));
}

BOOST_AUTO_TEST_SUITE_END()
