// SPDX-License-Identifier: BSL-1.0
// Log lines and the escaping of peer text.
#include "log.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace https_server {
namespace {

std::string timestamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  std::array<char, 32> text{};
  const std::size_t n = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(now.tv_nsec / 1'000'000));
  return std::string(text.data(), n) + fraction.data();
}

} // namespace

void log_line(std::string_view subject, std::string_view what) noexcept try {
  std::string line = timestamp();
  line.append(" ").append(subject).append(" ").append(what).append("\n");
  // One write keeps lines of several threads apart. A log that cannot be written is no reason to stop.
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (n > 0)
      rest.remove_prefix(static_cast<std::size_t>(n));
    else if (errno != EINTR)
      break;
  }
} catch (...) { // out of memory: the line is lost, the server goes on
}

std::string escaped(std::string_view text, std::size_t limit) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\'' && c != '\\')
      result += c;
    else
      result.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
  }
  if (text.size() > limit) result += "...";
  return result;
}

bool log_throttle::admits() noexcept {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return false;
  next_ = now + interval;
  return true;
}

} // namespace https_server
