// SPDX-License-Identifier: BSL-1.0
// OpenSSL's test engine dasync: SHA-1 and AES-128-CBC that pause every time that they are used in a job,
// and are ready at once. A program that links dasync.cpp has its main there: it makes the engine OpenSSL's
// default, or, where it was not built, says so and ends with the status that CTest takes for "skipped".
#ifndef TLSMODE_TESTS_SUPPORT_DASYNC_HPP
#define TLSMODE_TESTS_SUPPORT_DASYNC_HPP

#include <openssl/ssl.h>

#include <string>

namespace tlsmode::test {

/// A certificate for "server.test" and "localhost" that signs itself, and its RSA key, in PEM.
struct rsa_identity {
  std::string certificate;
  std::string key;
};
const rsa_identity& rsa_server();

/// Leaves a context nothing but the cipher suite in which every record goes through the engine: AES128-SHA
/// with TLS 1.2. (Without encrypt-then-MAC, RFC 7366, OpenSSL would take a cipher of its own that does both.)
void only_dasync(SSL_CTX* ctx);

} // namespace tlsmode::test

#endif
