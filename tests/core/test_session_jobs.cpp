// SPDX-License-Identifier: BSL-1.0
// Invariant 9 for keys and sessions: while a job is paused, does nobody but its owner enter OpenSSL, and do
// handshakes that are jobs keep sessions as others do?
#include "job_pauser.hpp"
#include "memory_pair.hpp"
#include "resumption.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(session_jobs)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

context async(context ctx) {
  ctx.set_mode(mode::async);
  return ctx;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_paused_read_keeps_everybody_out) {
  memory_pair pair(async(client_context()), server_context());
  pair.client.tls.set_job_scope(job_scope::all);
  BOOST_REQUIRE(pair.connect());
  BOOST_REQUIRE(pair.client.tls.session());
  job_pauser pauser(pair.client.native());
  pauser.arm(point::record_in);
  BOOST_TEST(completes(pair.server.write("data"), 4));
  pair.settle();
  std::string room(100, '\0');
  BOOST_REQUIRE(stops(pair.client.read(room), suspend::want_async));
  BOOST_TEST(pair.client.tls.update_keys(true) == error::operation_in_progress);
  BOOST_TEST(pair.client.tls.session() == nullptr);
  pauser.release();
  BOOST_TEST(pair.client.read_all() == "data");
  BOOST_TEST(!pair.client.tls.update_keys(true));
  BOOST_TEST(pair.client.tls.session() != nullptr);
  BOOST_TEST(completes(pair.client.write("answer"), 6));
  pair.settle();
  BOOST_TEST(pair.server.read_all() == "answer");
}

// What a cancelled write has promised is still with a job.
BOOST_AUTO_TEST_CASE(an_abandoned_write_comes_before_new_keys) {
  memory_pair pair(async(client_context()), server_context());
  pair.client.tls.set_job_scope(job_scope::all);
  BOOST_REQUIRE(pair.connect());
  job_pauser pauser(pair.client.native());
  pauser.arm(point::record_out);
  BOOST_REQUIRE(stops(pair.client.write("promised"), suspend::want_async));
  BOOST_TEST(pair.client.tls.cancel_write() == 8u);
  BOOST_TEST(pair.client.tls.update_keys(false) == error::operation_in_progress);
  pauser.release();
  BOOST_TEST(completes(pair.client.write(", kept"), 6));
  BOOST_TEST(!pair.client.tls.update_keys(false));
  BOOST_TEST(completes(pair.client.write(" and on"), 7));
  pair.settle();
  BOOST_TEST(pair.server.read_all() == "promised, kept and on");
}

BOOST_AUTO_TEST_CASE(handshakes_and_reads_as_jobs_keep_sessions) {
  for (const int version : both_versions) {
    const context client = async(resuming_client(version));
    const context server = async(server_context());
    const change all = [](engine& e) { e.set_job_scope(job_scope::all); };
    BOOST_TEST(!resumes(client, server, all));
    BOOST_TEST(resumes(client, server, all));
  }
}

BOOST_AUTO_TEST_SUITE_END()
