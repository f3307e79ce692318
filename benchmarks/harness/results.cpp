// SPDX-License-Identifier: BSL-1.0
// Streams and files for the results. See results.hpp.
#include "results.hpp"

#include <ostream>
#include <sstream>
#include <stdexcept>

namespace bench {
namespace {

std::ofstream open_file(const std::filesystem::path& name) {
  std::ofstream file(name);
  if (!file) throw std::runtime_error("cannot write " + name.string());
  return file;
}

} // namespace

results::results(std::ostream& shown, const std::filesystem::path& directory, const std::string& csv,
                 std::span<const std::string> used, const std::string& introduction)
    : shown_(shown), directory_(directory), introduction_(introduction) {
  if (!directory_.empty()) {
    std::filesystem::create_directories(directory_);
    samples_.push_back(open_file(directory_ / "samples.csv"));
  }
  if (!csv.empty()) samples_.push_back(open_file(csv));
  for (std::ofstream& file : samples_) print_csv_header(file, used);
  shown_ << introduction_ << std::flush;
}

void results::add(const cell_result& result) {
  std::ostringstream table;
  print_cell(table, result);
  shown_ << table.str() << std::flush;
  tables_ += table.str();
  for (std::ofstream& file : samples_) {
    print_csv(file, result);
    file.flush(); // a run that is cut short leaves what it has
  }
  const auto judged = judge(result);
  verdicts_.insert(verdicts_.end(), judged.begin(), judged.end());
}

void results::add_failure(const std::string& reason) { failures_ += "- " + reason + "\n"; }

std::string results::closing() const {
  std::ostringstream text;
  print_goals(text, verdicts_);
  if (!failures_.empty()) text << "\n## Not measured\n\n" << failures_;
  return text.str();
}

void results::finish() {
  const std::string end = closing();
  shown_ << end << std::flush;
  if (!shown_) throw std::runtime_error("cannot write the tables");
  for (std::ofstream& file : samples_)
    if (!file.flush()) throw std::runtime_error("cannot write the samples");
  if (directory_.empty()) return;
  std::ofstream goals = open_file(directory_ / "goals.csv");
  print_goals_csv(goals, verdicts_);
  if (!goals.flush()) throw std::runtime_error("cannot write goals.csv");
  std::ofstream file = open_file(directory_ / "results.md");
  // The verdicts first: that is what most readers are after.
  file << "<!-- SPDX-License-Identifier: BSL-1.0 -->\n<!-- Written by ./dev bench; do not edit. -->\n"
       << introduction_ << end << '\n'
       << tables_;
  if (!file.flush()) throw std::runtime_error("cannot write results.md");
}

} // namespace bench
