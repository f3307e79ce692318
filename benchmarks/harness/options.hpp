// SPDX-License-Identifier: BSL-1.0
// The command line of tlsmode_bench.
#ifndef TLSMODE_BENCH_OPTIONS_HPP
#define TLSMODE_BENCH_OPTIONS_HPP

#include "cells.hpp"
#include "streams/registry.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct options {
  bool help = false;
  bool list = false;
  bool quick = false;
  bool full = false;
  bool assert_counts = false;
  unsigned rounds = 0; // 0: the default
  std::string out;     // a directory for all results; empty: none
  std::string csv;
  std::string tables_from;        // a file of samples: make its tables, measure nothing
  std::vector<const cell*> cells; // never empty
  std::vector<const stream_type*> streams;
  std::uint64_t once = 0; // one run of that amount, nothing printed but its figures
};

extern const char* const usage_text;

// Throws std::invalid_argument with a message for the user.
options parse_options(int argc, const char* const* argv);

} // namespace bench

#endif
