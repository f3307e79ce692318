// SPDX-License-Identifier: BSL-1.0
// Makes the certificates of the tests.
#include "test_certificates.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <map>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

namespace tlsmode::test {
namespace {

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

struct free_bio {
  void operator()(BIO* p) const noexcept { BIO_free(p); }
};

template <class Print>
std::string pem(Print print) {
  const std::unique_ptr<BIO, free_bio> out(BIO_new(BIO_s_mem()));
  require(out && print(out.get()) == 1, "PEM");
  char* text = nullptr;
  const long n = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(n)};
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const e = X509V3_EXT_conf_nid(nullptr, &ctx, nid, value.c_str());
  const bool good = e != nullptr && X509_add_ext(certificate, e, -1) == 1;
  X509_EXTENSION_free(e);
  require(good, "certificate extension");
}

// As they are: the text form of an extension could not hold every byte.
void add_names(X509* certificate, const std::vector<std::string>& dns_names) {
  GENERAL_NAMES* const names = sk_GENERAL_NAME_new_null();
  for (const std::string& n : dns_names) {
    ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, n.data(), static_cast<int>(n.size()));
    GENERAL_NAME* const name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    sk_GENERAL_NAME_push(names, name);
  }
  const bool good = X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) == 1;
  GENERAL_NAMES_free(names);
  require(good, "names");
}

const std::string server_names = std::string("DNS:") + server_name + ",IP:" + server_address;

EVP_PKEY* make_key(key_kind kind) {
  switch (kind) {
  case key_kind::rsa2048: return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
  case key_kind::p256: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  case key_kind::p384: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
  case key_kind::ed25519: return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  return nullptr;
}

// Without an issuer the certificate is signed by itself.
identity make(const std::string& name, const std::string& alternative_names, const identity* issuer,
              bool is_authority, const std::vector<std::string>& raw_names = {},
              key_kind kind = key_kind::p256) {
  static long serial = 0;
  identity id;
  id.key.reset(make_key(kind));
  id.certificate.reset(X509_new());
  X509* const c = id.certificate.get();
  require(id.key && c != nullptr, "key");
  X509* const issued_by = issuer == nullptr ? c : issuer->certificate.get();
  X509_set_version(c, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(c), -24L * 3600);
  X509_gmtime_adj(X509_getm_notAfter(c), 24L * 3600);
  X509_set_pubkey(c, id.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(c, X509_get_subject_name(issued_by));
  add_extension(c, issued_by, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!alternative_names.empty()) add_extension(c, issued_by, NID_subject_alt_name, alternative_names);
  if (!raw_names.empty()) add_names(c, raw_names);
  EVP_PKEY* const signer = issuer == nullptr ? id.key.get() : issuer->key.get();
  require(X509_sign(c, signer, EVP_sha256()) > 0, "signature");
  id.certificate_pem = pem([&](BIO* b) { return PEM_write_bio_X509(b, c); });
  const auto key_pem = [&](const EVP_CIPHER* cipher) {
    static const unsigned char password[] = "secret";
    return pem([&](BIO* b) {
      return PEM_write_bio_PrivateKey(b, id.key.get(), cipher, password,
                                      cipher == nullptr ? 0 : static_cast<int>(sizeof password - 1), nullptr,
                                      nullptr);
    });
  };
  id.key_pem = key_pem(nullptr);
  id.encrypted_key_pem = key_pem(EVP_aes_128_cbc());
  return id;
}

void expect_no_error(std::error_code ec) {
  if (ec) throw std::system_error(ec);
}

} // namespace

const identity& authority() {
  static const identity id = make("Test authority", "", nullptr, true);
  return id;
}

const identity& server_identity() {
  static const identity id = make(server_name, server_names, &authority(), false);
  return id;
}

const identity& distant_server_identity() {
  static const identity between = make("Test authority in between", "", &authority(), true);
  static const identity id = [] {
    identity server = make(server_name, server_names, &between, false);
    server.certificate_pem += between.certificate_pem;
    return server;
  }();
  return id;
}

const identity& client_identity() {
  static const identity id = make("client.test", "DNS:client.test", &authority(), false);
  return id;
}

const identity& stranger() {
  static const identity id = make(server_name, std::string("DNS:") + server_name, nullptr, false);
  return id;
}

const identity& identity_of(key_kind kind) {
  static std::map<key_kind, identity> made;
  const auto at = made.find(kind);
  if (at != made.end()) return at->second;
  return made.emplace(kind, make(server_name, server_names, &authority(), false, {}, kind)).first->second;
}

identity identity_for(const std::string& common_name, const std::vector<std::string>& dns_names) {
  return make(common_name, "", &authority(), false, dns_names);
}

memory_file::memory_file(std::string_view content) : fd_(::memfd_create("tlsmode test", MFD_CLOEXEC)) {
  require(fd_ >= 0 && ::write(fd_, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
          "memory file");
}

memory_file::~memory_file() { ::close(fd_); }

context client_context() {
  context ctx = context::client();
  const memory_file ca(authority().certificate_pem);
  expect_no_error(ctx.trust_file(ca.path()));
  return ctx;
}

context server_context() { return server_context(server_identity()); }

context server_context(const identity& shown) {
  context ctx = context::server();
  const memory_file chain(shown.certificate_pem);
  const memory_file key(shown.key_pem);
  expect_no_error(ctx.use_certificate_chain_file(chain.path()));
  expect_no_error(ctx.use_private_key_file(key.path()));
  return ctx;
}

} // namespace tlsmode::test
