// SPDX-License-Identifier: BSL-1.0
// Loading the test engine. Engines are deprecated since OpenSSL 3.0, and there all the same.
#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif
#define BOOST_TEST_NO_MAIN
#include "dasync.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>

namespace tlsmode::test {
namespace {

constexpr int skipped = 77; // SKIP_RETURN_CODE

void require(bool good, const char* what) {
  if (good) return;
  ERR_print_errors_fp(stderr);
  throw std::runtime_error(what);
}

// For as long as the program runs. Not for RSA: there the engine cannot sign, and libssl finds that out too
// late.
void load_engine(const char* path) {
  OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_DYNAMIC, nullptr);
  ENGINE* const e = ENGINE_by_id("dynamic");
  require(e != nullptr, "OpenSSL's dynamic engine");
  require(ENGINE_ctrl_cmd_string(e, "SO_PATH", path, 0) == 1 &&
              ENGINE_ctrl_cmd_string(e, "ID", "dasync", 0) == 1 &&
              ENGINE_ctrl_cmd_string(e, "LOAD", nullptr, 0) == 1,
          path);
  require(ENGINE_init(e) == 1 && ENGINE_set_default(e, ENGINE_METHOD_CIPHERS | ENGINE_METHOD_DIGESTS) == 1,
          "dasync as the default");
  ENGINE_finish(e);
  ENGINE_free(e);
}

std::string content(BIO* bio) {
  char* data = nullptr;
  const long n = BIO_get_mem_data(bio, &data);
  std::string s(data, static_cast<std::size_t>(n));
  BIO_free(bio);
  return s;
}

rsa_identity make_rsa_server() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), &X509_free);
  X509* const c = made.get();
  require(key && c != nullptr, "RSA key");
  X509_set_version(c, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
  X509_gmtime_adj(X509_getm_notBefore(c), -24L * 3600);
  X509_gmtime_adj(X509_getm_notAfter(c), 24L * 3600);
  X509_set_pubkey(c, key.get());
  X509_NAME* const name = X509_get_subject_name(c);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("server.test"),
                             -1, -1, 0);
  X509_set_issuer_name(c, name);
  X509V3_CTX context;
  X509V3_set_ctx(&context, c, c, nullptr, nullptr, 0);
  X509_EXTENSION* const names = X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name,
                                                    "DNS:server.test,DNS:localhost,IP:127.0.0.1");
  require(names != nullptr && X509_add_ext(c, names, -1) == 1, "names");
  X509_EXTENSION_free(names);
  require(X509_sign(c, key.get(), EVP_sha256()) > 0, "signature");
  rsa_identity id;
  BIO* bio = BIO_new(BIO_s_mem());
  require(PEM_write_bio_X509(bio, c) == 1, "PEM");
  id.certificate = content(bio);
  bio = BIO_new(BIO_s_mem());
  require(PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "PEM");
  id.key = content(bio);
  return id;
}

} // namespace

const rsa_identity& rsa_server() {
  static const rsa_identity id = make_rsa_server();
  return id;
}

void only_dasync(SSL_CTX* ctx) {
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
  require(SSL_CTX_set_cipher_list(ctx, "AES128-SHA") == 1, "AES128-SHA");
}

} // namespace tlsmode::test

int main(int argc, char** argv) {
  const std::string path = TLSMODE_DASYNC_ENGINE;
  if (path.empty()) {
    std::cout << "skipped: OpenSSL's test engine dasync was not built, for want of its source; ./dev deps "
                 "fetches it\n";
    return tlsmode::test::skipped;
  }
  tlsmode::test::load_engine(path.c_str());
  return boost::unit_test::unit_test_main([] { return true; }, argc, argv);
}
