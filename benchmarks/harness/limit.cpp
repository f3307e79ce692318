// SPDX-License-Identifier: BSL-1.0
// See limit.hpp.
#include "limit.hpp"

#include "aead_speed.hpp"
#include "machine.hpp"

#include <algorithm>
#include <optional>

namespace bench {
namespace {

// The cost that F is made of, in the metric's own unit.
std::optional<metric> cost_of(scenario kind) {
  switch (kind) {
  case scenario::bulk: return metric::cpu_both;        // seconds per GB
  case scenario::pingpong: return metric::latency_p50; // microseconds
  default: return std::nullopt;
  }
}

// What sealing and opening add, in the same unit.
double crypto_cost(const workload& work) {
  constexpr std::size_t largest_record = 16 * 1024;
  const std::size_t record = std::min(work.write_size, largest_record);
  aead_cost cost;
  on_processor(0, [&] { cost = measure_aead(work.tls.cipher, record, 0.02); });
  const double per_byte = cost.seal + cost.open;
  return work.kind == scenario::bulk ? per_byte * 1e9
                                     : 2 * per_byte * static_cast<double>(work.write_size) * 1e6;
}

std::optional<double> value_of(const sample& from, metric what) {
  for (const auto& [key, value] : from.values)
    if (key == what) return value;
  return std::nullopt;
}

} // namespace

void add_fraction_of_limit(cell_result& result, unsigned round) {
  const auto cost = cost_of(result.work.kind);
  const auto tcp = std::find_if(result.samples.begin(), result.samples.end(), [&](const sample& one) {
    return one.round == round && one.stream == &plain_tcp_stream;
  });
  if (!cost || tcp == result.samples.end()) return;
  const double limit = value_of(*tcp, *cost).value() + crypto_cost(result.work);
  for (sample& one : result.samples)
    if (one.round == round && one.stream != &plain_tcp_stream)
      one.values.emplace_back(metric::fraction_of_limit, limit / value_of(one, *cost).value());
}

} // namespace bench
