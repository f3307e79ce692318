// SPDX-License-Identifier: BSL-1.0
// Tables and CSV. See report.hpp.
#include "report.hpp"

#include "machine.hpp"
#include "streams/registry.hpp"
#include "usage.hpp"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <string>

namespace bench {
namespace {

using row = std::vector<std::string>;

// A Markdown table whose source is aligned, too: it is read in terminals.
void print_table(std::ostream& out, const std::vector<row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const row& one : rows)
    for (std::size_t i = 0; i < one.size(); ++i) widths[i] = std::max(widths[i], one[i].size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const auto width = static_cast<int>(widths[i]);
      out << "| " << (i == 0 ? std::left : std::right) << std::setw(width) << rows[r][i] << ' ';
    }
    out << "|\n";
    if (r != 0) continue;
    for (std::size_t i = 0; i < widths.size(); ++i)
      out << (i == 0 ? "|:" : "|-") << std::string(widths[i], '-') << (i == 0 ? '-' : ':');
    out << "|\n";
  }
  out << '\n';
}

std::string spread_text(const summary& of, int decimals) {
  if (of.count == 0) return "-";
  std::string text = number_text(of.median, decimals);
  const std::string low = number_text(of.low, decimals), high = number_text(of.high, decimals);
  if (low != high) text += " (" + low + ".." + high + ")";
  return text;
}

std::string goal_text(const goal& wanted) {
  switch (wanted.form) {
  case goal::kind::ratio_at_least: return ">= " + ratio_text(wanted.limit);
  case goal::kind::ratio_at_most: return "<= " + ratio_text(wanted.limit);
  case goal::kind::figure_at_least: return ">= " + number_text(wanted.limit, 2);
  case goal::kind::figure_at_most: return "<= " + number_text(wanted.limit, 2);
  case goal::kind::count_at_most: return "<= " + number_text(wanted.limit, describe(wanted.what).decimals);
  }
  return "-";
}

std::string figure_text(const verdict& one) {
  return !one.wanted.is_ratio() ? spread_text(one.figure, describe(one.wanted.what).decimals)
                                : ratio_text(one.figure.median) + " (" + ratio_text(one.figure.low) + ".." +
                                      ratio_text(one.figure.high) + ")";
}

std::string name_and_unit(metric what) {
  const metric_description& about = describe(what);
  std::string text(about.name);
  if (!about.unit.empty()) text += ", " + std::string(about.unit);
  return text;
}

// Those that any of the streams has.
std::vector<metric> metrics_of(const cell_result& result) {
  std::vector<metric> found;
  for (std::size_t i = 0; i < static_cast<std::size_t>(metric::last_); ++i) {
    const auto what = static_cast<metric>(i);
    if (std::any_of(result.streams.begin(), result.streams.end(),
                    [&](const stream_type* stream) { return !result.series(*stream, what).empty(); }))
      found.push_back(what);
  }
  return found;
}

} // namespace

std::string number_text(double value, int decimals) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(decimals) << value;
  return out.str();
}

std::string ratio_text(double ratio) { return number_text(ratio, ratio < 0.1 ? 3 : 2) + "x"; }

std::string verdict::who() const {
  const auto& [baseline, subjects, beside] = where->streams;
  std::string text(subjects.front()->key);
  if (wanted.is_ratio()) text += " / " + std::string(baseline->key);
  return text;
}

std::vector<verdict> judge(const cell_result& result) {
  const stream_type& baseline = *result.where->streams.baseline;
  const stream_type& subject = *result.where->streams.subjects.front();
  std::vector<verdict> verdicts;
  for (const goal& wanted : result.where->goals) {
    const std::vector<double> own = result.series(subject, wanted.what);
    const summary figure =
        !wanted.is_ratio() ? summarise(own) : summarise_ratio(own, result.series(baseline, wanted.what));
    if (figure.count == 0) continue;
    const bool counts = !wanted.if_those_before || std::all_of(verdicts.begin(), verdicts.end(),
                                                               [](const verdict& one) { return one.met; });
    verdicts.push_back({result.where, wanted, figure, counts && wanted.met_by(figure.median)});
  }
  return verdicts;
}

std::vector<std::string> what_was_used() {
  std::vector<std::string> lines;
  for (const auto& [name, value] : describe_machine()) lines.push_back(name + ": " + value);
  for (const stream_type* stream : all_streams())
    if (stream->library != nullptr) lines.push_back(std::string(stream->title) + ": " + stream->library());
  for (const std::string_view key : absent_streams()) lines.push_back(std::string(key) + ": not built here");
  if (!counters_available()) lines.emplace_back("calls and heap: not counted in a sanitizer build");
  if (!usage_now().instructions)
    lines.emplace_back("instructions: not counted, as this machine gives no hardware counter (./dev bench "
                       "counts counts them)");
  return lines;
}

// The baseline, the subjects with their ratios, and the limit; a line for each metric.
static void print_subjects(std::ostream& out, const cell_result& result,
                           const std::vector<const stream_type*>& shown) {
  const auto& [baseline, subjects, beside] = result.where->streams;
  const std::vector<verdict> verdicts = judge(result);
  std::vector<row> rows(1, {"metric"});
  for (const stream_type* stream : shown) rows[0].emplace_back(stream->title);
  for (const stream_type* subject : subjects)
    rows[0].push_back(std::string(subject->key) + " / " + std::string(baseline->key));
  rows[0].insert(rows[0].end(), {"goal", "met"});

  for (const metric what : metrics_of(result)) {
    row line{name_and_unit(what)};
    for (const stream_type* stream : shown)
      line.push_back(spread_text(summarise(result.series(*stream, what)), describe(what).decimals));
    for (const stream_type* subject : subjects) {
      const summary ratio = summarise_ratio(result.series(*subject, what), result.series(*baseline, what));
      line.push_back(ratio.count == 0 ? "-" : ratio_text(ratio.median));
    }
    const auto judged = std::find_if(verdicts.begin(), verdicts.end(),
                                     [&](const verdict& v) { return v.wanted.what == what; });
    line.push_back(judged == verdicts.end() ? "" : goal_text(judged->wanted));
    line.push_back(judged == verdicts.end() ? "" : judged->met ? "yes" : "NO");
    rows.push_back(std::move(line));
  }
  print_table(out, rows);
}

// The others, a line for each: medians, and the ratios to the baseline.
static void print_others(std::ostream& out, const cell_result& result,
                         const std::vector<const stream_type*>& shown) {
  const stream_type& baseline = *result.where->streams.baseline;
  const std::vector<metric> metrics = metrics_of(result);
  std::vector<row> rows(1, {"beside"});
  for (const metric what : metrics) rows[0].push_back(name_and_unit(what));
  for (const stream_type* stream : shown) {
    row line{std::string(stream->title)};
    for (const metric what : metrics) {
      const std::vector<double> own = result.series(*stream, what);
      const summary figure = summarise(own), ratio = summarise_ratio(own, result.series(baseline, what));
      std::string text = figure.count == 0 ? "-" : number_text(figure.median, describe(what).decimals);
      if (ratio.count != 0) text += " (" + ratio_text(ratio.median) + ")";
      line.push_back(std::move(text));
    }
    rows.push_back(std::move(line));
  }
  print_table(out, rows);
}

void print_cell(std::ostream& out, const cell_result& result) {
  const auto& [baseline, subjects, beside] = result.where->streams;
  out << "## " << result.where->key << "\n\n" << result.where->title << "\n\n";
  std::vector<const stream_type*> main, others;
  for (const stream_type* stream : result.streams) {
    const bool compared = stream == baseline || stream == &plain_tcp_stream ||
                          std::find(subjects.begin(), subjects.end(), stream) != subjects.end();
    (compared ? main : others).push_back(stream);
  }
  if (!main.empty()) print_subjects(out, result, main);
  if (!others.empty()) print_others(out, result, others);
}

void print_goals(std::ostream& out, std::span<const verdict> verdicts) {
  if (verdicts.empty()) return;
  std::vector<row> rows{{"cell", "metric", "who", "measured", "goal", "met"}};
  for (const verdict& one : verdicts)
    rows.push_back({one.where->key, name_and_unit(one.wanted.what), one.who(), figure_text(one),
                    goal_text(one.wanted), one.met ? "yes" : "NO"});
  out << "## Goals\n\n";
  print_table(out, rows);
  const auto met = std::count_if(verdicts.begin(), verdicts.end(), [](const verdict& v) { return v.met; });
  out << met << " of " << verdicts.size() << " goals met\n";
}

void print_goals_csv(std::ostream& out, std::span<const verdict> verdicts) {
  out << "# SPDX-License-Identifier: BSL-1.0\ncell,metric,name,who,measured,goal,met\n";
  for (const verdict& one : verdicts)
    out << one.where->key << ',' << describe(one.wanted.what).key << ",\"" << name_and_unit(one.wanted.what)
        << "\"," << one.who() << ',' << figure_text(one) << ',' << goal_text(one.wanted) << ','
        << (one.met ? "yes" : "no") << '\n';
}

void print_csv_header(std::ostream& out, std::span<const std::string> used) {
  out << "# SPDX-License-Identifier: BSL-1.0\n";
  for (const std::string& line : used) out << "# " << line << '\n';
  out << "cell,round,position,stream,metric,unit,value\n";
}

void print_csv(std::ostream& out, const cell_result& result) {
  for (const sample& one : result.samples)
    for (const auto& [what, value] : one.values)
      out << result.where->key << ',' << one.round << ',' << one.position << ',' << one.stream->key << ','
          << describe(what).key << ',' << describe(what).unit << ',' << std::setprecision(9) << value << '\n';
}

} // namespace bench
