// SPDX-License-Identifier: BSL-1.0
// samples.csv read again. See sample_file.hpp.
#include "sample_file.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace bench {
namespace {

constexpr std::string_view licence = "# SPDX-License-Identifier: ";
constexpr std::string_view columns = "cell,round,position,stream,metric,unit,value";

std::array<std::string, 7> fields_of(const std::string& line) {
  std::array<std::string, 7> fields;
  std::size_t at = 0;
  for (std::string& field : fields) {
    const std::size_t end = std::min(line.find(',', at), line.size());
    field = line.substr(at, end - at);
    at = std::min(end + 1, line.size());
  }
  return fields;
}

std::optional<metric> find_metric(std::string_view key) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(metric::last_); ++i)
    if (describe(static_cast<metric>(i)).key == key) return static_cast<metric>(i);
  return std::nullopt;
}

const cell* find_cell(std::string_view key) {
  const auto cells = all_cells();
  const auto found =
      std::find_if(cells.begin(), cells.end(), [&](const cell& one) { return one.key == key; });
  return found == cells.end() ? nullptr : &*found;
}

cell_result& result_of(const cell& which, std::vector<cell_result>& results) {
  if (results.empty() || results.back().where != &which) {
    results.emplace_back();
    results.back().where = &which;
  }
  return results.back();
}

void add(const std::string& line, std::vector<cell_result>& results) {
  const auto [cell_key, round, position, stream_key, metric_key, unit, value] = fields_of(line);
  const cell* const which = find_cell(cell_key);
  const stream_type* const stream = find_stream(stream_key);
  const std::optional<metric> what = find_metric(metric_key);
  if (which == nullptr || stream == nullptr || !what || !which->streams.has(stream)) return;
  cell_result& result = result_of(*which, results);
  const auto turn = static_cast<unsigned>(std::stoul(round)),
             place = static_cast<unsigned>(std::stoul(position));
  auto& samples = result.samples;
  if (samples.empty() || samples.back().round != turn || samples.back().position != place)
    samples.push_back({turn, place, stream, {}});
  samples.back().values.emplace_back(*what, std::stod(value));
}

// In the order of all_streams(), as a round has them.
void name_streams(cell_result& result) {
  for (const stream_type* stream : all_streams())
    if (std::any_of(result.samples.begin(), result.samples.end(),
                    [&](const sample& one) { return one.stream == stream; }))
      result.streams.push_back(stream);
}

} // namespace

sample_file read_samples(const std::string& name) {
  std::ifstream file(name);
  sample_file read;
  std::string line;
  while (std::getline(file, line) && line.starts_with('#'))
    if (!line.starts_with(licence)) read.used.push_back(line.substr(std::min<std::size_t>(2, line.size())));
  if (line != columns) throw std::runtime_error(name + " is not a file of samples");
  try {
    while (std::getline(file, line)) add(line, read.cells);
  } catch (const std::logic_error&) { // of std::stoul, std::stod
    throw std::runtime_error(name + ": not a sample: " + line);
  }
  for (cell_result& one : read.cells) name_streams(one);
  return read;
}

} // namespace bench
