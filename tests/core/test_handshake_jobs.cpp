// SPDX-License-Identifier: BSL-1.0
// Does a handshake whose job is paused stop with want_async, say what to wait for, and go on from there, on
// the thread that started it and on no other?
#include "job_pauser.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <stdexcept>
#include <thread>

BOOST_AUTO_TEST_SUITE(handshake_jobs)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

context async(context ctx, int version = TLS1_3_VERSION) {
  ctx.set_mode(mode::async);
  SSL_CTX_set_max_proto_version(ctx.native_handle(), version);
  return ctx;
}

// A server that will pause while it chooses its certificate.
struct pausing_pair : memory_pair {
  explicit pausing_pair(int version = TLS1_3_VERSION)
      : memory_pair(client_context(), async(server_context(), version)) {
    pauser.arm(point::certificate);
  }
  // As far as the pause.
  void pause() {
    client.handshake();
    deliver(client, server);
    BOOST_REQUIRE(stops(server.handshake(), suspend::want_async));
    BOOST_REQUIRE(server.tls.job_paused());
  }
  job_pauser pauser{server.native()};
};

template <class F>
void on_another_thread(F f) {
  std::thread(f).join();
}

} // namespace

BOOST_AUTO_TEST_CASE(a_paused_handshake_waits_and_goes_on) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    pausing_pair pair(version);
    BOOST_TEST(!pair.server.tls.job_paused());
    pair.pause();
    for (int i = 0; i < 5; ++i) BOOST_TEST(stops(pair.server.handshake(), suspend::want_async)); // too early
    BOOST_TEST(pair.pauser.pauses() == 6);
    BOOST_TEST(pair.server.tls.stats().suspended_async == 6u);
    BOOST_TEST(pair.server.wire.output().empty());
    pair.pauser.release();
    BOOST_TEST(pair.connect());
    BOOST_TEST(!pair.server.tls.job_paused());
    BOOST_TEST(pair.pauser.missed() == 0);
    BOOST_TEST(pair.server.tls.protocol() == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
  }
}

BOOST_AUTO_TEST_CASE(a_client_pauses_too) {
  const memory_file ca(authority().certificate_pem);
  context server = server_context();
  BOOST_REQUIRE(!server.require_client_certificate(ca.path()));
  memory_pair pair(async(client_context()), server);
  job_pauser pauser(pair.client.native());
  pauser.arm(point::certificate);
  BOOST_REQUIRE(SSL_use_certificate(pair.client.native(), client_identity().certificate.get()) == 1);
  BOOST_REQUIRE(SSL_use_PrivateKey(pair.client.native(), client_identity().key.get()) == 1);
  for (int i = 0; i < 10 && pair.client.last.why != suspend::want_async; ++i) pair.advance();
  BOOST_TEST(stops(pair.client.last, suspend::want_async));
  pauser.release();
  BOOST_TEST(pair.connect());
}

BOOST_AUTO_TEST_CASE(every_record_of_a_handshake_can_pause) {
  for (const point where : {point::record_in, point::record_out}) {
    memory_pair pair(async(client_context()), async(server_context()));
    job_pauser client_pauser(pair.client.native());
    job_pauser server_pauser(pair.server.native());
    client_pauser.arm_every_time(where);
    server_pauser.arm_every_time(where);
    for (int i = 0; i < 100 && !(pair.client.last.complete() && pair.server.last.complete()); ++i)
      pair.advance();
    BOOST_TEST(completes(pair.client.last));
    BOOST_TEST(completes(pair.server.last));
    BOOST_TEST(client_pauser.pauses() >= 2);
    BOOST_TEST(server_pauser.pauses() >= 2);
  }
}

BOOST_AUTO_TEST_CASE(the_descriptors_of_the_job_are_known_while_it_is_paused) {
  for (const std::vector<int>& fds :
       {std::vector<int>{}, std::vector<int>{1001}, std::vector<int>{1001, 1002}}) {
    pausing_pair pair;
    pair.pauser.name_descriptors(fds);
    BOOST_TEST(pair.server.tls.job_descriptors().empty());
    pair.pause();
    auto known = pair.server.tls.job_descriptors();
    std::sort(known.begin(), known.end());
    BOOST_TEST(known == fds, boost::test_tools::per_element());
    BOOST_TEST(!pair.server.tls.job_calls_back());
    pair.pauser.release();
    BOOST_TEST(pair.connect());
    BOOST_TEST(pair.server.tls.job_descriptors().empty());
  }
}

BOOST_AUTO_TEST_CASE(the_callback_tells_that_the_job_may_go_on) {
  pausing_pair pair;
  int first = 0;
  int second = 0;
  pair.server.tls.set_job_callback(std::make_shared<std::function<void()>>([&] { ++first; }));
  pair.server.tls.set_job_callback(std::make_shared<std::function<void()>>([&] { ++second; }));
  pair.pauser.promise_callback();
  pair.pause();
  BOOST_TEST(pair.server.tls.job_calls_back());
  BOOST_TEST(second == 0);
  on_another_thread([&] { pair.pauser.call_back(); });
  BOOST_TEST(first == 0);
  BOOST_TEST(second == 1);
  pair.pauser.release();
  BOOST_TEST(pair.connect());
  BOOST_TEST(!pair.server.tls.job_calls_back());
}

BOOST_AUTO_TEST_CASE(a_callback_may_throw) {
  pausing_pair pair;
  pair.server.tls.set_job_callback(
      std::make_shared<std::function<void()>>([] { throw std::runtime_error("full"); }));
  pair.pauser.promise_callback();
  pair.pause();
  pair.pauser.call_back(); // must not cross OpenSSL
  pair.pauser.release();
  BOOST_TEST(pair.connect());
}

BOOST_AUTO_TEST_CASE(no_other_thread_may_resume_the_job) {
  pausing_pair pair;
  pair.pause();
  pair.pauser.release();
  on_another_thread([&] {
    for (int i = 0; i < 3; ++i) {
      const step s = pair.server.handshake();
      BOOST_TEST(fails(s, error::job_on_other_thread));
    }
  });
  BOOST_TEST(pair.server.tls.job_paused());
  BOOST_TEST(pair.server.tls.state() == connection_state::handshaking);
  BOOST_TEST(!pair.server.tls.last_failure().code); // misuse is not a failure of the connection
  BOOST_TEST(pair.connect());
}

BOOST_AUTO_TEST_CASE(modes_cannot_change_while_a_job_is_paused) {
  pausing_pair pair;
  pair.pause();
  const mode_set before = pair.server.tls.mode();
  const long native = SSL_get_mode(pair.server.native());
  BOOST_TEST(pair.server.tls.clear_mode(mode::async) == before);
  BOOST_TEST(pair.server.tls.set_mode(mode::release_buffers) == before);
  pair.server.tls.set_job_scope(job_scope::all);
  BOOST_TEST(pair.server.tls.mode() == before);
  BOOST_TEST(SSL_get_mode(pair.server.native()) == native);
  pair.pauser.release();
  BOOST_TEST(pair.connect());
  BOOST_TEST(!pair.server.tls.may_pause()); // the scope is as it was, too
  BOOST_TEST(pair.server.tls.set_mode(mode::release_buffers) == (before | mode::release_buffers));
}

BOOST_AUTO_TEST_CASE(an_error_in_the_queue_at_a_pause_is_not_a_failure) {
  pausing_pair pair;
  pair.pauser.raise_errors();
  pair.pause();
  for (int i = 0; i < 3; ++i) BOOST_TEST(stops(pair.server.handshake(), suspend::want_async));
  pair.pauser.release();
  BOOST_TEST(pair.connect());
}

BOOST_AUTO_TEST_CASE(an_error_left_by_somebody_else_is_not_a_failure) {
  memory_pair pair;
  for (int round = 0; round < 100 && !(pair.client.last.complete() && pair.server.last.complete()); ++round) {
    ERR_raise(ERR_LIB_USER, 1);
    pair.advance();
    BOOST_REQUIRE(!pair.client.last.error);
    BOOST_REQUIRE(!pair.server.last.error);
  }
  pair.settle();
  pair.client.read_all();
  ERR_raise(ERR_LIB_USER, 1);
  std::string room(10, '\0');
  BOOST_TEST(stops(pair.client.read(room), suspend::want_read));
  ERR_clear_error();
}

BOOST_AUTO_TEST_CASE(the_data_path_has_no_jobs_unless_asked_for) {
  pausing_pair pair;
  pair.pauser.disarm();
  BOOST_REQUIRE(pair.connect());
  pair.pauser.arm(point::record_out);
  BOOST_TEST(completes(pair.server.write("no job"), 6));
  BOOST_TEST(pair.pauser.missed() > 0);
  BOOST_TEST(pair.pauser.pauses() == 0);
}

BOOST_AUTO_TEST_CASE(without_the_mode_there_are_no_jobs) {
  memory_pair pair;
  job_pauser pauser(pair.server.native());
  pauser.arm(point::certificate);
  BOOST_TEST(!pair.server.tls.may_pause());
  BOOST_TEST(pair.connect());
  BOOST_TEST(pauser.pauses() == 0);
  BOOST_TEST(pauser.missed() > 0);
}

BOOST_AUTO_TEST_SUITE_END()
