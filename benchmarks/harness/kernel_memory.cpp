// SPDX-License-Identifier: BSL-1.0
// See kernel_memory.hpp.
#include "kernel_memory.hpp"

#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

namespace bench {
namespace {

// The number behind the word in the line that begins with start.
std::optional<std::int64_t> number_in(const char* path, const std::string& start, const std::string& word) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(start)) continue;
    std::istringstream words(line);
    for (std::string one; words >> one;) {
      std::int64_t number = 0;
      if (one == word && words >> number) return number;
    }
  }
  return std::nullopt;
}

} // namespace

std::optional<std::int64_t> kernel_bytes() {
  const auto slab_kib = number_in("/proc/meminfo", "Slab:", "Slab:");
  const auto buffer_pages = number_in("/proc/net/sockstat", "TCP:", "mem");
  if (!slab_kib || !buffer_pages) return std::nullopt;
  return *slab_kib * 1024 + *buffer_pages * static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace bench
