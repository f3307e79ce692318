// SPDX-License-Identifier: BSL-1.0
// Making a server's connection one of another context, all of it: SSL_set_SSL_CTX(3) alone carries over the
// certificates, and leaves verification, versions and options as they were. Private to the core.
#ifndef TLSMODE_SRC_CONTEXT_SWITCH_HPP
#define TLSMODE_SRC_CONTEXT_SWITCH_HPP

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>

namespace tlsmode {

class engine;

namespace detail {

/// What a connection may have set for itself and gets back when it is used again. Verification is not among
/// these: a connection with its own is not switched.
struct connection_settings {
  std::uint64_t options = 0;
  long lowest = 0; // protocol versions
  long highest = 0;
  std::size_t tickets = 0;
  bool own_ciphers = false; // else those of the context
  std::string ciphers;
  std::string suites;
};

} // namespace detail

struct context_switch {
  [[nodiscard]] static detail::connection_settings settings_of(SSL* ssl);
  /// In the middle of a ClientHello. Errors: bad_option, OpenSSL's. After an error the handshake must fail.
  [[nodiscard]] static std::error_code to(engine& e, SSL_CTX* target);
  /// Between two connections: back to the context that the connection was made of.
  [[nodiscard]] static std::error_code back(engine& e, const detail::connection_settings& before);

 private:
  static bool fits(const engine& e, SSL_CTX* target);
  static bool carry_over(engine& e, SSL_CTX* target);
};

} // namespace tlsmode

#endif
