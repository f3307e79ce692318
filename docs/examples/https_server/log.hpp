// SPDX-License-Identifier: BSL-1.0
// The log: one line per event on stderr, with time and peer. Text that comes from a peer is escaped, so that
// it can neither forge lines nor send control sequences to a terminal.
#ifndef EXAMPLES_HTTPS_SERVER_LOG_HPP
#define EXAMPLES_HTTPS_SERVER_LOG_HPP

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace https_server {

/// Writes "TIME SUBJECT WHAT" as one line in one system call. The subject is a peer address, or "server".
/// Thread safety: any thread.
void log_line(std::string_view subject, std::string_view what) noexcept;

/// Text of a peer made fit for the log: control bytes, quotes, backslashes and all that is not ASCII as \xNN;
/// what is longer than `limit` bytes is cut and marked with "...".
[[nodiscard]] std::string escaped(std::string_view text, std::size_t limit = 120);

/// Lets a repeated event into the log at most once per interval, so that a full log is not its own problem.
/// Thread safety: one thread at a time.
class log_throttle {
public:
  /// True if the event may be logged now.
  [[nodiscard]] bool admits() noexcept;

private:
  static constexpr std::chrono::seconds interval{5};
  std::chrono::steady_clock::time_point next_{};
};

} // namespace https_server

#endif
