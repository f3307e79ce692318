// SPDX-License-Identifier: BSL-1.0
// The command line of tlsmode_bench. See options.hpp.
#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>

namespace bench {

const char* const usage_text =
    R"(tlsmode_bench [options] [CELL...]

Measures the stream types side by side, in turn, and prints Markdown tables.
A CELL is a name that --list shows, or the beginning of several ("bulk" is all bulk cells). Without any: all but
those that take long.

  --list            show the cells and the streams
  --quick           shorter samples and fewer rounds: about two minutes; without a CELL, fewer cells; without
                    --streams, fewer streams
  --full            without a CELL: all, also those that take long
  --rounds N        samples per stream and cell (default 25, fewer in cells that take long; 3 with --quick)
  --streams A,B     only these streams
  --out DIR         write every sample to DIR/samples.csv, the tables to DIR/results.md, the goals to DIR/goals.csv
  --csv FILE        write every sample to FILE
  --tables-from FILE  measure nothing; make the tables again from the samples of a run
  --assert-counts   exit with status 1 if a count (calls, bytes) is over its goal
  --once N          run the cell once with N bytes, round trips, handshakes or connections, both ends on one
                    thread and no warm-up, for callgrind: give one CELL and one stream in --streams.
                    The instructions for one are (count of 2N - count of N) / N. A flood takes N milliseconds;
                    flood-full has 100 handshakes per second, the others as many times that as of the capacity.
  --help

Status 0 if everything could be measured, whether the goals are met or not; else 1.
)";

namespace {

[[noreturn]] void refuse(std::string_view what, std::string_view value) {
  throw std::invalid_argument(std::string(what) + ": '" + std::string(value) + "'");
}

template <class T>
T parse_number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0)
    refuse("not a number above 0", text);
  return value;
}

std::vector<const stream_type*> parse_streams(std::string_view list) {
  std::vector<const stream_type*> streams;
  while (!list.empty()) {
    const std::string_view key = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), key.size() + 1));
    const stream_type* const stream = find_stream(key);
    if (stream == nullptr) refuse("no such stream (see --list)", key);
    streams.push_back(stream);
  }
  return streams;
}

// A quick run has no time for the streams of other libraries; but OpenSSL alone says how good a stream can
// be.
std::vector<const stream_type*> usual_streams(bool quick) {
  std::vector<const stream_type*> streams;
  const auto& others = further_streams();
  for (const stream_type* stream : all_streams())
    if (!quick || stream == &openssl_stream ||
        std::find(others.begin(), others.end(), stream) == others.end())
      streams.push_back(stream);
  return streams;
}

} // namespace

options parse_options(int argc, const char* const* argv) {
  options chosen;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&]() -> std::string_view {
      if (++i >= argc) refuse("a value is missing after", argument);
      return argv[i];
    };
    if (argument == "--help") {
      chosen.help = true;
    } else if (argument == "--list") {
      chosen.list = true;
    } else if (argument == "--quick") {
      chosen.quick = true;
    } else if (argument == "--full") {
      chosen.full = true;
    } else if (argument == "--assert-counts") {
      chosen.assert_counts = true;
    } else if (argument == "--rounds") {
      chosen.rounds = parse_number<unsigned>(value());
    } else if (argument == "--out") {
      chosen.out = value();
    } else if (argument == "--csv") {
      chosen.csv = value();
    } else if (argument == "--tables-from") {
      chosen.tables_from = value();
    } else if (argument == "--once") {
      chosen.once = parse_number<std::uint64_t>(value());
    } else if (argument == "--streams" || argument == "--stream") {
      chosen.streams = parse_streams(value());
    } else if (argument == "--scenario" || !argument.starts_with('-')) {
      const std::string_view key = argument == "--scenario" ? value() : argument;
      const auto found = find_cells(key);
      if (found.empty()) refuse("no such cell (see --list)", key);
      chosen.cells.insert(chosen.cells.end(), found.begin(), found.end());
    } else {
      refuse("unknown option (see --help)", argument);
    }
  }
  if (chosen.cells.empty())
    chosen.cells = cells_of(chosen.quick ? level::quick : chosen.full ? level::full : level::normal);
  if (chosen.streams.empty()) chosen.streams = usual_streams(chosen.quick);
  if (chosen.once != 0 && chosen.streams.size() != 1) refuse("--once needs one stream in", "--streams");
  return chosen;
}

} // namespace bench
