// SPDX-License-Identifier: BSL-1.0
// tlsmode_micro: bulk transfers with no socket, on Google Benchmark. Takes its options; without any, nine
// repetitions in random order. At the end, the ratios of the medians and the goals.
#include "harness/aead_speed.hpp"
#include "memory_pair.hpp"

#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <cstdio>
#include <map>
#include <string>

namespace {

using namespace bench;

constexpr std::array<std::size_t, 3> sizes{1024, 16 * 1024, 1024 * 1024};

template <class Pair>
void transfer(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  std::vector<std::byte> from(size), to(size);
  for (std::size_t i = 0; i < size; ++i) from[i] = static_cast<std::byte>(i % 251);
  try {
    Pair pair(tls_parameters{});
    pair.move(from, to);
    if (from != to) throw std::runtime_error("the received bytes differ from the sent ones");
    for ([[maybe_unused]] auto unused : state) pair.move(from, to);
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
    return;
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

// The limit: sealing and opening alone, in records of 16 KiB at most.
void limit(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  for ([[maybe_unused]] auto unused : state) {
    const aead_cost cost = measure_aead(aead::aes_128_gcm, std::min<std::size_t>(size, 16 * 1024), 0.01);
    state.SetIterationTime((cost.seal + cost.open) * static_cast<double>(size));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

// Prints as usual, and keeps the medians of the rates.
class median_reporter : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& one : runs) {
      failed = failed || one.error_occurred;
      const auto rate = one.counters.find("bytes_per_second");
      if (rate == one.counters.end()) continue;
      if (one.repetitions <= 1 || one.aggregate_name == "median")
        medians[one.run_name.function_name + one.run_name.args] = rate->second;
    }
  }
  std::map<std::string, double> medians;
  bool failed = false;
};

void print_goals(const std::map<std::string, double>& medians) {
  for (const std::size_t size : sizes) {
    const auto rate = [&](const char* name) {
      const auto found = medians.find(name + std::to_string(size));
      return found == medians.end() ? 0.0 : found->second;
    };
    const double own = rate("tlsmode"), queue = rate("tlsmode-queue"), baseline = rate("asio"),
                 most = rate("limit");
    if (own > 0 && baseline > 0)
      std::printf("%7zu bytes: tlsmode / asio %.2f (goal >= 1.3: %s), with memory_transport %.2f\n", size,
                  own / baseline, own / baseline >= 1.3 ? "yes" : "NO", queue / baseline);
    if (own > 0 && most > 0)
      std::printf("%7zu bytes: fraction of the limit, tlsmode %.2f (goal >= 0.85: %s), asio %.2f\n", size,
                  own / most, own / most >= 0.85 ? "yes" : "NO", baseline / most);
  }
}

} // namespace

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  std::string repeat = "--benchmark_repetitions=9", mix = "--benchmark_enable_random_interleaving=true",
              short_text = "--benchmark_display_aggregates_only=true";
  if (argc == 1) arguments.insert(arguments.end(), {repeat.data(), mix.data(), short_text.data()});
  int count = static_cast<int>(arguments.size());
  for (const std::size_t size : sizes) {
    const auto argument = static_cast<std::int64_t>(size);
    benchmark::RegisterBenchmark("tlsmode", transfer<tlsmode_pair<block_link>>)->Arg(argument)->MinTime(0.2);
    benchmark::RegisterBenchmark("tlsmode-queue", transfer<tlsmode_pair<queue_link>>)
        ->Arg(argument)
        ->MinTime(0.2);
    benchmark::RegisterBenchmark("asio", transfer<asio_pair>)->Arg(argument)->MinTime(0.2);
    benchmark::RegisterBenchmark("limit", limit)->Arg(argument)->UseManualTime()->Iterations(5);
  }
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  median_reporter reporter;
  const auto run = benchmark::RunSpecifiedBenchmarks(&reporter);
  print_goals(reporter.medians);
  return run == 0 || reporter.failed ? 1 : 0;
}
