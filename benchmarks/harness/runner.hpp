// SPDX-License-Identifier: BSL-1.0
// Runs a cell over several streams in turn, round after round, and keeps every sample.
#ifndef TLSMODE_BENCH_RUNNER_HPP
#define TLSMODE_BENCH_RUNNER_HPP

#include "cells.hpp"
#include "statistics.hpp"
#include "streams/registry.hpp"

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace bench {

struct sample {
  unsigned round;
  unsigned position; // in its round, from 0
  const stream_type* stream;
  measurement values;
};

// All samples of one cell.
struct cell_result {
  const cell* where = nullptr;
  workload work; // as it was run
  std::vector<const stream_type*> streams;
  std::vector<sample> samples;
  std::vector<std::string> failures; // of streams that could not be measured, and so have no sample

  // The samples of one metric in the order of rounds; empty if the stream did not report it.
  std::vector<double> series(const stream_type& stream, metric what) const;
};

struct run_settings {
  unsigned rounds = 25;
  double seconds = 0.15;        // of the baseline's measured part, per sample
  double flood_seconds = 2;     // of a flood: percentiles of single events take longer
  std::optional<workload> work; // instead of the cell's own
  double budget_seconds = 0;    // stop after this time if the least rounds are done; 0: no limit
  unsigned least_rounds = 3;
  std::function<void()> progress; // called before each sample
};

// Round r runs the streams in order, round r + 1 in the reverse order, so that a drift of the machine
// favours nobody. The amount of work is calibrated once on the first stream and the same for all. Throws if
// that fails; any other stream that fails is left out.
cell_result run_cell(const cell& which, std::span<const stream_type* const> streams,
                     const run_settings& settings);

} // namespace bench

#endif
