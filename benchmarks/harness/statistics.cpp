// SPDX-License-Identifier: BSL-1.0
// Medians and spreads. See statistics.hpp.
#include "statistics.hpp"

#include <algorithm>
#include <cmath>

namespace bench {

summary summarise(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const std::size_t middle = samples.size() / 2;
  const double median =
      samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
  return {median, samples.front(), samples.back(), samples.size()};
}

summary summarise_ratio(const std::vector<double>& numerators, const std::vector<double>& denominators) {
  std::vector<double> ratios;
  const std::size_t rounds = std::min(numerators.size(), denominators.size());
  for (std::size_t i = 0; i < rounds; ++i)
    if (denominators[i] > 0) ratios.push_back(numerators[i] / denominators[i]);
  return summarise(std::move(ratios));
}

double percentile(std::vector<float>& samples, double fraction) {
  const auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(samples.size())));
  const auto nth = samples.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(samples.begin(), nth, samples.end());
  return static_cast<double>(*nth);
}

} // namespace bench
