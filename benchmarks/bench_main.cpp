// SPDX-License-Identifier: BSL-1.0
// tlsmode_bench: all cells, with every figure, goals and raw samples. The short version for newcomers is
// demo_main.cpp.
#include "harness/machine.hpp"
#include "harness/options.hpp"
#include "harness/report.hpp"
#include "harness/runner.hpp"
#include "harness/usage.hpp"

#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <stdexcept>

namespace {

using namespace bench;

void print_list(std::ostream& out) {
  out << "cells:\n";
  for (const cell& one : all_cells()) {
    out << "  " << one.key << ": " << one.title;
    if (one.when != level::normal) out << (one.when == level::quick ? " (also --quick)" : " (only --full)");
    out << '\n';
  }
  out << "streams:\n";
  for (const stream_type* stream : all_streams()) out << "  " << stream->key << ": " << stream->title << '\n';
}

// One plain run, for callgrind or as a test of the scenario itself. Both ends are on one thread, whatever the
// cell says: the instructions of two threads depend on who wakes whom.
int run_once(const options& chosen) {
  workload work = chosen.cells.front()->work;
  work.where = placement::one_thread;
  work.amount = chosen.once;
  if (work.kind != scenario::idle) work.warm_up = 0;
  work.rate = 100 * work.load; // flood: few enough for any machine
  for (const auto& [what, value] : chosen.streams.front()->run(work))
    std::cout << describe(what).key << ' ' << value << '\n';
  return 0;
}

// True if every goal that is a count was measured and met.
bool counts_met(std::span<const verdict> verdicts) {
  bool met = true;
  std::size_t counts = 0;
  for (const verdict& one : verdicts) {
    if (one.wanted.form != goal::kind::count_at_most) continue;
    ++counts;
    if (one.met) continue;
    met = false;
    std::cerr << "error: " << one.where->key << ": " << describe(one.wanted.what).name << " is "
              << one.figure.median << ", the limit is " << one.wanted.limit << '\n';
  }
  if (counts == 0)
    throw std::runtime_error("--assert-counts: none of the chosen cells and streams has a count");
  return met;
}

int run_all(const options& chosen) {
  std::ofstream csv;
  if (!chosen.csv.empty()) {
    csv.open(chosen.csv);
    if (!csv) throw std::runtime_error("cannot write " + chosen.csv);
    print_csv_header(csv);
  }

  run_settings settings;
  settings.rounds = chosen.rounds != 0 ? chosen.rounds : chosen.quick ? 3 : 9;
  settings.seconds = chosen.quick ? 0.1 : 0.5;

  std::cout << "# TLS streams side by side\n\n";
  print_machine(std::cout);
  std::cout
      << "TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, ECDSA P-256 unless said otherwise, two tickets, no "
         "resumption; "
         "loopback TCP. "
      << settings.rounds
      << " round(s), the streams in turn; medians (lowest..highest); the ratio is the median of the rounds' "
         "ratios.\nMB are 10^6 bytes, MiB are 2^20.\n";
  if (!counters_available()) std::cout << "Calls and heap are not counted: this is a sanitizer build.\n";
  if (!usage_now().instructions)
    std::cout << "Instructions are not counted: this machine gives no hardware counter (use --once and "
                 "callgrind).\n";
  std::cout << std::endl;

  const watchdog guard(300);
  std::vector<verdict> verdicts;
  for (const cell* which : chosen.cells) {
    std::cerr << which->key << ' ';
    settings.progress = [&] {
      guard.feed();
      std::cerr << '.';
    };
    const cell_result result = run_cell(*which, chosen.streams, settings);
    std::cerr << '\n';
    if (result.streams.empty()) continue;
    print_cell(std::cout, result);
    std::cout.flush();
    if (csv.is_open()) print_csv(csv, result);
    const auto judged = judge(result);
    verdicts.insert(verdicts.end(), judged.begin(), judged.end());
  }
  print_goals(std::cout, verdicts);
  if (csv.is_open() && !csv.flush()) throw std::runtime_error("cannot write " + chosen.csv);
  std::cout.flush();
  if (!std::cout) throw std::runtime_error("cannot write the tables");
  return chosen.assert_counts && !counts_met(verdicts) ? 1 : 0;
}

} // namespace

int main(int argc, char** argv) {
  try {
    const options chosen = parse_options(argc, argv);
    if (chosen.help) {
      std::cout << usage_text;
      return 0;
    }
    if (chosen.list) {
      print_list(std::cout);
      return 0;
    }
    return chosen.once != 0 ? run_once(chosen) : run_all(chosen);
  } catch (const std::exception& error) {
    std::cerr << "\nerror: " << error.what() << '\n';
    return 1;
  }
}
