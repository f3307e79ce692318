// SPDX-License-Identifier: BSL-1.0
// The TLS settings that every encrypted stream gets: what tls_parameters say (TLS 1.3,
// TLS_AES_128_GCM_SHA256, an ECDSA P-256 key and two tickets unless a cell asks for others), X25519, a
// certificate made at start, and a client that verifies the server and its name.
#ifndef TLSMODE_BENCH_TLS_SETTINGS_HPP
#define TLSMODE_BENCH_TLS_SETTINGS_HPP

#include "credentials.hpp"
#include "measurement.hpp"

#include <openssl/types.h>

namespace bench {

enum class role { client, server };

// Applies the settings to a context that the stream adapter made in its own way. The two ends of a connection
// name the same parameters. Throws on failure.
void configure(SSL_CTX* context, role side, const tls_parameters& tls = {});

// Throws unless the session is what its context was configured for; and, unless that is to resume sessions,
// came from a full handshake.
void check_session(const SSL* session);

// For a client before its handshake, over a context that is to resume: offers the first session that any
// client of the context has got. False if there is none yet.
bool offer_kept_session(SSL* client);

// Throws unless the handshake was a resumption, or was not.
void check_resumed(const SSL* session, bool wanted);

// For a server's connection that is about to be destroyed without close_notify: OpenSSL would take its
// session out of the cache for that.
void keep_in_cache(SSL* server);

// Counts the records that a session writes, from construction to destruction.
class record_counter {
 public:
  explicit record_counter(SSL* session);
  ~record_counter();
  record_counter(const record_counter&) = delete;
  record_counter& operator=(const record_counter&) = delete;
  std::uint64_t count() const noexcept { return count_; }

 private:
  SSL* session_;
  std::uint64_t count_ = 0;
};

} // namespace bench

#endif
