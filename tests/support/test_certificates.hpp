// SPDX-License-Identifier: BSL-1.0
// Certificates for tests, made once per process and kept in memory: an authority, a server and a client that
// it signed, and a stranger that nobody trusts. Knows no engine.
#ifndef TLSMODE_TESTS_SUPPORT_TEST_CERTIFICATES_HPP
#define TLSMODE_TESTS_SUPPORT_TEST_CERTIFICATES_HPP

#include <tlsmode/context.hpp>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tlsmode::test {

struct free_x509 {
  void operator()(X509* p) const noexcept { X509_free(p); }
};
struct free_key {
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
};

/// A certificate and its private key (EC P-256 unless said otherwise).
struct identity {
  std::unique_ptr<X509, free_x509> certificate;
  std::unique_ptr<EVP_PKEY, free_key> key;
  std::string certificate_pem;
  std::string key_pem;           ///< not encrypted
  std::string encrypted_key_pem; ///< needs a password
};

/// The name and the address in the certificate of server_identity().
inline constexpr const char* server_name = "server.test";
inline constexpr const char* server_address = "192.0.2.1";

/// Signs the certificates of the server and of the client.
const identity& authority();
/// For server_name and server_address.
const identity& server_identity();
/// The same, but with an authority in between, whose certificate follows in `certificate_pem`.
const identity& distant_server_identity();
/// For "client.test".
const identity& client_identity();
/// For server_name too, but signed by itself.
const identity& stranger();

/// Kinds of private keys that handshakes sign with.
enum class key_kind { rsa2048, p256, p384, ed25519 };
inline constexpr key_kind all_key_kinds[] = {key_kind::rsa2048, key_kind::p256, key_kind::p384,
                                             key_kind::ed25519};
/// As server_identity(), with a key of this kind. Serves as a client's, too.
const identity& identity_of(key_kind kind);

/// Signed by authority(), for these DNS names, which may be any bytes at all, and with this common name.
identity identity_for(const std::string& common_name, const std::vector<std::string>& dns_names);

/// A file without a place on a disk: it goes away with the object.
class memory_file {
 public:
  explicit memory_file(std::string_view content);
  ~memory_file();
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// A client that trusts authority(); its connections still need a host name.
context client_context();
/// A server that shows server_identity().
context server_context();
/// A server that shows another identity.
context server_context(const identity& shown);

} // namespace tlsmode::test

#endif
