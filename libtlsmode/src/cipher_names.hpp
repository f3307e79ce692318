// SPDX-License-Identifier: BSL-1.0
// Lists of cipher suites as text, as OpenSSL takes them. Private to the core.
#ifndef TLSMODE_SRC_CIPHER_NAMES_HPP
#define TLSMODE_SRC_CIPHER_NAMES_HPP

#include <openssl/ssl.h>

#include <cstdint>
#include <string>

namespace tlsmode::detail {

enum class ciphers : std::uint8_t {
  of_tls_1_3,
  before_tls_1_3,
  without_decryption ///< before_tls_1_3, but for those that need more of the private key than a signature
};

/// The names of these of a list; a null list has none. Throws std::bad_alloc.
[[nodiscard]] std::string cipher_names(const STACK_OF(SSL_CIPHER) * list, ciphers which);

} // namespace tlsmode::detail

#endif
