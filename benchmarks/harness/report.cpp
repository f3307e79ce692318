// SPDX-License-Identifier: BSL-1.0
// Tables and CSV. See report.hpp.
#include "report.hpp"

#include "machine.hpp"
#include "streams/registry.hpp"

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

} // namespace

std::string number_text(double value, int decimals) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(decimals) << value;
  return out.str();
}

std::string ratio_text(double ratio) { return number_text(ratio, ratio < 0.1 ? 3 : 2) + "x"; }

std::vector<verdict> judge(const cell_result& result) {
  const stream_type& baseline = *result.where->streams.baseline;
  const stream_type& subject = *result.where->streams.subjects.front();
  std::vector<verdict> verdicts;
  for (const goal& wanted : result.where->goals) {
    const std::vector<double> own = result.series(subject, wanted.what);
    const summary figure =
        !wanted.is_ratio() ? summarise(own) : summarise_ratio(own, result.series(baseline, wanted.what));
    if (figure.count != 0) verdicts.push_back({result.where, wanted, figure, wanted.met_by(figure.median)});
  }
  return verdicts;
}

void print_machine(std::ostream& out) {
  for (const auto& [name, value] : describe_machine()) out << "- " << name << ": " << value << '\n';
  for (const stream_type* stream : all_streams())
    if (stream->library != nullptr) out << "- " << stream->title << ": " << stream->library() << '\n';
  out << '\n';
}

void print_cell(std::ostream& out, const cell_result& result) {
  const auto& [baseline, subjects, beside] = result.where->streams;
  out << "## " << result.where->key << "\n\n" << result.where->title << "\n\n";
  const std::vector<verdict> verdicts = judge(result);
  std::vector<row> rows(1, {"metric"});
  for (const stream_type* stream : result.streams) rows[0].emplace_back(stream->title);
  for (const stream_type* subject : subjects)
    rows[0].push_back(std::string(subject->key) + " / " + std::string(baseline->key));
  rows[0].insert(rows[0].end(), {"goal", "met"});

  for (std::size_t i = 0; i < static_cast<std::size_t>(metric::last_); ++i) {
    const auto what = static_cast<metric>(i);
    row line{name_and_unit(what)};
    bool any = false;
    for (const stream_type* stream : result.streams) {
      const summary figure = summarise(result.series(*stream, what));
      any = any || figure.count != 0;
      line.push_back(spread_text(figure, describe(what).decimals));
    }
    if (!any) continue;
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

void print_goals(std::ostream& out, std::span<const verdict> verdicts) {
  if (verdicts.empty()) return;
  std::vector<row> rows{{"cell", "metric", "measured", "goal", "met"}};
  for (const verdict& one : verdicts)
    rows.push_back({one.where->key, name_and_unit(one.wanted.what), figure_text(one), goal_text(one.wanted),
                    one.met ? "yes" : "NO"});
  out << "## Goals\n\n";
  print_table(out, rows);
  const auto met = std::count_if(verdicts.begin(), verdicts.end(), [](const verdict& v) { return v.met; });
  out << met << " of " << verdicts.size() << " goals met\n";
}

void print_goals_csv(std::ostream& out, std::span<const verdict> verdicts) {
  out << "# SPDX-License-Identifier: BSL-1.0\ncell,metric,name,measured,goal,met\n";
  for (const verdict& one : verdicts)
    out << one.where->key << ',' << describe(one.wanted.what).key << ",\"" << name_and_unit(one.wanted.what)
        << "\"," << figure_text(one) << ',' << goal_text(one.wanted) << ',' << (one.met ? "yes" : "no")
        << '\n';
}

void print_csv_header(std::ostream& out) {
  out << "# SPDX-License-Identifier: BSL-1.0\n";
  for (const auto& [name, value] : describe_machine()) out << "# " << name << ": " << value << '\n';
  out << "cell,round,position,stream,metric,unit,value\n";
}

void print_csv(std::ostream& out, const cell_result& result) {
  for (const sample& one : result.samples)
    for (const auto& [what, value] : one.values)
      out << result.where->key << ',' << one.round << ',' << one.position << ',' << one.stream->key << ','
          << describe(what).key << ',' << describe(what).unit << ',' << std::setprecision(9) << value << '\n';
}

} // namespace bench
