// SPDX-License-Identifier: BSL-1.0
// The rounds of a cell and the judgement of its goals, with streams that only pretend.
#define BOOST_TEST_MODULE benchmarks_harness
#include "harness/report.hpp"
#include "harness/runner.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

namespace bench {
namespace {

std::vector<workload> given;   // what the streams were asked to do, in order
unsigned calls_of_failing = 0; // the second one fails

measurement pretend(const workload& work) {
  given.push_back(work);
  return {{metric::handshakes, 100}, {metric::late_p999, 1000}};
}
measurement pretend_less(const workload&) { return {{metric::handshakes, 50}, {metric::late_p999, 100}}; }
measurement pretend_as_much(const workload&) { return {{metric::handshakes, 100}, {metric::late_p999, 100}}; }
measurement fail_later(const workload& work) {
  if (++calls_of_failing == 2) throw std::runtime_error("the reason");
  return pretend(work);
}

const stream_type baseline{"baseline", "the baseline", pretend};
const stream_type less{"less", "does less", pretend_less};
const stream_type as_much{"as-much", "does as much", pretend_as_much};
const stream_type failing{"failing", "the failing one", fail_later};

cell flood_of(const stream_type& subject, double load) {
  cell made;
  made.key = "cell";
  made.work.kind = scenario::flood;
  made.work.load = load;
  made.streams = {&baseline, {&subject}, {&failing}};
  made.goals = {{metric::handshakes, goal::kind::ratio_at_least, 0.95},
                {metric::late_p999, goal::kind::ratio_at_most, 0.2, true}};
  return made;
}

cell_result run(const cell& which, std::vector<const stream_type*> streams) {
  given.clear();
  calls_of_failing = 0;
  run_settings settings;
  settings.rounds = 3;
  return run_cell(which, streams, settings);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_stream_that_fails_is_left_out_and_the_others_go_on) {
  const cell which = flood_of(less, 0);
  const cell_result result = run(which, {&baseline, &less, &failing});

  BOOST_TEST(calls_of_failing == 2U); // not asked again
  BOOST_TEST((result.streams == std::vector<const stream_type*>{&baseline, &less}));
  BOOST_TEST(result.samples.size() == 6U); // three rounds of the others
  BOOST_TEST(std::none_of(result.samples.begin(), result.samples.end(),
                          [](const sample& one) { return one.stream == &failing; }));
  BOOST_REQUIRE(result.failures.size() == 1U);
  BOOST_TEST(result.failures.front() == "cell over the failing one: the reason");
}

BOOST_AUTO_TEST_CASE(a_goal_counts_only_if_those_before_it_are_met) {
  struct expected {
    const stream_type& subject;
    bool enough, late_counts;
  };
  for (const expected& one : std::array<expected, 2>{{{less, false, false}, {as_much, true, true}}}) {
    const cell which = flood_of(one.subject, 0);
    const std::vector<verdict> verdicts = judge(run(which, {&baseline, &one.subject}));
    BOOST_REQUIRE(verdicts.size() == 2U);
    BOOST_TEST(verdicts[0].met == one.enough);
    BOOST_TEST(verdicts[1].figure.median == 0.1); // told in either case
    BOOST_TEST(verdicts[1].met == one.late_counts);
    BOOST_TEST(verdicts[1].who() == std::string(one.subject.key) + " / baseline");
  }
}

BOOST_AUTO_TEST_CASE(the_rate_of_a_flood_comes_from_the_baseline) {
  run(flood_of(less, 0.5), {&baseline});
  BOOST_REQUIRE(given.size() == 4U);
  BOOST_TEST(given[0].rate == as_many_as_it_takes);
  for (std::size_t i = 1; i < given.size(); ++i) BOOST_TEST(given[i].rate == 50);
}

BOOST_AUTO_TEST_CASE(a_flood_without_load_is_not_probed) {
  run(flood_of(less, 0), {&baseline});
  BOOST_REQUIRE(given.size() == 3U);
  for (const workload& one : given) BOOST_TEST(one.rate == 0);
}

} // namespace bench
