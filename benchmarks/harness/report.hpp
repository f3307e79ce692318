// SPDX-License-Identifier: BSL-1.0
// Results as text: a Markdown table per cell, a table of the goals, raw samples as CSV.
#ifndef TLSMODE_BENCH_REPORT_HPP
#define TLSMODE_BENCH_REPORT_HPP

#include "runner.hpp"

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace bench {

struct verdict {
  const cell* where;
  goal wanted;
  summary figure; // the ratio, or the count
  bool met;

  // Whose figure it is, or whose ratio to whom: "tlsmode / asio".
  std::string who() const;
};

// The goals of a cell that can be judged: the subject was measured, and for ratios the baseline as well.
std::vector<verdict> judge(const cell_result& result);

// A line each: the machine, the libraries, what is absent or not counted.
std::vector<std::string> what_was_used();
void print_cell(std::ostream& out, const cell_result& result);
void print_goals(std::ostream& out, std::span<const verdict> verdicts);

// The lines before the samples: comments that begin with '#', and the names of the columns.
void print_csv_header(std::ostream& out, std::span<const std::string> used);
void print_csv(std::ostream& out, const cell_result& result);

// The verdicts for programs: plots/goals.py puts them together with those of the other parts of ./dev bench.
void print_goals_csv(std::ostream& out, std::span<const verdict> verdicts);

// "1.31x", and the like; a number of the metric's own unit.
std::string ratio_text(double ratio);
std::string number_text(double value, int decimals);

} // namespace bench

#endif
