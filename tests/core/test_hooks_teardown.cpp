// SPDX-License-Identifier: BSL-1.0
// Does a connection that goes away while a hook has not answered leave nothing behind, whichever hook it is?
#include "heap_counter.hpp"
#include "hook_cases.hpp"

#include <tlsmode/stats.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(hooks_teardown)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// Runs `once` often; the heap and the number of job stacks must be the same after each time.
void check_no_leak(const std::function<void()>& once) {
  for (int i = 0; i < 3; ++i) once(); // what OpenSSL makes once and keeps, and vectors that grow
  const std::size_t bytes = heap_bytes();
  const std::size_t stacks = job_stacks();
  const std::uint64_t abandoned = abandoned_jobs();
  for (int i = 0; i < 20; ++i) {
    once();
    BOOST_REQUIRE(heap_bytes() == bytes);
    BOOST_REQUIRE(job_stacks() == stacks);
  }
  BOOST_TEST(abandoned_jobs() == abandoned);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_connection_destroyed_while_it_waits_leaves_nothing) {
  BOOST_REQUIRE(heap_is_counted());
  for (const hook_case& c : all_hook_cases()) BOOST_TEST_CONTEXT(c.name << ", version " << c.version) {
      check_no_leak([&] { // contexts too: a client that kept sessions has one less each time
        hook_rig rig(c);
        auto pair = rig.asking_pair();
        const asked_question question = std::move(rig.asked.open[0]);
        rig.asked.open.clear();
        pair.reset();
        BOOST_REQUIRE(question.request->abandoned());
        BOOST_REQUIRE(rig.asked.open.empty()); // a job that is ended asks nobody
        BOOST_REQUIRE(!question.answer());
      });
    }
}

BOOST_AUTO_TEST_CASE(so_does_one_that_was_cancelled_before_or_answered_and_not_called_again) {
  for (const hook_case& c : all_hook_cases()) BOOST_TEST_CONTEXT(c.name << ", version " << c.version) {
      check_no_leak([&] {
        hook_rig rig(c);
        auto pair = rig.asking_pair();
        rig.side_of(*pair).tls.cancel_handshake();
        pair.reset();
        rig.asked.open.clear();
        if (c.second_connection) return; // the session was for one connection
        pair = rig.asking_pair();
        BOOST_REQUIRE(rig.asked.open[0].answer());
        pair.reset();
      });
    }
}

BOOST_AUTO_TEST_SUITE_END()
