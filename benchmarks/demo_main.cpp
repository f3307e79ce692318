// SPDX-License-Identifier: BSL-1.0
// tlsmode_demo: five figures of asio::ssl::stream and tlsmode::stream side by side, in well under half a
// minute; with --flood, a flood of handshakes instead. The same cells as tlsmode_bench, with shorter samples.
// Status 0 only if everything was measured.
#include "demo_flood.hpp"
#include "harness/machine.hpp"
#include "harness/report.hpp"
#include "harness/runner.hpp"
#include "harness/usage.hpp"

#include <array>
#include <exception>
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using namespace bench;

struct line {
  metric what;
  const char* name;
  const char* explanation;
};

struct section {
  const char* cell_key;
  std::vector<line> lines;
};

const std::array<section, 4> sections{{
    {"bulk-1m",
     {{metric::throughput, "throughput, MB/s",
       "one connection, writes of 1 MiB, sender and receiver on a thread each; more is better"},
      {metric::cpu_both, "CPU time, s/GB", "what both ends together spend on a gigabyte; less is better"}}},
    {"pingpong-1t",
     {{metric::round_trips, "64-byte round trips/s",
       "a message there and back, both ends on one thread; more is better"}}},
    {"handshake",
     {{metric::handshakes, "handshakes/s",
       "full TLS 1.3 handshakes, both ends on one thread; more is better"}}},
    {"idle",
     {{metric::idle_heap, "heap bytes per idle connection",
       "a server's connection that waits for data; less is better"}}},
}};

constexpr int name_width = 32, value_width = 19, ratio_width = 8;

void print_header() {
  std::cout
      << "TLS 1.3, AES-128-GCM, ECDSA P-256, over loopback; both streams in turn in this run, medians\n\n"
      << std::left << std::setw(name_width) << "" << std::right << std::setw(value_width)
      << asio_ssl_stream.title << std::setw(value_width) << tlsmode_stream.title << std::setw(ratio_width)
      << "ratio" << '\n';
}

void print_line(const cell_result& result, const line& shown) {
  const auto baseline = result.series(asio_ssl_stream, shown.what);
  const auto subject = result.series(tlsmode_stream, shown.what);
  if (baseline.empty() || subject.empty())
    throw std::runtime_error(std::string(shown.name) + " was not measured");
  // More places than the full report only where two decimals say nothing.
  const int decimals = describe(shown.what).decimals == 0 ? 0 : 2;
  std::cout << std::left << std::setw(name_width) << shown.name << std::right << std::setw(value_width)
            << number_text(summarise(baseline).median, decimals) << std::setw(value_width)
            << number_text(summarise(subject).median, decimals) << std::setw(ratio_width)
            << ratio_text(summarise_ratio(subject, baseline).median) << "\n  " << shown.explanation << '\n';
}

cell_result measure(const section& part, const watchdog& guard) {
  const std::array<const stream_type*, 2> streams{&asio_ssl_stream, &tlsmode_stream};
  const cell& which = *find_cells(part.cell_key).front();
  run_settings settings;
  settings.progress = [&guard] {
    guard.feed();
    std::cerr << '.' << std::flush;
  };
  settings.rounds = which.fixed ? 1 : 9; // the heap is a count: it is the same every time
  settings.seconds = 0.2;
  settings.budget_seconds = 6;
  if (which.work.kind == scenario::idle) {
    settings.work = which.work; // fewer connections than the full benchmark: the slope is the same
    settings.work->warm_up = 50;
    settings.work->amount = 250;
  }
  return run_cell(which, streams, settings);
}

} // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 2 && std::string_view(argv[1]) == "--flood") {
      demo_flood(watchdog(20));
      return std::cout.flush() ? 0 : 1;
    }
    if (argc != 1) throw std::invalid_argument("usage: tlsmode_demo [--flood]");
    if (!counters_available()) throw std::runtime_error("a sanitizer build cannot count heap bytes");
    const watchdog guard(20);
    std::vector<cell_result> results;
    std::cerr << "measuring ";
    for (const section& part : sections) results.push_back(measure(part, guard));
    std::cerr << "\n\n";
    print_header();
    for (std::size_t i = 0; i < sections.size(); ++i)
      for (const line& shown : sections[i].lines) print_line(results[i], shown);
    std::cout.flush();
    return std::cout ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "\nerror: " << error.what() << '\n';
    return 1;
  }
}
