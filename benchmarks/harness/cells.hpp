// SPDX-License-Identifier: BSL-1.0
// The cells of the benchmark: a workload, the metrics to show and the goals to meet.
#ifndef TLSMODE_BENCH_CELLS_HPP
#define TLSMODE_BENCH_CELLS_HPP

#include "measurement.hpp"
#include "streams/registry.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

struct goal {
  enum class kind : std::uint8_t {
    ratio_at_least, // subject / baseline
    ratio_at_most,
    figure_at_least, // the subject's own figure
    figure_at_most,
    count_at_most, // the same; a count, not a time, so a test may assert it
  };
  metric what;
  kind form;
  double limit;
  bool if_those_before = false; // means something only if the goals before it in its cell are met

  bool is_ratio() const noexcept { return form == kind::ratio_at_least || form == kind::ratio_at_most; }
  bool at_least() const noexcept { return form == kind::ratio_at_least || form == kind::figure_at_least; }
  bool met_by(double figure) const noexcept { return at_least() ? figure >= limit : figure <= limit; }
};

// Who is compared with whom.
struct comparison {
  const stream_type* baseline = nullptr;
  std::vector<const stream_type*> subjects{}; // each gets a column of ratios; the goals are the first one's
  std::vector<const stream_type*> beside{};   // measured as well, in a table of their own

  bool has(const stream_type* stream) const;
};

// How thorough a run must be for the cell to be part of it, if it is not asked for by name.
enum class level : std::uint8_t { quick, normal, full };

struct cell {
  std::string key;
  std::string title;
  workload work{};    // amount: what the calibration run does, or all there is if fixed
  bool fixed = false; // the amount is part of the meaning: do not scale it to a time
  comparison streams{};
  std::vector<goal> goals{};
  level when = level::normal;
  unsigned most_rounds = 1000; // of cells that take long
};

// All cells, in the order in which they run.
std::span<const cell> all_cells();

// Those that a run of that level has.
std::vector<const cell*> cells_of(level thoroughness);

// The cell with that key; if there is none, all whose key starts with it and a '-'.
std::vector<const cell*> find_cells(std::string_view text);

} // namespace bench

#endif
