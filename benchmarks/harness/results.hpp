// SPDX-License-Identifier: BSL-1.0
// Where a run's results go: tables to a stream as they come; and, if there is a directory for them,
// samples.csv with every sample as it comes, and results.md with all tables and goals.csv with the goals at
// the end.
#ifndef TLSMODE_BENCH_RESULTS_HPP
#define TLSMODE_BENCH_RESULTS_HPP

#include "report.hpp"

#include <filesystem>
#include <fstream>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace bench {

class results {
 public:
  // used: as what_was_used() has it. introduction: Markdown, what was run and how. The directory is made if
  // need be; empty: none. csv: a file for the samples in another place, or empty.
  results(std::ostream& shown, const std::filesystem::path& directory, const std::string& csv,
          std::span<const std::string> used, const std::string& introduction);

  void add(const cell_result& result);
  // A cell or a stream without a result, and why.
  void add_failure(const std::string& reason);

  const std::vector<verdict>& verdicts() const noexcept { return verdicts_; }

  // Shows the goals and writes what is to be written. Throws if anything could not be.
  void finish();

 private:
  std::string closing() const;

  std::ostream& shown_;
  std::filesystem::path directory_;
  std::string introduction_, tables_, failures_;
  std::vector<std::ofstream> samples_; // none to two
  std::vector<verdict> verdicts_;
};

} // namespace bench

#endif
