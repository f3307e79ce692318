// SPDX-License-Identifier: BSL-1.0
// The transition table of a connection.
#include <tlsmode/detail/state.hpp>

#include <array>

namespace tlsmode {

std::string_view to_string(connection_state s) noexcept {
  switch (s) {
  case connection_state::fresh: return "fresh";
  case connection_state::handshaking: return "handshaking";
  case connection_state::open: return "open";
  case connection_state::close_sent: return "close_sent";
  case connection_state::close_received: return "close_received";
  case connection_state::closed: return "closed";
  case connection_state::failed: return "failed";
  }
  return "?";
}

namespace detail {
namespace {

using enum connection_state;
using enum event;

constexpr std::array table{
    transition{fresh, handshake_begun, handshaking}, transition{fresh, fatal_error, failed},
    transition{handshaking, handshake_done, open},   transition{handshaking, fatal_error, failed},
    transition{open, close_notify_sent, close_sent}, transition{open, close_notify_received, close_received},
    transition{open, fatal_error, failed},           transition{close_sent, close_notify_received, closed},
    transition{close_sent, fatal_error, failed},     transition{close_received, close_notify_sent, closed},
    transition{close_received, fatal_error, failed},
};

} // namespace

std::string_view to_string(event e) noexcept {
  switch (e) {
  case handshake_begun: return "handshake_begun";
  case handshake_done: return "handshake_done";
  case close_notify_sent: return "close_notify_sent";
  case close_notify_received: return "close_notify_received";
  case fatal_error: return "fatal_error";
  }
  return "?";
}

std::span<const transition> transitions() noexcept { return table; }

void state_machine::on(event e) noexcept {
  for (const transition& t : table) {
    if (t.from == now_ && t.on == e) {
      now_ = t.to;
      return;
    }
  }
}

} // namespace detail
} // namespace tlsmode
