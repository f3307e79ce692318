// SPDX-License-Identifier: BSL-1.0
// Where sessions, engines and the settings of a context meet. Private to the core.
#ifndef TLSMODE_SRC_SESSION_BRIDGE_HPP
#define TLSMODE_SRC_SESSION_BRIDGE_HPP

#include "client_identity.hpp"
#include "context_settings.hpp"

#include <tlsmode/engine.hpp>

#include <optional>

namespace tlsmode {

struct session_bridge {
  // ---- clients ----

  /// OpenSSL's new-session callback of a context that keeps sessions.
  static int on_new_session(SSL* ssl, SSL_SESSION* session) noexcept;
  /// Verifies for client contexts of ours, as OpenSSL would, and marks the session. A context that is given
  /// another such function makes no marks, and so is seen to have one.
  static int on_chain(X509_STORE_CTX* store, void*) noexcept;

  /// True if the peer's certificate decides whether the handshake succeeds.
  static bool verifies(const engine& e) noexcept;
  /// True if somebody besides OpenSSL has a say in the verification.
  static bool asks_callback(const engine& e) noexcept;
  /// As whom a client makes sessions: with the certificate it has, or had when the handshake was done.
  static std::optional<detail::digest> identity(const engine& e) noexcept;
  /// Marks a copy of the connection's session with that; false if there is no memory.
  static bool identify(const engine& e, SSL_SESSION* copy) noexcept;
  /// True if offering the session skips no check that this connection would make, and is not made by another.
  static bool may_resume(const engine& e, const SSL_SESSION* session) noexcept;
  static void keep(engine& e, detail::session_store& store, const SSL_SESSION* session);
  static void offer_kept(engine& e, detail::session_store& store);

  // ---- servers ----

  /// What the connections of a context check, to be compared with what one of them does.
  static std::string checks_of(SSL_CTX* ctx);
  /// With whom a connection may share sessions, and their session-id context unless that is nobody.
  static engine::sharing sharing_of(const engine& e, const detail::context_settings& settings,
                                    detail::digest& id);
  static std::error_code separate(engine& e, const detail::context_settings& settings, bool anew = false);
  /// The same with a native context, whose sessions are its owner's affair unless a hook verifies clients.
  static std::error_code separate_hooked(engine& e) noexcept;
  /// A ClientHello hook has made the connection one of another context.
  static std::error_code separate_again(engine& e);
  /// It is one of its first context again.
  static std::error_code forget_switch(engine& e) noexcept;
  /// True if the connection checks its peer as the context says, and has no settings of its own for that.
  static bool checks_like(const engine& e, SSL_CTX* ctx);
  /// True if the clients whose sessions this connection has taken, or makes, are checked as is set now.
  static bool still_shares(const engine& e);
  /// OpenSSL is about to seal a ticket.
  static int on_ticket(SSL* ssl, void*) noexcept;
};

} // namespace tlsmode

#endif
