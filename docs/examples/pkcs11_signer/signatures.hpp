// SPDX-License-Identifier: BSL-1.0
// What TLS wants signed, in the terms of PKCS#11 and back.
#ifndef DOCS_EXAMPLES_PKCS11_SIGNER_SIGNATURES_HPP
#define DOCS_EXAMPLES_PKCS11_SIGNER_SIGNATURES_HPP

#include "module.hpp"

#include <tlsmode/signer.hpp>

/// Has the key sign a request. Blocks. Throws std::system_error.
[[nodiscard]] std::vector<std::byte> sign(pkcs11_key& key, const tlsmode::signature_request& request);

#endif
