// SPDX-License-Identifier: BSL-1.0
// The TLS settings that every encrypted stream gets: TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, an ECDSA P-256
// certificate made at start, two tickets, and a client that verifies the server and its name.
#ifndef TLSMODE_BENCH_TLS_SETTINGS_HPP
#define TLSMODE_BENCH_TLS_SETTINGS_HPP

#include <openssl/types.h>

namespace bench {

enum class role { client, server };

// Applies the settings to a context that the stream adapter made in its own way. Throws on failure.
void configure(SSL_CTX* context, role side);

// Throws unless the session has exactly these parameters and came from a full handshake.
void check_session(const SSL* session);

} // namespace bench

#endif
