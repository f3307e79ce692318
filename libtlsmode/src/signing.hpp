// SPDX-License-Identifier: BSL-1.0
// What is behind a private key that a signer has: the asking side of signature_request, and the arithmetic.
// Private to the core.
#ifndef TLSMODE_SRC_SIGNING_HPP
#define TLSMODE_SRC_SIGNING_HPP

#include "openssl_handle.hpp"

#include <tlsmode/signer.hpp>

#include <openssl/evp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

namespace tlsmode::detail {

using pkey_ptr = std::unique_ptr<EVP_PKEY, free_with<&EVP_PKEY_free>>;

/// A certificate's key as OpenSSL gets it: the public part, and whom to ask. Never changes.
struct signer_key {
  std::shared_ptr<signer> who;
  std::shared_ptr<EVP_PKEY> public_key;
  std::shared_ptr<const std::vector<std::byte>> public_key_der;
  std::chrono::milliseconds limit;
  signing_scheme::key_kind kind;
};

/// The kind of a key; nothing for those that signers do not do.
[[nodiscard]] std::optional<signing_scheme::key_kind> kind_of(const EVP_PKEY* key) noexcept;
/// Its public part as SubjectPublicKeyInfo; empty if OpenSSL cannot. Throws std::bad_alloc.
[[nodiscard]] std::vector<std::byte> der_of(const EVP_PKEY* key);
[[nodiscard]] pkey_ptr public_key_from(std::span<const std::byte> der) noexcept;

/// True if it is a signature of the message. Any bytes may come. Leaves OpenSSL's errors as they were.
[[nodiscard]] bool verifies(EVP_PKEY* public_key, const signing_scheme& scheme,
                            std::span<const std::byte> message,
                            std::span<const std::byte> signature) noexcept;

/// The asking side.
struct signing {
  /// Has the key's signer sign and waits: in a job by pausing it, else by blocking. Empty if there is no
  /// signature; the operation that runs on this thread is then told why.
  [[nodiscard]] static std::vector<std::byte> ask(const signer_key& key, const signing_scheme& scheme,
                                                  std::span<const std::byte> message) noexcept;
};

/// A key of OpenSSL's that has `key` asked; null if OpenSSL cannot make one.
[[nodiscard]] pkey_ptr make_provider_key(const std::shared_ptr<const signer_key>& key) noexcept;
/// True if it is one of these.
[[nodiscard]] bool is_provider_key(const EVP_PKEY* key) noexcept;

} // namespace tlsmode::detail

#endif
