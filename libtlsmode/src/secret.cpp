// SPDX-License-Identifier: BSL-1.0
// Secret bytes, wiped in the end.
#include "openssl_handle.hpp"

#include <tlsmode/secret.hpp>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>

namespace tlsmode {

secret_bytes::~secret_bytes() {
  if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

ticket_keys::ticket_keys(std::span<const std::byte, size> from) noexcept {
  std::copy(from.begin(), from.end(), bytes_.begin());
}

ticket_keys::~ticket_keys() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

ticket_keys ticket_keys::random() {
  ticket_keys keys;
  ERR_clear_error();
  if (RAND_bytes(reinterpret_cast<unsigned char*>(keys.bytes_.data()), static_cast<int>(size)) != 1)
    throw std::system_error(detail::first_openssl_error(), "RAND_bytes");
  return keys;
}

ticket_keys::name_type ticket_keys::name() const noexcept {
  name_type n{};
  std::copy_n(bytes_.begin(), n.size(), n.begin());
  return n;
}

} // namespace tlsmode
