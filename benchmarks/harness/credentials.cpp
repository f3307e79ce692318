// SPDX-License-Identifier: BSL-1.0
// One key and one certificate of each kind per process. See credentials.hpp.
#include "credentials.hpp"

#include "free_with.hpp"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

using key_ptr = std::unique_ptr<EVP_PKEY, free_with<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, free_with<X509_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, free_with<X509_EXTENSION_free>>;

void add_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX scope;
  X509V3_set_ctx_nodb(&scope);
  X509V3_set_ctx(&scope, certificate, certificate, nullptr, nullptr, 0);
  const extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &scope, nid, value));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "certificate extension");
}

EVP_PKEY* make_key(server_key kind) {
  switch (kind) {
  case server_key::ecdsa_p256: return EVP_EC_gen("P-256");
  case server_key::rsa_2048: return EVP_RSA_gen(2048);
  case server_key::rsa_4096: return EVP_RSA_gen(4096);
  }
  return nullptr;
}

struct own_credentials {
  key_ptr key;
  certificate_ptr certificate{X509_new()};

  explicit own_credentials(server_key kind) : key(make_key(kind)) {
    require(key && certificate, "key and certificate");
    X509* const x509 = certificate.get();
    require(X509_set_version(x509, X509_VERSION_3) == 1, "version");
    require(ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1, "serial number");
    constexpr long hour = 3600;
    require(X509_gmtime_adj(X509_getm_notBefore(x509), -hour) != nullptr, "not before");
    require(X509_gmtime_adj(X509_getm_notAfter(x509), 24 * hour) != nullptr, "not after");
    X509_NAME* const name = X509_get_subject_name(x509);
    require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                       reinterpret_cast<const unsigned char*>(server_name), -1, -1, 0) == 1,
            "subject");
    require(X509_set_issuer_name(x509, name) == 1, "issuer");
    require(X509_set_pubkey(x509, key.get()) == 1, "public key");
    add_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(x509, NID_subject_alt_name, "DNS:localhost");
    require(X509_sign(x509, key.get(), EVP_sha256()) > 0, "signature");
  }
};

const own_credentials& shared_credentials(server_key kind) {
  static std::map<server_key, own_credentials> made;
  static std::mutex making; // contexts are made on several threads
  const std::lock_guard lock(making);
  return made.try_emplace(kind, kind).first->second;
}

} // namespace

void require(bool good, const char* what) {
  if (good) return;
  char text[256] = "no reason given";
  if (const auto code = ERR_get_error()) ERR_error_string_n(code, text, sizeof(text));
  throw std::runtime_error(std::string(what) + ": " + text);
}

credentials credentials_of(server_key kind) {
  const own_credentials& own = shared_credentials(kind);
  return {own.key.get(), own.certificate.get()};
}

void prepare_credentials(server_key key) { shared_credentials(key); }

} // namespace bench
