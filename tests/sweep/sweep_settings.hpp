// SPDX-License-Identifier: BSL-1.0
// Which steps of an operation a sweep takes: all, or as many as there is time for in every build. The
// environment decides; see docs/testing.md. Knows no streams.
#ifndef TLSMODE_TESTS_SWEEP_SETTINGS_HPP
#define TLSMODE_TESTS_SWEEP_SETTINGS_HPP

#include "settings.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tlsmode::test {

/// True if the sweep is to leave nothing out: TLSMODE_SWEEP=all.
inline bool sweep_everything() {
  const char* const text = std::getenv("TLSMODE_SWEEP");
  if (text == nullptr || *text == '\0') return false;
  if (std::string_view(text) != "all")
    throw std::invalid_argument("TLSMODE_SWEEP must be 'all' or nothing, not '" + std::string(text) + "'");
  return true;
}

/// True if the build has sanitizers, with which everything takes some ten times as long.
constexpr bool sweep_is_slow() {
#if defined(TLSMODE_SANITIZE_ADDRESS) || defined(TLSMODE_SANITIZE_THREAD)
  return true;
#else
  return false;
#endif
}

/// How many are taken at most: what the environment says; else all, or as many as a subset has.
inline long most_of(const char* name, long of_a_subset) {
  return setting(name, sweep_everything() ? std::numeric_limits<long>::max() : of_a_subset, 1L);
}

/// Steps 1 to `steps` and the one after them, at which nothing strikes any more; or `most` of them, evenly
/// apart and from another beginning for each `salt`, so that sweeps of the same kind take different ones, and
/// the one after them only if asked for.
inline std::vector<long> steps_to_take(long steps, long most, std::uint32_t salt, bool beyond = true) {
  std::vector<long> taken;
  if (most >= steps) {
    for (long i = 1; i <= steps + 1; ++i) taken.push_back(i);
    return taken;
  }
  const auto begin = static_cast<long>((salt * 2654435761U >> 8) % static_cast<std::uint32_t>(steps));
  for (long i = 0; i < most; ++i) taken.push_back((begin + i * steps / most) % steps + 1);
  std::sort(taken.begin(), taken.end());
  if (beyond) taken.push_back(steps + 1);
  return taken;
}

} // namespace tlsmode::test

#endif
