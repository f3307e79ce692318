// SPDX-License-Identifier: BSL-1.0
// Where sessions, engines and the settings of a context meet. Private to the core.
#ifndef TLSMODE_SRC_SESSION_BRIDGE_HPP
#define TLSMODE_SRC_SESSION_BRIDGE_HPP

#include "context_settings.hpp"

#include <tlsmode/engine.hpp>

namespace tlsmode {

struct session_bridge {
  /// OpenSSL's new-session callback of a context that keeps sessions.
  static int on_new_session(SSL* ssl, SSL_SESSION* session) noexcept;

  /// On a client: true if the peer's certificate decides whether the handshake succeeds.
  static bool verifies(const engine& e) noexcept;
  /// True if somebody besides OpenSSL has a say in the verification.
  static bool asks_callback(const engine& e) noexcept;
  /// True if offering the session skips no check that this connection would make.
  static bool may_resume(const engine& e, const SSL_SESSION* session) noexcept;
  static void keep(engine& e, detail::session_store& store, const SSL_SESSION* session);
  static void offer_kept(engine& e, detail::session_store& store);
  static void separate(const engine& e, const detail::context_settings& settings);
};

} // namespace tlsmode

#endif
