// SPDX-License-Identifier: BSL-1.0
// Makes the certificate of the fuzz targets.
#include "fixed_contexts.hpp"

#include "fixed_random.hpp"
#include "input.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

namespace tlsmode::fuzz {
namespace {

struct free_any {
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
  void operator()(X509* p) const noexcept { X509_free(p); }
  void operator()(BIO* p) const noexcept { BIO_free(p); }
};

EVP_PKEY* key() {
  static const std::unique_ptr<EVP_PKEY, free_any> k = [] {
    std::array<unsigned char, 32> secret{};
    secret.fill(7);
    return std::unique_ptr<EVP_PKEY, free_any>(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size()));
  }();
  return k.get();
}

template <class Print>
std::string pem_of(const Print& print) {
  const std::unique_ptr<BIO, free_any> out(BIO_new(BIO_s_mem()));
  require(out && print(out.get()) == 1, "PEM can be written");
  char* text = nullptr;
  const long n = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(n)};
}

std::string make_certificate() {
  const std::unique_ptr<X509, free_any> made(X509_new());
  X509* const c = made.get();
  X509_set_version(c, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
  ASN1_TIME_set_string(X509_getm_notBefore(c), "20200101000000Z");
  ASN1_TIME_set_string(X509_getm_notAfter(c), "21200101000000Z");
  X509_set_pubkey(c, key());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(host), -1, -1, 0);
  X509_set_issuer_name(c, X509_get_subject_name(c));
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, c, c, nullptr, nullptr, 0);
  X509_EXTENSION* const names =
      X509V3_EXT_conf_nid(nullptr, &ctx, NID_subject_alt_name, (std::string("DNS:") + host).c_str());
  X509_add_ext(c, names, -1);
  X509_EXTENSION_free(names);
  require(X509_sign(c, key(), nullptr) > 0, "a certificate can be signed");
  return pem_of([&](BIO* b) { return PEM_write_bio_X509(b, c); });
}

} // namespace

const std::string& certificate_pem() {
  static const std::string text = make_certificate();
  return text;
}

const std::string& key_pem() {
  static const std::string text = pem_of(
      [](BIO* b) { return PEM_write_bio_PrivateKey(b, key(), nullptr, nullptr, 0, nullptr, nullptr); });
  return text;
}

context server() {
  context ctx = context::server();
  require(!ctx.use_certificate_chain(pem(certificate_pem())), "a server takes its certificate");
  require(!ctx.use_private_key(pem(key_pem())), "a server takes its key");
  return ctx;
}

context client() {
  context ctx = context::client();
  require(!ctx.trust(pem(certificate_pem())), "a client trusts the certificate");
  return ctx;
}

void begin_run() {
  test::fix_openssl_random(1);
  ERR_clear_error();
}

} // namespace tlsmode::fuzz
