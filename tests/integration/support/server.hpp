// SPDX-License-Identifier: BSL-1.0
// The real https_server as a child process, on a free port.
#ifndef TESTS_INTEGRATION_SERVER_HPP
#define TESTS_INTEGRATION_SERVER_HPP

#include "child_process.hpp"
#include "http_client.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace integration {

class server : public child_process {
 public:
  using arguments = std::vector<std::string>;

  /// Starts it with the test certificate, port 0 and `more`, and waits until it listens. Throws if it does
  /// not.
  explicit server(const arguments& more = {}, std::size_t descriptor_limit = 0);

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "https://localhost:" + std::to_string(port_) + path;
  }

  /// Whole lines of the log so far; those of one peer; those that contain a text.
  [[nodiscard]] std::vector<std::string> log() const;
  [[nodiscard]] std::vector<std::string> log_of(std::uint16_t peer_port) const;
  [[nodiscard]] std::size_t log_count(const std::string& text) const;
  /// Waits for the first line about a peer and returns it; "" if there is none.
  [[nodiscard]] std::string first_line_of(std::uint16_t peer_port) const;
  /// Waits until the server has no more descriptors open than `n`.
  [[nodiscard]] bool settles_at(std::size_t n) const {
    return eventually([&] { return descriptors() <= n; });
  }
  /// True if a fresh connection gets its answer.
  [[nodiscard]] bool works() const;

  /// SIGTERM, and the exit status; -1 if there is none. Call at the end of every test: a leak that a
  /// sanitizer finds shows here.
  [[nodiscard]] int stop();

 private:
  std::uint16_t port_ = 0;
};

/// True in builds with a sanitizer, which has a memory of its own, and needs descriptors of its own.
[[nodiscard]] constexpr bool sanitized() {
#if defined(TLSMODE_SANITIZE_ADDRESS) || defined(TLSMODE_SANITIZE_THREAD)
  return true;
#else
  return false;
#endif
}

} // namespace integration

#endif
