// SPDX-License-Identifier: BSL-1.0
// The signature operation of the signers' provider. Private to the core.
#ifndef TLSMODE_SRC_SIGNER_SIGNATURE_HPP
#define TLSMODE_SRC_SIGNER_SIGNATURE_HPP

#include <openssl/core.h>

namespace tlsmode::detail {

struct signer_key;

/// The functions of the operation, the same for all kinds of keys.
[[nodiscard]] const OSSL_DISPATCH* signature_functions() noexcept;

/// What a key object of the provider holds; null if it is empty.
[[nodiscard]] const signer_key* key_in(const void* key) noexcept;

} // namespace tlsmode::detail

#endif
