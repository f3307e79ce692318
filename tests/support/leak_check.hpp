// SPDX-License-Identifier: BSL-1.0
// Does doing something again and again leave anything behind? For programs that link heap_counter.cpp.
#ifndef TLSMODE_TESTS_SUPPORT_LEAK_CHECK_HPP
#define TLSMODE_TESTS_SUPPORT_LEAK_CHECK_HPP

#include "heap_counter.hpp"

#include <tlsmode/stats.hpp>

#include <boost/test/unit_test.hpp>

namespace tlsmode::test {

/// Runs `once` often, on this thread; the heap and the number of job stacks must be the same after each time,
/// and no job may have been given up.
template <class Once>
void check_no_leak(const Once& once, int times = 20) {
  BOOST_REQUIRE(heap_is_counted());
  once(); // what OpenSSL makes once and keeps: among other things one job with its stack
  const std::size_t bytes = heap_bytes();
  const std::size_t stacks = job_stacks();
  const std::uint64_t abandoned = abandoned_jobs();
  for (int i = 0; i < times; ++i) {
    once();
    BOOST_REQUIRE(heap_bytes() == bytes);
    BOOST_REQUIRE(job_stacks() == stacks);
  }
  BOOST_TEST(abandoned_jobs() == abandoned);
}

} // namespace tlsmode::test

#endif
