// SPDX-License-Identifier: BSL-1.0
// An example program that prints "listening on ADDRESS:PORT" and serves until it is told to end.
#ifndef TESTS_INTEGRATION_LISTENING_PROCESS_HPP
#define TESTS_INTEGRATION_LISTENING_PROCESS_HPP

#include "child_process.hpp"
#include "tls_client.hpp"

#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace integration {

class listening_process : public child_process {
 public:
  /// Waits until it listens; throws with what it says instead.
  explicit listening_process(std::vector<std::string> command) : child_process(std::move(command)) {
    const std::string ready = "listening on 127.0.0.1:";
    const bool listens = wait_for_output([&](const auto& o, const auto& e) {
      return (o.starts_with(ready) && o.find('\n') != std::string::npos) || !e.empty();
    });
    if (!listens || !out().starts_with(ready)) throw std::runtime_error("it does not listen: " + err());
    port_ = static_cast<std::uint16_t>(std::stoul(out().substr(ready.size())));
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] bool says(const std::string& text) const {
    return wait_for_output([&](const auto&, const auto& e) { return e.find(text) != std::string::npos; });
  }
  /// SIGTERM, and the exit status; -1 if there is none.
  int stop() {
    signal(SIGTERM);
    return exit_status().value_or(-1);
  }

 private:
  std::uint16_t port_ = 0;
};

/// What comes back for `text`; throws tls_error.
inline std::string echo(std::uint16_t port, const std::string& text, const tls_settings& settings = {}) {
  tls_client client(port, settings);
  client.write(text);
  std::string back;
  while (back.size() < text.size()) {
    const std::string piece = client.read(text.size() - back.size());
    if (piece.empty()) break;
    back += piece;
  }
  return back;
}

} // namespace integration

#endif
