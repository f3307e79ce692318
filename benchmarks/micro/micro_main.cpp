// SPDX-License-Identifier: BSL-1.0
// tlsmode_micro: bulk transfers with no socket, on Google Benchmark. Takes its options; without any, nine
// repetitions in random order. Ratios and goals are micro.py's.
#include "harness/aead_speed.hpp"
#include "memory_pair.hpp"

#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
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

// Prints as usual, and remembers whether anything failed.
class strict_reporter : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& one : runs) failed = failed || one.error_occurred;
  }
  bool failed = false;
};

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
  strict_reporter reporter;
  const auto run = benchmark::RunSpecifiedBenchmarks(&reporter);
  return run == 0 || reporter.failed ? 1 : 0;
}
