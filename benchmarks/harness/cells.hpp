// SPDX-License-Identifier: BSL-1.0
// The cells of the benchmark: a workload, the metrics to show and the goals to meet.
#ifndef TLSMODE_BENCH_CELLS_HPP
#define TLSMODE_BENCH_CELLS_HPP

#include "measurement.hpp"
#include "streams/registry.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace bench {

struct goal {
  enum class kind : std::uint8_t {
    ratio_at_least, // subject / baseline
    ratio_at_most,
    count_at_most, // the subject's own figure; a count, not a time, so a test may assert it
  };
  metric what;
  kind form;
  double limit;

  bool met_by(double figure) const noexcept {
    return form == kind::ratio_at_least ? figure >= limit : figure <= limit;
  }
};

// Who is compared with whom.
struct comparison {
  const stream_type* baseline;
  std::vector<const stream_type*> subjects; // each gets a column of ratios; the goals are the first one's
  std::vector<const stream_type*> beside;   // measured as well

  bool has(const stream_type* stream) const;
};

struct cell {
  std::string_view key;
  std::string_view title;
  workload work; // amount: what the calibration run does, or all there is if fixed
  bool fixed;    // the amount is part of the meaning: do not scale it to a time
  comparison streams;
  std::vector<goal> goals;
};

// All cells, in the order in which they run.
std::span<const cell> all_cells();

// The cell with that key; if there is none, all whose key starts with it and a '-'.
std::vector<const cell*> find_cells(std::string_view text);

} // namespace bench

#endif
