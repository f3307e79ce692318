// SPDX-License-Identifier: BSL-1.0
// The TLS settings that every encrypted stream gets: TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, a
// certificate made at start (ECDSA P-256, or RSA where the workload says so), two tickets, and a client that
// verifies the server and its name.
#ifndef TLSMODE_BENCH_TLS_SETTINGS_HPP
#define TLSMODE_BENCH_TLS_SETTINGS_HPP

#include "measurement.hpp"

#include <openssl/types.h>

namespace bench {

enum class role { client, server };

// Applies the settings to a context that the stream adapter made in its own way. The two ends of a connection
// name the same key. Throws on failure.
void configure(SSL_CTX* context, role side, server_key key = server_key::ecdsa_p256);

// Makes the key and the certificate now, if that has not been done, and not when the first context needs
// them.
void prepare_credentials(server_key key);

// Throws unless the session has exactly these parameters and came from a full handshake.
void check_session(const SSL* session);

} // namespace bench

#endif
