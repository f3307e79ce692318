// SPDX-License-Identifier: BSL-1.0
// Makes the certificates of the adapter's tests.
#include "asio_certificates.hpp"

#include <boost/asio/buffer.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace tlsmode::test {
namespace {

template <auto Free>
struct free_with {
  void operator()(auto* p) const { Free(p); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, free_with<&EVP_PKEY_free>>;
using cert_ptr = std::unique_ptr<X509, free_with<&X509_free>>;
using bio_ptr = std::unique_ptr<BIO, free_with<&BIO_free_all>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, free_with<&X509_EXTENSION_free>>;

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("cannot make a certificate: ") + what);
}

struct issued {
  key_ptr key;
  cert_ptr cert;

  [[nodiscard]] identity pem() const {
    const auto text = [](auto write) {
      const bio_ptr out(BIO_new(BIO_s_mem()));
      check(write(out.get()) == 1, "PEM");
      char* data = nullptr;
      const long n = BIO_get_mem_data(out.get(), &data);
      return std::string(data, static_cast<std::size_t>(n));
    };
    return {text([&](BIO* b) { return PEM_write_bio_X509(b, cert.get()); }), text([&](BIO* b) {
              return PEM_write_bio_PrivateKey(b, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
  }
};

void extend(X509* cert, X509* issuer, int nid, const char* value) {
  X509V3_CTX ctx{};
  X509V3_set_ctx(&ctx, issuer, cert, nullptr, nullptr, 0);
  const extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &ctx, nid, value));
  check(extension && X509_add_ext(cert, extension.get(), -1) == 1, value);
}

// P-256: its keys are made at once. Without an issuer the certificate signs itself.
issued issue(const char* name, const char* alternatives, const issued* issuer) {
  static long serial = 1;
  issued made{key_ptr(EVP_EC_gen("P-256")), cert_ptr(X509_new())};
  check(made.key && made.cert, "memory");
  X509* const cert = made.cert.get();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600);
  X509_set_pubkey(cert, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* const by = issuer == nullptr ? cert : issuer->cert.get();
  X509_set_issuer_name(cert, X509_get_subject_name(by));
  extend(cert, by, NID_subject_key_identifier, "hash");
  if (alternatives == nullptr) {
    extend(cert, by, NID_basic_constraints, "critical,CA:TRUE");
    extend(cert, by, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    extend(cert, by, NID_subject_alt_name, alternatives);
  }
  check(X509_sign(cert, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256()) != 0, "sign");
  return made;
}

const issued& issued_authority() {
  static const issued made = issue("tlsmode test authority", nullptr, nullptr);
  return made;
}

net::ssl::context context_of(net::ssl::context::method method, int version) {
  net::ssl::context ctx(method);
  SSL_CTX_set_min_proto_version(ctx.native_handle(), version);
  SSL_CTX_set_max_proto_version(ctx.native_handle(), version);
  return ctx;
}

} // namespace

const identity& authority() {
  static const identity made = issued_authority().pem();
  return made;
}

const identity& localhost() {
  static const identity made = issue("localhost", "DNS:localhost,IP:127.0.0.1", &issued_authority()).pem();
  return made;
}

const identity& client_identity() {
  static const identity made = issue("client", "DNS:client", &issued_authority()).pem();
  return made;
}

const identity& stranger() {
  static const identity made = issue("localhost", "DNS:localhost", nullptr).pem();
  return made;
}

net::ssl::context server_context(int version, const identity& who) {
  net::ssl::context ctx = context_of(net::ssl::context::tls_server, version);
  ctx.use_certificate_chain(net::buffer(who.certificate));
  ctx.use_private_key(net::buffer(who.key), net::ssl::context::pem);
  return ctx;
}

net::ssl::context client_context(int version) {
  net::ssl::context ctx = context_of(net::ssl::context::tls_client, version);
  ctx.add_certificate_authority(net::buffer(authority().certificate));
  ctx.set_verify_mode(net::ssl::verify_peer);
  return ctx;
}

} // namespace tlsmode::test
