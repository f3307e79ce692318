// SPDX-License-Identifier: BSL-1.0
// Checks of a server's handshake that OpenSSL does not make. Private to the core.
#ifndef TLSMODE_SRC_CLIENT_CHECKS_HPP
#define TLSMODE_SRC_CLIENT_CHECKS_HPP

#include <tlsmode/engine.hpp>

#include <openssl/crypto.h>

#include <system_error>

namespace tlsmode {

struct client_checks {
  /// True if the verify callback that is at work has asked for time on a server, where nobody would wait.
  static bool asked_for_time(const SSL* ssl) noexcept;
  /// To be called before any handshake: from then on it is seen of all verifications. False if there is no
  /// memory.
  static bool watch() noexcept;
  /// The handshake is done as far as OpenSSL is concerned. Why the client must not get in, if so.
  static std::error_code done(engine& e) noexcept;
  /// True if a callback has chosen another context of ours (SSL_set_SSL_CTX(3)) that lets nobody in without a
  /// certificate, and the client was not asked for one: OpenSSL goes on with the first context's verify mode.
  static bool asked_too_little(const engine& e) noexcept;

 private:
  static void on_answer(void*, void*, CRYPTO_EX_DATA* data, int, long, void*) noexcept;
  static bool spoil_session(SSL* ssl) noexcept;
};

} // namespace tlsmode

#endif
