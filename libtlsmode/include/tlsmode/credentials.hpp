// SPDX-License-Identifier: BSL-1.0
// What one side of a connection shows of itself: certificate chains with their private keys, apart from any
// context. What a certificate hook answers with.
#ifndef TLSMODE_CREDENTIALS_HPP
#define TLSMODE_CREDENTIALS_HPP

#include <tlsmode/context.hpp>

#include <openssl/types.h>

#include <memory>

namespace tlsmode {

/// Certificate chains and their keys; a value that is cheap to copy, since copies share what is in it.
/// Thread safety: may be used on any threads.
class credentials {
 public:
  /// One chain, own certificate first, and its key, which must not be encrypted. Throws std::system_error
  /// with PEM's or OpenSSL's reason, also if the key is another certificate's.
  credentials(pem chain, pem key);
  /// Those of a context: of every kind that it has, say an RSA and an EC certificate, and with keys that are
  /// behind a signer. Without any it is empty. Throws std::system_error.
  explicit credentials(const context& from) : credentials(from.native_handle()) {}
  /// Precondition: `from` is not null.
  explicit credentials(SSL_CTX* from);

  /// True if there is no certificate.
  [[nodiscard]] bool empty() const noexcept;
  /// The connection shows these from now on, and none that it had before. For code that OpenSSL calls back
  /// when it wants to know (SSL_CTX_set_cert_cb(3)). False, with OpenSSL's error queue saying why, if it does
  /// not take them. Precondition: `ssl` is not null.
  [[nodiscard]] bool apply(SSL* ssl) const noexcept;
  /// Those that a connection shows now. Throws std::system_error. Precondition: `ssl` is not null.
  [[nodiscard]] static credentials of(SSL* ssl);

 private:
  friend struct hook_bridge;
  struct parts;
  [[nodiscard]] bool can_decrypt() const noexcept; // false if an RSA key is behind a signer
  explicit credentials(std::shared_ptr<const parts> from) noexcept : parts_(std::move(from)) {}
  std::shared_ptr<const parts> parts_;
};

} // namespace tlsmode

#endif
