// SPDX-License-Identifier: BSL-1.0
// Interleaved rounds. See runner.hpp.
#include "runner.hpp"

#include "limit.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

measurement run_stream(const cell& which, const stream_type& stream, const workload& work) {
  try {
    return stream.run(work);
  } catch (const std::exception& error) {
    throw std::runtime_error(which.key + " over " + std::string(stream.title) + ": " + error.what());
  }
}

double rate_of(const measurement& values, const workload& work) {
  for (const auto& [what, value] : values) {
    if (what == metric::throughput) return value * 1e6;
    if (what == metric::round_trips || what == metric::sequences || what == metric::handshakes) return value;
  }
  return static_cast<double>(work.amount); // one second
}

// The work that takes the baseline about so many seconds; never less than the calibration itself did.
workload calibrate(const cell& which, const stream_type& baseline, const run_settings& settings) {
  workload work = settings.work.value_or(which.work);
  if (which.fixed) return work;
  if (work.kind == scenario::flood) {
    const auto milliseconds = static_cast<std::uint64_t>(settings.flood_seconds * 1000);
    work.amount = milliseconds;
    if (work.load == 0) return work;
    // The rate comes from the baseline.
    workload probe = work;
    probe.rate = as_many_as_it_takes;
    probe.amount = std::max<std::uint64_t>(milliseconds / 4, 300);
    probe.at_once = std::min<std::uint64_t>(work.at_once, 32);
    work.rate = std::max(1.0, work.load * rate_of(run_stream(which, baseline, probe), probe));
    return work;
  }
  const double rate = rate_of(run_stream(which, baseline, work), work);
  work.amount = std::max(work.amount, static_cast<std::uint64_t>(rate * settings.seconds));
  return work;
}

void leave_out(const stream_type& stream, cell_result& result) {
  std::erase(result.streams, &stream);
  std::erase_if(result.samples, [&](const sample& one) { return one.stream == &stream; });
}

} // namespace

std::vector<double> cell_result::series(const stream_type& stream, metric what) const {
  std::vector<double> values;
  for (const sample& one : samples) {
    if (one.stream != &stream) continue;
    for (const auto& [key, value] : one.values)
      if (key == what) values.push_back(value);
  }
  return values;
}

cell_result run_cell(const cell& which, std::span<const stream_type* const> streams,
                     const run_settings& settings) {
  cell_result result;
  result.where = &which;
  for (const stream_type* stream : streams)
    if (which.streams.has(stream)) result.streams.push_back(stream);
  if (result.streams.empty()) return result;

  const auto start = std::chrono::steady_clock::now();
  if (settings.progress) settings.progress();
  result.work = calibrate(which, *result.streams.front(), settings);
  const unsigned rounds = std::min(settings.rounds, which.most_rounds);
  for (unsigned round = 0; round < rounds; ++round) {
    if (settings.budget_seconds > 0 && round >= settings.least_rounds &&
        seconds_since(start) > settings.budget_seconds)
      break;
    std::vector<const stream_type*> order = result.streams;
    if (round % 2 == 1) std::reverse(order.begin(), order.end());
    for (unsigned position = 0; position < order.size(); ++position) {
      if (settings.progress) settings.progress();
      const stream_type& stream = *order[position];
      try {
        result.samples.push_back({round, position, &stream, run_stream(which, stream, result.work)});
      } catch (const std::exception& error) {
        result.failures.emplace_back(error.what());
        leave_out(stream, result);
      }
    }
    add_fraction_of_limit(result, round);
  }
  return result;
}

} // namespace bench
