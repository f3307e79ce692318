// SPDX-License-Identifier: BSL-1.0
// Does every reason of OpenSSL to stop come out under its own name, and does the handshake go on afterwards?
#include "job_pauser.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/async.h>
#include <openssl/ssl.h>

#include <set>
#include <thread>

BOOST_AUTO_TEST_SUITE(suspensions)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// How often a callback still asks to be called again.
int refusals = 0;

bool not_yet() { return refusals > 0 && refusals-- > 0; }

// Shakes hands with `refusals` = 3; `e` must stop three times for `why` and then succeed.
void check_reason(memory_pair& pair, endpoint& e, suspend why) {
  refusals = 3;
  int seen = 0;
  for (int i = 0; i < 20 && !(pair.client.last.complete() && pair.server.last.complete()); ++i) {
    pair.advance();
    if (e.last.why == why) ++seen;
    BOOST_REQUIRE(!e.last.error);
  }
  BOOST_TEST(seen == 3);
  BOOST_TEST(completes(pair.client.last));
  BOOST_TEST(completes(pair.server.last));
  BOOST_TEST(e.tls.stats().suspended_other == 3u);
  refusals = 0;
}

context with_version(context ctx, int version) {
  SSL_CTX_set_max_proto_version(ctx.native_handle(), version);
  return ctx;
}

// A client that asks for time before it verifies (SSL_set_retry_verify(3): return 1 meanwhile).
context slowly_verifying_client() {
  context ctx = client_context();
  SSL_CTX_set_cert_verify_callback(
      ctx.native_handle(),
      [](X509_STORE_CTX* store, void*) {
        const int index = SSL_get_ex_data_X509_STORE_CTX_idx();
        auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, index));
        return not_yet() ? static_cast<int>(SSL_set_retry_verify(ssl)) : X509_verify_cert(store);
      },
      nullptr);
  return ctx;
}

} // namespace

BOOST_AUTO_TEST_CASE(every_reason_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(suspend::want_turn); ++i)
    names.insert(to_string(static_cast<suspend>(i)));
  BOOST_TEST(names.size() == static_cast<std::size_t>(suspend::want_turn) + 1);
  BOOST_TEST(names.count("?") == 0u);
  BOOST_TEST(to_string(suspend::want_client_hello) == "want_client_hello");
}

BOOST_AUTO_TEST_CASE(want_client_hello) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const context server = with_version(server_context(), version);
    SSL_CTX_set_client_hello_cb(
        server.native_handle(),
        [](SSL*, int*, void*) { return not_yet() ? SSL_CLIENT_HELLO_RETRY : SSL_CLIENT_HELLO_SUCCESS; },
        nullptr);
    memory_pair pair(client_context(), server);
    check_reason(pair, pair.server, suspend::want_client_hello);
  }
}

BOOST_AUTO_TEST_CASE(want_certificate) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const context server = with_version(server_context(), version);
    SSL_CTX_set_cert_cb(
        server.native_handle(), [](SSL*, void*) { return not_yet() ? -1 : 1; }, nullptr);
    memory_pair pair(client_context(), server);
    check_reason(pair, pair.server, suspend::want_certificate);
  }
}

BOOST_AUTO_TEST_CASE(want_verify) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    memory_pair pair(slowly_verifying_client(), with_version(server_context(), version));
    check_reason(pair, pair.client, suspend::want_verify);
  }
}

BOOST_AUTO_TEST_CASE(a_refusal_after_a_wait_is_still_a_refusal) {
  memory_pair pair(slowly_verifying_client(), server_context(stranger()));
  refusals = 2;
  for (int i = 0; i < 10 && !pair.client.last.error; ++i) pair.advance();
  BOOST_TEST(fails_for(pair.client.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
  BOOST_TEST(refusals == 0);
}

// A thread whose pool holds one job: another connection has to wait for the first one's.
BOOST_AUTO_TEST_CASE(want_async_job) {
  std::thread([] {
    BOOST_REQUIRE(ASYNC_init_thread(1, 0) == 1);
    {
      context server = server_context();
      server.set_mode(mode::async);
      memory_pair first(client_context(), server);
      memory_pair second(client_context(), server);
      job_pauser pauser(first.server.native());
      pauser.arm(job_pauser::point::certificate);
      first.advance();
      BOOST_TEST(stops(first.server.last, suspend::want_async));
      for (int i = 0; i < 3; ++i) {
        second.advance();
        BOOST_TEST(stops(second.server.last, suspend::want_async_job));
        BOOST_TEST(!second.server.tls.job_paused());
      }
      BOOST_TEST(second.server.tls.stats().suspended_async == 3u);
      pauser.release();
      BOOST_TEST(first.connect());
      BOOST_TEST(second.connect());
    }
    ASYNC_cleanup_thread();
  }).join();
}

BOOST_AUTO_TEST_CASE(want_async_job_on_the_data_path_loses_nothing) {
  std::thread([] {
    BOOST_REQUIRE(ASYNC_init_thread(1, 0) == 1);
    {
      memory_pair first;
      memory_pair second;
      BOOST_REQUIRE(first.connect());
      BOOST_REQUIRE(second.connect());
      for (memory_pair* pair : {&first, &second}) {
        pair->client.tls.set_mode(mode::async);
        pair->client.tls.set_job_scope(job_scope::all);
      }
      job_pauser pauser(first.client.native());
      pauser.arm(job_pauser::point::record_out);
      BOOST_TEST(stops(first.client.write("first"), suspend::want_async));
      const std::string data = pattern(40'000);
      std::string room(10, '\0');
      for (int i = 0; i < 3; ++i) {
        BOOST_TEST(stops(second.client.write(data), suspend::want_async_job));
        BOOST_TEST(stops(second.client.read(room), suspend::want_async_job));
      }
      BOOST_TEST(second.client.tls.unfinished_write() == 0u);
      pauser.release();
      BOOST_TEST(completes(first.client.write("first"), 5));
      BOOST_TEST(completes(second.client.write(data), data.size()));
      second.settle();
      BOOST_TEST(same_bytes(second.server.read_all(), data));
    }
    ASYNC_cleanup_thread();
  }).join();
}

BOOST_AUTO_TEST_SUITE_END()
