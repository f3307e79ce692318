// SPDX-License-Identifier: BSL-1.0
// What a tlsmode::context knows beyond its SSL_CTX; lives as long as the SSL_CTX. Private to the core.
#ifndef TLSMODE_SRC_CONTEXT_SETTINGS_HPP
#define TLSMODE_SRC_CONTEXT_SETTINGS_HPP

#include <openssl/types.h>

#include <string>

namespace tlsmode::detail {

struct context_settings {
  bool host_needed = false; // a client connection must name the host it verifies
  std::string alpn;         // in wire format (RFC 7301)

  /// The settings of a context; null if it is not one of ours.
  static context_settings* of(SSL_CTX* ctx) noexcept;
};

} // namespace tlsmode::detail

#endif
