// SPDX-License-Identifier: BSL-1.0
// Which cells of the conformance tables a test has just checked: docs/conformance.md is made of these
// records. They go to the file that TLSMODE_CONFORMANCE names, and nowhere if it names none.
#ifndef TLSMODE_TESTS_SUPPORT_CONFORMANCE_HPP
#define TLSMODE_TESTS_SUPPORT_CONFORMANCE_HPP

#include <boost/test/framework.hpp>
#include <boost/test/results_collector.hpp>
#include <boost/test/tree/test_case_counter.hpp>
#include <boost/test/tree/test_unit.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

namespace tlsmode::test {

/// The name of the test case that runs, as words.
inline std::string case_in_words() {
  std::string name = boost::unit_test::framework::current_test_case().p_name.get();
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

/// Records a cell, unless the test case that runs has failed by now.
inline void conforms(const std::string& table, const std::string& row, const std::string& column) {
  namespace unit_test = boost::unit_test;
  const char* const path = std::getenv("TLSMODE_CONFORMANCE");
  if (path == nullptr || *path == '\0') return;
  const auto& results = unit_test::results_collector.results(unit_test::framework::current_test_case_id());
  if (results.p_assertions_failed.get() != 0) return;
  static std::ofstream file(path); // anew in each run
  static std::set<std::string> written;
  const std::string line = table + '\t' + row + '\t' + column + '\n';
  if (written.insert(line).second) file << line << std::flush;
}

} // namespace tlsmode::test

#endif
