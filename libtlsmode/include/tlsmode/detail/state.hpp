// SPDX-License-Identifier: BSL-1.0
// The states of a connection and every transition between them, in one table. The diagram in
// docs/architecture.md is tested against it. Knows nothing of OpenSSL.
#ifndef TLSMODE_DETAIL_STATE_HPP
#define TLSMODE_DETAIL_STATE_HPP

#include <cstdint>
#include <span>
#include <string_view>

namespace tlsmode {

/// Where a connection stands.
enum class connection_state : std::uint8_t {
  fresh,          ///< no handshake begun
  handshaking,    ///< handshake begun
  open,           ///< data may flow both ways
  close_sent,     ///< we sent close_notify; the peer may still send data
  close_received, ///< the peer sent close_notify; we may still send data
  closed,         ///< close_notify went both ways
  failed          ///< a fatal error ended the connection
};

[[nodiscard]] std::string_view to_string(connection_state s) noexcept;

namespace detail {

/// True until the handshake is done, or has failed.
[[nodiscard]] constexpr bool before_open(connection_state s) noexcept {
  return s == connection_state::fresh || s == connection_state::handshaking;
}

enum class event : std::uint8_t {
  handshake_begun,
  handshake_done,
  close_notify_sent,
  close_notify_received,
  fatal_error
};

[[nodiscard]] std::string_view to_string(event e) noexcept;

struct transition {
  connection_state from;
  event on;
  connection_state to;
};

/// All transitions. An event that has none from the present state changes nothing.
[[nodiscard]] std::span<const transition> transitions() noexcept;

class state_machine {
 public:
  [[nodiscard]] connection_state now() const noexcept { return now_; }
  void on(event e) noexcept;

 private:
  connection_state now_ = connection_state::fresh;
};

} // namespace detail
} // namespace tlsmode

#endif
