// SPDX-License-Identifier: BSL-1.0
// Certificate chains and keys, taken out of one OpenSSL object and put into another.
#include "openssl_handle.hpp"
#include "signing.hpp"

#include <tlsmode/credentials.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <vector>

namespace tlsmode {
namespace {

using ssl_ptr = std::unique_ptr<SSL, detail::free_with<&SSL_free>>;
using x509_ptr = std::unique_ptr<X509, detail::free_with<&X509_free>>;

void free_chain(STACK_OF(X509) * s) noexcept { sk_X509_pop_free(s, &X509_free); }
using chain_ptr = std::unique_ptr<STACK_OF(X509), detail::free_with<&free_chain>>;

struct part {
  x509_ptr certificate;
  detail::pkey_ptr key;
  chain_ptr chain;
};

[[noreturn]] void fail(const char* what) { throw std::system_error(detail::first_openssl_error(), what); }

context filled(pem chain, pem key) {
  context ctx = context::server();
  if (const std::error_code ec = ctx.use_certificate_chain(chain))
    throw std::system_error(ec, "certificates");
  if (const std::error_code ec = ctx.use_private_key(key)) throw std::system_error(ec, "private key");
  return ctx;
}

// A connection has copies of its context's settings, and can be walked without touching the context, which
// others may be using.
ssl_ptr connection_of(SSL_CTX* ctx) {
  ERR_clear_error();
  ssl_ptr ssl(SSL_new(ctx));
  if (!ssl) fail("SSL_new");
  return ssl;
}

} // namespace

struct credentials::parts {
  std::vector<part> all;
};

credentials::credentials(pem chain, pem key) : credentials(filled(chain, key).native_handle()) {}
credentials::credentials(SSL_CTX* from) : credentials(of(connection_of(from).get())) {}

credentials credentials::of(SSL* ssl) {
  auto found = std::make_shared<parts>();
  ERR_clear_error();
  X509* const current = SSL_get_certificate(ssl);
  for (long at = SSL_CERT_SET_FIRST; SSL_set_current_cert(ssl, at) == 1; at = SSL_CERT_SET_NEXT) {
    X509* const certificate = SSL_get_certificate(ssl);
    EVP_PKEY* const key = SSL_get_privatekey(ssl);
    if (certificate == nullptr || key == nullptr) continue;
    part p;
    STACK_OF(X509)* chain = nullptr;
    if (SSL_get0_chain_certs(ssl, &chain) == 1 && chain != nullptr) {
      p.chain.reset(X509_chain_up_ref(chain));
      if (!p.chain) fail("certificate chain");
    }
    X509_up_ref(certificate);
    p.certificate.reset(certificate);
    EVP_PKEY_up_ref(key);
    p.key.reset(key);
    found->all.push_back(std::move(p));
  }
  if (current != nullptr) SSL_select_current_cert(ssl, current);
  ERR_clear_error();
  return credentials(std::move(found));
}

bool credentials::empty() const noexcept { return parts_->all.empty(); }

bool credentials::can_decrypt() const noexcept {
  for (const part& p : parts_->all)
    if (detail::is_provider_key(p.key.get()) && EVP_PKEY_is_a(p.key.get(), "RSA") == 1) return false;
  return true;
}

bool credentials::apply(SSL* ssl) const noexcept {
  SSL_certs_clear(ssl);
  for (const part& p : parts_->all)
    if (SSL_use_cert_and_key(ssl, p.certificate.get(), p.key.get(), p.chain.get(), 1) != 1) return false;
  return true;
}

} // namespace tlsmode
