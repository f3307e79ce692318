// SPDX-License-Identifier: BSL-1.0
// A program run as a child: its output collected while it runs, its end awaited with a limit. A child never
// outlives its object, nor the test program. Output goes to files in memory rather than pipes: what the child
// has written can be seen at once, and nobody has to empty anything.
#ifndef TESTS_INTEGRATION_CHILD_PROCESS_HPP
#define TESTS_INTEGRATION_CHILD_PROCESS_HPP

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace integration {

/// How long anything may take before a test gives up. Not a measure of speed: sanitizer builds are slow.
constexpr std::chrono::seconds patience{20};

class child_process {
 public:
  /// Starts `command[0]` (looked up in PATH) with the rest as arguments. `descriptor_limit` > 0:
  /// RLIMIT_NOFILE.
  explicit child_process(std::vector<std::string> command, std::size_t descriptor_limit = 0);
  virtual ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void signal(int number) const;
  /// The exit status, 128 + number if a signal killed it, nothing if it runs on for longer than `patience`.
  /// All output is there when this returns a status.
  [[nodiscard]] std::optional<int> exit_status();

  [[nodiscard]] std::string out() const { return written_to(out_); }
  [[nodiscard]] std::string err() const { return written_to(err_); }
  /// Waits until `condition(stdout, stderr)` holds; false if it does not within `patience`.
  [[nodiscard]] bool
  wait_for_output(const std::function<bool(const std::string&, const std::string&)>& condition) const;

  /// Descriptors that the child has open now.
  [[nodiscard]] std::size_t descriptors() const;
  /// Its resident memory, in KiB.
  [[nodiscard]] std::size_t resident_kib() const;

 private:
  static std::string written_to(int file);

  pid_t pid_ = -1;
  std::optional<int> status_;
  int out_, err_;
};

/// Runs a program to its end. Throws if it does not end.
struct run_result {
  int status;
  std::string out, err;
};
[[nodiscard]] run_result run(std::vector<std::string> command);

/// Polls until `condition()` holds; false if it does not within `patience`.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);

} // namespace integration

#endif
