// SPDX-License-Identifier: BSL-1.0
// The cell flood-full with short samples, as a table for people. See demo_flood.hpp.
#include "demo_flood.hpp"

#include "harness/report.hpp"
#include "harness/runner.hpp"
#include "scenarios/flood_load.hpp"

#include <array>
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

struct column {
  metric what;
  const char* name;
  double scale;
  int decimals;
};

constexpr double milliseconds = 1e-3; // of microseconds
const std::array<column, 7> columns{{
    {metric::echo_p50, "p50", milliseconds, 2},
    {metric::echo_p99, "p99", milliseconds, 2},
    {metric::echo_p999, "p99.9", milliseconds, 2},
    {metric::late_p50, "p50", milliseconds, 2},
    {metric::late_p99, "p99", milliseconds, 2},
    {metric::late_p999, "p99.9", milliseconds, 2},
    {metric::handshakes, "per second", 1, 0},
}};
constexpr int name_width = 23, value_width = 8, last_width = 12;

int width_of(const column& one) { return &one == &columns.back() ? last_width : value_width; }

double median_of(const cell_result& result, const stream_type& stream, metric what) {
  const auto series = result.series(stream, what);
  if (series.empty())
    throw std::runtime_error(std::string(stream.title) + ": " + std::string(describe(what).name) +
                             " was not measured");
  return summarise(series).median;
}

void print_header() {
  std::cout << std::left << std::setw(name_width) << "" << std::right << std::setw(3 * value_width)
            << "echo of 64 bytes, ms" << std::setw(3 * value_width) << "1 ms timer late, ms"
            << std::setw(last_width) << "handshakes" << '\n'
            << std::setw(name_width) << "";
  for (const column& one : columns) std::cout << std::setw(width_of(one)) << one.name;
  std::cout << '\n';
}

void print_stream(const cell_result& result, const stream_type& stream) {
  std::cout << std::left << std::setw(name_width) << stream.title << std::right;
  for (const column& one : columns)
    std::cout << std::setw(width_of(one))
              << number_text(median_of(result, stream, one.what) * one.scale, one.decimals);
  std::cout << '\n';
  const stream_type& baseline = *result.where->streams.baseline;
  if (&stream == &baseline) return;
  std::cout << std::setw(name_width) << "";
  for (const column& one : columns) {
    const summary ratio = summarise_ratio(result.series(stream, one.what), result.series(baseline, one.what));
    std::cout << std::setw(width_of(one)) << (ratio.count == 0 ? "-" : ratio_text(ratio.median));
  }
  std::cout << '\n';
}

std::string milliseconds_of(const cell_result& result, const stream_type& stream, metric what) {
  return number_text(median_of(result, stream, what) * milliseconds, 1) + " ms";
}

} // namespace

void demo_flood(const watchdog& guard) {
  const cell& which = *find_cells("flood-full").front();
  run_settings settings;
  settings.rounds = 3;
  settings.flood_seconds = 0.6;
  settings.progress = [&guard] {
    guard.feed();
    std::cerr << '.' << std::flush;
  };
  std::cerr << "measuring ";
  const cell_result result = run_cell(which, all_streams(), settings);
  std::cerr << "\n\n";

  std::cout
      << "One server thread: " << flood_echoes << " connections echo " << flood_messages_per_second
      << " messages a second and a timer ticks each millisecond,\nwhile " << number_text(result.work.rate, 0)
      << " new connections a second shake hands (RSA-2048): as many as asio::ssl::stream can take.\nThe "
         "clients are another process. They, the job thread and the signer's share the second "
         "processor.\nMedians of "
      << settings.rounds << " runs; below them the ratios to asio::ssl::stream.\n\n";
  print_header();
  for (const stream_type* stream : result.streams) print_stream(result, *stream);
  const auto slowest = [&](const stream_type& stream) {
    return milliseconds_of(result, stream, metric::echo_p999);
  };
  std::cout << "\nOne echo in a thousand took " << slowest(asio_ssl_stream) << " or longer with "
            << asio_ssl_stream.title << ", " << slowest(tlsmode_stream) << " with ours as it is,\n"
            << slowest(tlsmode_job_threads_stream) << " with handshakes on a job thread, and "
            << slowest(tlsmode_signer_stream) << " with signatures made by a signer's thread.\n";
}

} // namespace bench
