// SPDX-License-Identifier: BSL-1.0
// An owning pointer to a TLS session: what engine::session() gives and engine::offer_session() takes.
#ifndef TLSMODE_SESSION_HPP
#define TLSMODE_SESSION_HPP

#include <memory>

// As <openssl/ssl.h> has it, which alone would be most of this header's cost.
struct ssl_session_st;
using SSL_SESSION = ssl_session_st;

namespace tlsmode {

/// Gives the reference back. Source: SSL_SESSION_free(3).
struct free_session {
  void operator()(SSL_SESSION* s) const noexcept;
};
/// An owning reference to a session. Thread safety: a session may be given to another thread, and offered by
/// several connections; it must not be changed then.
using session_ptr = std::unique_ptr<SSL_SESSION, free_session>;

} // namespace tlsmode

#endif
