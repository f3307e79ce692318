// SPDX-License-Identifier: BSL-1.0
// The samples of a run that has been, from the file that it left.
#ifndef TLSMODE_BENCH_SAMPLE_FILE_HPP
#define TLSMODE_BENCH_SAMPLE_FILE_HPP

#include "runner.hpp"

#include <string>
#include <vector>

namespace bench {

struct sample_file {
  std::vector<std::string> used; // the machine and the versions, as what_was_used() had them
  std::vector<cell_result> cells;
};

// Reads what print_csv_header and print_csv wrote. Cells that there are no more, and streams that are no
// longer part of their cell, are left out. Throws if it is no such file.
sample_file read_samples(const std::string& name);

} // namespace bench

#endif
