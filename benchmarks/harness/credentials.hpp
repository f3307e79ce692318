// SPDX-License-Identifier: BSL-1.0
// The server's key and certificate, made when they are first asked for and the same for the whole process.
#ifndef TLSMODE_BENCH_CREDENTIALS_HPP
#define TLSMODE_BENCH_CREDENTIALS_HPP

#include "measurement.hpp"

#include <openssl/types.h>

namespace bench {

constexpr const char* server_name = "localhost"; // in the certificate

struct credentials {
  EVP_PKEY* key;
  X509* certificate; // signed by itself
};

// They live as long as the process.
credentials credentials_of(server_key kind);

// Makes the key and the certificate now, if that has not been done, and not when the first context needs
// them.
void prepare_credentials(server_key kind);

// Throws with OpenSSL's reason unless it went well.
void require(bool good, const char* what);

} // namespace bench

#endif
