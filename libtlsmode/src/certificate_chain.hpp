// SPDX-License-Identifier: BSL-1.0
// OpenSSL's chains of certificates as owned certificates. Private to the core.
#ifndef TLSMODE_SRC_CERTIFICATE_CHAIN_HPP
#define TLSMODE_SRC_CERTIFICATE_CHAIN_HPP

#include <tlsmode/connection.hpp>

#include <openssl/x509.h>

#include <vector>

namespace tlsmode::detail {

/// Appends the certificates of a chain, which may be null. Throws std::bad_alloc.
void append_certificates(std::vector<certificate_ptr>& to, const STACK_OF(X509) * from);

} // namespace tlsmode::detail

#endif
