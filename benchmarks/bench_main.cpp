// SPDX-License-Identifier: BSL-1.0
// tlsmode_bench: all cells, with every figure, goals and raw samples. The short version for newcomers is
// demo_main.cpp.
#include "harness/credentials.hpp"
#include "harness/machine.hpp"
#include "harness/options.hpp"
#include "harness/report.hpp"
#include "harness/results.hpp"
#include "harness/runner.hpp"
#include "harness/sample_file.hpp"
#include "harness/usage.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

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

// counts/counts.py names this function to callgrind, so it has to stay one.
[[gnu::noinline]] measurement measure_once(const stream_type& stream, const workload& work) {
  return stream.run(work);
}

// One plain run, for callgrind or as a test of the scenario itself. Both ends are on one thread, whatever the
// cell says: the instructions of two threads depend on who wakes whom.
int run_once(const options& chosen) {
  workload work = chosen.cells.front()->work;
  work.where = placement::one_thread;
  work.amount = chosen.once;
  if (work.kind != scenario::idle) work.warm_up = 0;
  work.rate = 100 * work.load; // flood: few enough for any machine
  // A new RSA key takes now more, now fewer instructions, and an EC key always the same.
  if (work.tls.key != server_key::ecdsa_p256) prepare_credentials(work.tls.key);
  for (const auto& [what, value] : measure_once(*chosen.streams.front(), work))
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

std::string introduction(const std::vector<std::string>& used, unsigned rounds) {
  std::ostringstream text;
  text << "# TLS streams side by side\n\n";
  for (const std::string& line : used) text << "- " << line << '\n';
  text << "\nTLS 1.3, TLS_AES_128_GCM_SHA256, X25519, ECDSA P-256 unless said otherwise, two tickets, no "
          "resumption; loopback TCP. "
       << rounds
       << " round(s), fewer in cells that take long, the streams in turn; medians (lowest..highest); the "
          "ratio is the median of the rounds' ratios. The second table of a cell has the other streams: "
          "medians, "
          "and the ratio to the first stream of the first table.\nMB are 10^6 bytes, MiB are 2^20.\n";
  return text.str();
}

std::string introduction(const options& chosen, const run_settings& settings) {
  std::string text = introduction(what_was_used(), settings.rounds);
  if (chosen.quick) text += "A quick run: short samples, few rounds. Not for quoting.\n";
  return text + '\n';
}

std::string introduction(const sample_file& file) {
  unsigned rounds = 0;
  for (const cell_result& one : file.cells)
    for (const sample& taken : one.samples) rounds = std::max(rounds, taken.round + 1);
  return introduction(file.used, rounds) + '\n';
}

using clock = std::chrono::steady_clock;
double seconds_since(clock::time_point start) {
  return std::chrono::duration<double>(clock::now() - start).count();
}

// A quick run divides its time among the cells that are left.
constexpr double quick_seconds = 90;

int run_all(const options& chosen) {
  run_settings settings;
  if (chosen.quick)
    settings.rounds = 3, settings.least_rounds = 1, settings.seconds = 0.1, settings.flood_seconds = 0.4;
  if (chosen.rounds != 0) settings.rounds = chosen.rounds;
  results found(std::cout, chosen.out, chosen.csv, what_was_used(), introduction(chosen, settings));

  const watchdog guard(300); // 10,000 connections take their time on a machine that has other work
  bool failed = false;
  const auto start = clock::now();
  for (std::size_t i = 0; i < chosen.cells.size(); ++i) {
    const cell& which = *chosen.cells[i];
    const auto cell_start = clock::now();
    std::cerr << '[' << i + 1 << '/' << chosen.cells.size() << "] " << which.key << ' ';
    if (chosen.quick) {
      const double left = std::max(0.0, quick_seconds - seconds_since(start));
      settings.budget_seconds = std::max(0.1, left / static_cast<double>(chosen.cells.size() - i));
    }
    settings.progress = [&] {
      guard.feed();
      std::cerr << '.';
    };
    try {
      const cell_result result = run_cell(which, chosen.streams, settings);
      std::cerr << ' ' << number_text(seconds_since(cell_start), 1) << " s" << std::endl;
      for (const std::string& reason : result.failures) {
        std::cerr << "error: " << reason << '\n';
        found.add_failure(reason);
        failed = true;
      }
      if (!result.streams.empty()) found.add(result);
    } catch (const std::exception& error) { // the other cells may do
      std::cerr << "\nerror: " << error.what() << '\n';
      found.add_failure(error.what());
      failed = true;
    }
  }
  found.finish();
  if (failed) return 1;
  return chosen.assert_counts && !counts_met(found.verdicts()) ? 1 : 0;
}

// The tables of a run that has been: nothing is measured.
int tables_again(const options& chosen) {
  const sample_file file = read_samples(chosen.tables_from);
  results made(std::cout, chosen.out, chosen.csv, file.used, introduction(file));
  for (const cell_result& one : file.cells) made.add(one);
  made.finish();
  return 0;
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
    if (!chosen.tables_from.empty()) return tables_again(chosen);
    return chosen.once != 0 ? run_once(chosen) : run_all(chosen);
  } catch (const std::exception& error) {
    std::cerr << "\nerror: " << error.what() << '\n';
    return 1;
  }
}
