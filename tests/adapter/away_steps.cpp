// SPDX-License-Identifier: BSL-1.0
// Does what carries a stream's steps to a job thread keep its one place in the queue there, whatever becomes
// of the steps?
#include "job_call.hpp"

#include <tlsmode/asio/detail/away_step.hpp>

#include <boost/test/unit_test.hpp>

#include <future>
#include <memory>

BOOST_AUTO_TEST_SUITE(away_steps)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

struct counted final : detail::away_work {
  step run(transport&) override {
    ++runs;
    return {};
  }
  int runs = 0;
};

} // namespace

// A task must not be queued twice: what stands behind it would be lost.
BOOST_AUTO_TEST_CASE(after_a_step_that_was_withdrawn_the_next_one_has_its_place) {
  job_threads pool(1);
  const job_thread home = pool[0];
  std::promise<void> go;
  bool between = false, behind = false;
  counted first, second;
  int told = 0;
  const auto carrier = std::make_shared<detail::away_step>();
  BOOST_REQUIRE(home.post(std::make_shared<job_call>([f = go.get_future().share()] { f.wait(); })));
  carrier->prepare(first, [&] { ++told; });
  carrier->start(home);
  BOOST_REQUIRE(home.post(std::make_shared<job_call>([&] { between = true; })));
  carrier->withdraw();
  carrier->prepare(second, [&] { ++told; });
  carrier->start(home);
  BOOST_REQUIRE(home.post(std::make_shared<job_call>([&] { behind = true; })));
  go.set_value();
  pool.stop();
  BOOST_TEST(first.runs == 0);
  BOOST_TEST(second.runs == 1);
  BOOST_TEST(told == 1);
  BOOST_TEST(carrier->over());
  BOOST_TEST(between);
  BOOST_TEST(behind);
}

BOOST_AUTO_TEST_SUITE_END()
