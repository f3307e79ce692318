// SPDX-License-Identifier: BSL-1.0
// Invariant 10, as far as one thread goes: does a connection that is destroyed while its job is paused leave
// nothing behind, and is a job that cannot be ended counted and left alone?
#include "job_pauser.hpp"
#include "leak_check.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/async.h>
#include <openssl/ssl.h>

#include <functional>
#include <future>
#include <memory>
#include <thread>

BOOST_AUTO_TEST_SUITE(job_teardown)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

context async_server() {
  context ctx = server_context();
  ctx.set_mode(mode::async);
  return ctx;
}

// A server connection whose job is paused in a handshake.
struct paused_handshake {
  explicit paused_handshake(const context& client, const context& server)
      : pair(std::make_unique<memory_pair>(client, server)), pauser(pair->server.native()) {
    pauser.arm(point::certificate);
    pair->advance();
    BOOST_REQUIRE(stops(pair->server.last, suspend::want_async));
  }
  std::unique_ptr<memory_pair> pair;
  job_pauser pauser;
};

// Ends a job that an engine has given up, so that the program does not leak. Its transport is gone.
void end_orphan(SSL* ssl) {
  SSL_set0_rbio(ssl, BIO_new(BIO_s_null()));
  SSL_set0_wbio(ssl, BIO_new(BIO_s_null()));
  for (int i = 0; i < 10 && SSL_waiting_for_async(ssl) == 1; ++i) SSL_do_handshake(ssl);
  BOOST_TEST(SSL_waiting_for_async(ssl) == 0);
  SSL_free(ssl);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_paused_handshake_leaves_nothing) {
  const context client = client_context();
  const context server = async_server();
  check_no_leak([&] {
    paused_handshake h(client, server);
    h.pauser.release();
    h.pair.reset();
  });
}

BOOST_AUTO_TEST_CASE(a_job_that_pauses_again_is_ended_too) {
  const context client = client_context();
  const context server = async_server();
  check_no_leak([&] {
    paused_handshake h(client, server);
    h.pauser.arm_every_time(point::record_out);
    h.pair.reset();
  });
}

BOOST_AUTO_TEST_CASE(paused_operations_on_data_leave_nothing) {
  const context client = client_context();
  const context server = async_server();
  const auto with = [&](point where, bool peer_closes, const std::function<step(endpoint&)>& operation) {
    check_no_leak([&] {
      memory_pair pair(client, server);
      BOOST_REQUIRE(pair.connect());
      BOOST_REQUIRE(completes(pair.client.write("something to read"), 17));
      if (peer_closes) {
        pair.settle();
        pair.server.read_all();
        BOOST_REQUIRE(completes(pair.client.shutdown(shutdown_form::send_only)));
        pair.settle();
        pair.server.read_all();
      }
      pair.settle();
      pair.server.tls.set_job_scope(job_scope::all);
      job_pauser pauser(pair.server.native());
      pauser.arm(where);
      BOOST_REQUIRE(stops(operation(pair.server), suspend::want_async));
      pauser.release();
    });
  };
  std::string room(100, '\0');
  with(point::record_in, false, [&](endpoint& e) { return e.read(room); });
  with(point::record_out, false, [](endpoint& e) { return e.write("data"); });
  with(point::record_out, true, [](endpoint& e) { return e.write("data"); });
  with(point::record_out, false, [](endpoint& e) { return e.shutdown(shutdown_form::send_only); });
  with(point::record_out, true, [](endpoint& e) { return e.shutdown(shutdown_form::send_only); });
  with(point::record_in, false, [](endpoint& e) { return e.shutdown(shutdown_form::drain); });
}

BOOST_AUTO_TEST_CASE(a_finished_job_leaves_nothing) {
  const context client = client_context();
  const context server = async_server();
  check_no_leak([&] {
    paused_handshake h(client, server);
    h.pauser.release();
    BOOST_REQUIRE(h.pair->connect());
  });
}

BOOST_AUTO_TEST_CASE(a_job_that_never_ends_is_counted_and_left_alone) {
  const context client = client_context();
  const context server = async_server();
  const std::uint64_t before = abandoned_jobs();
  paused_handshake h(client, server);
  SSL* const orphan = h.pair->server.native();
  h.pair.reset(); // it is resumed in vain
  BOOST_TEST(h.pauser.pauses() > 1);
  BOOST_TEST(h.pauser.pauses() < 1000); // but not for ever
  BOOST_TEST(abandoned_jobs() == before + 1);
  BOOST_TEST(SSL_waiting_for_async(orphan) == 1);
  h.pauser.release();
  end_orphan(orphan);
}

BOOST_AUTO_TEST_CASE(the_callback_outlives_a_connection_whose_job_never_ended) {
  const context client = client_context();
  const context server = async_server();
  memory_pair* const pair = new memory_pair(client, server);
  int calls = 0;
  auto callback = std::make_shared<std::function<void()>>([&] { ++calls; });
  pair->server.tls.set_job_callback(callback);
  job_pauser pauser(pair->server.native());
  pauser.arm(point::certificate);
  pauser.promise_callback();
  pair->advance();
  BOOST_REQUIRE(pair->server.tls.job_calls_back());
  SSL* const orphan = pair->server.native();
  delete pair;
  BOOST_TEST(callback.use_count() == 2);
  pauser.call_back(); // the crypto is ready, too late
  BOOST_TEST(calls == 1);
  pauser.release();
  end_orphan(orphan);
  BOOST_TEST(callback.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(a_job_of_another_thread_is_never_resumed_here) {
  const context client = client_context();
  const context server = async_server();
  const std::uint64_t before = abandoned_jobs();
  std::promise<paused_handshake*> paused;
  std::promise<SSL*> destroyed;
  std::thread owner([&] {
    paused_handshake h(client, server);
    h.pauser.release();
    paused.set_value(&h);
    end_orphan(destroyed.get_future().get());
    ASYNC_cleanup_thread();
  });
  paused_handshake* const h = paused.get_future().get();
  SSL* const orphan = h->pair->server.native();
  const int pauses = h->pauser.pauses();
  h->pair.reset();
  BOOST_TEST(abandoned_jobs() == before + 1);
  BOOST_TEST(h->pauser.pauses() == pauses);
  BOOST_TEST(SSL_waiting_for_async(orphan) == 1);
  destroyed.set_value(orphan);
  owner.join();
}

BOOST_AUTO_TEST_SUITE_END()
