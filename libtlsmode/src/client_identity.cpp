// SPDX-License-Identifier: BSL-1.0
// The mark on a session that says as whom it was made.
#include "client_identity.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <new>

namespace tlsmode::detail {
namespace {

void free_mark(void*, void* mark, CRYPTO_EX_DATA*, int, long, void*) noexcept {
  delete static_cast<digest*>(mark);
}

// Every TLS 1.3 ticket is a copy of the connection's session.
int copy_mark(CRYPTO_EX_DATA*, const CRYPTO_EX_DATA*, void** mark, int, long, void*) noexcept {
  if (*mark == nullptr) return 1;
  *mark = new (std::nothrow) digest(*static_cast<const digest*>(*mark));
  return *mark != nullptr ? 1 : 0;
}

int mark_index() noexcept {
  static const int index = SSL_SESSION_get_ex_new_index(0, nullptr, nullptr, &copy_mark, &free_mark);
  return index;
}

} // namespace

std::optional<digest> identity_of(const X509* own) noexcept {
  digest d{};
  if (own != nullptr && X509_digest(own, EVP_sha256(), d.data(), nullptr) != 1) return std::nullopt;
  return d;
}

const digest* identity_of(const SSL_SESSION* session) noexcept {
  return static_cast<const digest*>(SSL_SESSION_get_ex_data(session, mark_index()));
}

bool mark_identity(SSL_SESSION* session, const digest& who) noexcept {
  auto mark = std::unique_ptr<digest>(new (std::nothrow) digest(who));
  if (!mark || SSL_SESSION_set_ex_data(session, mark_index(), mark.get()) != 1) return false;
  (void)mark.release();
  return true;
}

} // namespace tlsmode::detail
