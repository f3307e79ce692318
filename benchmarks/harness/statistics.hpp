// SPDX-License-Identifier: BSL-1.0
// Medians and spreads of a few samples.
#ifndef TLSMODE_BENCH_STATISTICS_HPP
#define TLSMODE_BENCH_STATISTICS_HPP

#include <cstddef>
#include <vector>

namespace bench {

struct summary {
  double median = 0;
  double low = 0;
  double high = 0;
  std::size_t count = 0;
};

// Of no samples: all zero, count 0.
summary summarise(std::vector<double> samples);

// The i-th ratio is of the i-th samples, which were taken one after the other in the same round: a machine
// that slows down for a while slows both.
summary summarise_ratio(const std::vector<double>& numerators, const std::vector<double>& denominators);

// fraction in [0, 1]; nearest rank. Reorders the samples; they must not be empty.
double percentile(std::vector<float>& samples, double fraction);

} // namespace bench

#endif
