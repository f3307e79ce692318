// SPDX-License-Identifier: BSL-1.0
// One random walk: two engines, what they do to each other, and how it ends. The same number is the same
// walk, byte for byte.
#ifndef TLSMODE_TESTS_MODEL_WALK_HPP
#define TLSMODE_TESTS_MODEL_WALK_HPP

#include "side.hpp"

#include <tlsmode/context.hpp>

namespace tlsmode::model {

class walks {
 public:
  walks();
  /// Runs the walk of this number and returns how many steps it had. Throws violation.
  std::uint64_t run(std::uint64_t number, const side::log& tell);

 private:
  struct pair;
  static std::uint64_t connect_and_talk(pair& p, bool harm);

  context client_;
  context server_;
  traffic there_{1};
  traffic back_{2};
};

} // namespace tlsmode::model

#endif
