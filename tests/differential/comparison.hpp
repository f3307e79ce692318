// SPDX-License-Identifier: BSL-1.0
// Runs a script through our stream and Boost.Asio's in step, and says where they differ. The differences that
// must be are rules with a name; docs/differences.md has their reasons.
#ifndef TLSMODE_TESTS_DIFFERENTIAL_COMPARISON_HPP
#define TLSMODE_TESTS_DIFFERENTIAL_COMPARISON_HPP

#include "script.hpp"

#include <map>
#include <string>

namespace tlsmode::test {

struct verdict {
  std::string difference;           ///< empty if they agree, or differ by a rule only
  std::map<std::string, int> rules; ///< that were used
  std::size_t steps = 0;            ///< actions compared
  bool to_the_end = false;
};

[[nodiscard]] verdict compare(const script& s);

} // namespace tlsmode::test

#endif
