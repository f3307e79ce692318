// SPDX-License-Identifier: BSL-1.0
// Which cipher suites are where, and what their key exchange needs.
#include "cipher_names.hpp"

#include <openssl/objects.h>

namespace tlsmode::detail {
namespace {

bool belongs(const SSL_CIPHER* c, ciphers which) noexcept {
  const int exchange = SSL_CIPHER_get_kx_nid(c);
  if ((exchange == NID_kx_any) != (which == ciphers::of_tls_1_3)) return false; // TLS 1.3 negotiates it apart
  return which != ciphers::without_decryption || (exchange != NID_kx_rsa && exchange != NID_kx_rsa_psk);
}

} // namespace

std::string cipher_names(const STACK_OF(SSL_CIPHER) * list, ciphers which) {
  std::string names;
  for (int i = 0; list != nullptr && i < sk_SSL_CIPHER_num(list); ++i) {
    const SSL_CIPHER* const c = sk_SSL_CIPHER_value(list, i);
    if (!belongs(c, which)) continue;
    if (!names.empty()) names += ':';
    names += SSL_CIPHER_get_name(c);
  }
  return names;
}

} // namespace tlsmode::detail
