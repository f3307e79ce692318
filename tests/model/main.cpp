// SPDX-License-Identifier: BSL-1.0
// Does the engine ever surprise its reference? Random walks of operations, faults and pauses:
//
//   tlsmode_model [STEPS] [FIRST-WALK]
//
// A failing walk is told by its number and done again, step by step: tlsmode_model 1 NUMBER.
// TLSMODE_MODEL_STEPS in the environment is the number of steps where none is given.
#include "expect.hpp"
#include "heap_counter.hpp"
#include "settings.hpp"
#include "walk.hpp"

#include <deque>
#include <iostream>

namespace {

using namespace tlsmode::model;

constexpr std::uint64_t default_steps = 1'000'000;
constexpr std::size_t shown_steps = 60;

// The same walk, and what it did before it failed.
int show(walks& all, std::uint64_t which, const char* broken) {
  std::cerr << "walk " << which << " breaks: " << broken << "\n";
  std::deque<std::string> last;
  try {
    all.run(which, [&](const std::string& line) {
      last.push_back(line);
      if (last.size() > shown_steps) last.pop_front();
    });
    std::cerr << "... but not when it is done again\n";
  } catch (const std::exception& e) {
    for (const std::string& line : last) std::cerr << "  " << line << '\n';
    std::cerr << "  then: " << e.what() << '\n';
  }
  std::cerr << "again: ./dev model 1 " << which << '\n';
  return 1;
}

} // namespace

int main(int argc, char** argv) try {
  using namespace tlsmode::test;
  if (argc > 3) throw std::invalid_argument("usage: tlsmode_model [STEPS] [FIRST-WALK]");
  const std::uint64_t steps = argc > 1 ? number_in<std::uint64_t>(argv[1], "STEPS", 1)
                                       : setting<std::uint64_t>("TLSMODE_MODEL_STEPS", default_steps, 1);
  const std::uint64_t first = argc > 2 ? number_in<std::uint64_t>(argv[2], "FIRST-WALK") : 1;
  std::cout << "walks from number " << first << " on, " << steps << " steps\n";
  walks all;
  std::uint64_t done = 0, which = first;
  std::size_t heap = 0;
  for (; done < steps; ++which) {
    try {
      done += all.run(which, {});
    } catch (const violation& broken) {
      return show(all, which, broken.what());
    }
    if (which - first < 100) heap = std::max(heap, tlsmode::test::heap_bytes());
  }
  // What OpenSSL keeps for good it has after a hundred walks.
  const std::size_t left = tlsmode::test::heap_bytes();
  std::cout << which - first << " walks, " << done << " steps, heap " << heap << " then " << left << '\n';
  if (left > heap + 10'000) {
    std::cerr << "memory is left behind\n";
    return 1;
  }
} catch (const std::exception& e) {
  std::cerr << "tlsmode_model: " << e.what() << '\n';
  return 1;
}
