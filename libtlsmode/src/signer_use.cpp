// SPDX-License-Identifier: BSL-1.0
// Putting a certificate's key behind a signer, and reading keys for signers.
#include "cipher_names.hpp"
#include "signing.hpp"

#include <tlsmode/engine.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <limits>

namespace tlsmode {
namespace {

std::error_code ssl_error(int reason) noexcept {
  return detail::to_error_code(ERR_PACK(ERR_LIB_SSL, 0, reason));
}

struct prepared {
  detail::pkey_ptr key;
  std::string suites; // in OpenSSL's form; empty if they may stay
};

std::error_code prepare(const X509* certificate, const STACK_OF(SSL_CIPHER) * suites,
                        std::shared_ptr<signer> who, std::chrono::milliseconds limit, prepared& out) {
  ERR_clear_error();
  if (who == nullptr || limit < std::chrono::milliseconds(0)) return error::bad_option;
  if (certificate == nullptr) return ssl_error(SSL_R_NO_CERTIFICATE_ASSIGNED);
  const std::shared_ptr<EVP_PKEY> key(X509_get_pubkey(const_cast<X509*>(certificate)), &EVP_PKEY_free);
  if (!key) return detail::first_openssl_error();
  const auto kind = detail::kind_of(key.get());
  if (!kind) return error::bad_option;
  if (const std::vector<std::byte> der = who->public_key_der(); !der.empty()) {
    const detail::pkey_ptr said = detail::public_key_from(der);
    const bool same = said && EVP_PKEY_eq(said.get(), key.get()) == 1;
    ERR_clear_error();
    if (!same) return error::key_mismatch;
  }
  if (*kind == signing_scheme::key_kind::rsa) {
    out.suites = detail::cipher_names(suites, detail::ciphers::without_decryption);
    if (out.suites == detail::cipher_names(suites, detail::ciphers::before_tls_1_3))
      out.suites.clear();
    else if (out.suites.empty())
      return error::bad_option;
  }
  auto der = std::make_shared<const std::vector<std::byte>>(detail::der_of(key.get()));
  const auto behind = std::make_shared<const detail::signer_key>(
      detail::signer_key{std::move(who), key, std::move(der), limit, *kind});
  out.key = detail::make_provider_key(behind);
  return out.key ? std::error_code() : detail::first_openssl_error();
}

private_key read_key(BIO* from, const char* what) {
  const detail::bio_ptr in(from);
  private_key key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, &detail::no_password, nullptr) : nullptr,
                  &EVP_PKEY_free);
  if (!key) throw std::system_error(detail::first_openssl_error(), what);
  return key;
}

} // namespace

std::error_code use_signer(SSL_CTX* ctx, std::shared_ptr<signer> who, std::chrono::milliseconds limit) {
  prepared p;
  if (const auto ec =
          prepare(SSL_CTX_get0_certificate(ctx), SSL_CTX_get_ciphers(ctx), std::move(who), limit, p))
    return ec;
  // The key last: with it the context has changed.
  if (!p.suites.empty() && SSL_CTX_set_cipher_list(ctx, p.suites.c_str()) != 1)
    return detail::first_openssl_error();
  if (SSL_CTX_use_PrivateKey(ctx, p.key.get()) != 1) return detail::first_openssl_error();
  set_mode(ctx, mode::async);
  return {};
}

std::error_code use_signer(SSL* connection, std::shared_ptr<signer> who, std::chrono::milliseconds limit) {
  prepared p;
  if (const auto ec =
          prepare(SSL_get_certificate(connection), SSL_get_ciphers(connection), std::move(who), limit, p))
    return ec;
  if (!p.suites.empty() && SSL_set_cipher_list(connection, p.suites.c_str()) != 1)
    return detail::first_openssl_error();
  if (SSL_use_PrivateKey(connection, p.key.get()) != 1) return detail::first_openssl_error();
  return {};
}

std::error_code use_signer(engine& connection, std::shared_ptr<signer> who, std::chrono::milliseconds limit) {
  if (const auto ec = use_signer(connection.native_handle(), std::move(who), limit)) return ec;
  connection.set_mode(mode::async);
  return {};
}

std::error_code context::use_signer(std::shared_ptr<signer> who) {
  return tlsmode::use_signer(native_handle(), std::move(who));
}
std::error_code context::use_signer(std::shared_ptr<signer> who, std::chrono::milliseconds limit) {
  return tlsmode::use_signer(native_handle(), std::move(who), limit);
}

// ---- reading keys ----

private_key load_private_key_file(const std::string& path) {
  ERR_clear_error();
  return read_key(BIO_new_file(path.c_str(), "r"), path.c_str());
}

private_key load_private_key(pem key) {
  ERR_clear_error();
  if (key.text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw std::system_error(std::make_error_code(std::errc::value_too_large), "private key");
  return read_key(BIO_new_mem_buf(key.text.data(), static_cast<int>(key.text.size())), "private key");
}

private_key private_key_of(SSL_CTX* ctx) noexcept {
  EVP_PKEY* const key = SSL_CTX_get0_privatekey(ctx);
  if (key == nullptr || detail::is_provider_key(key) || EVP_PKEY_up_ref(key) != 1) return nullptr;
  try {
    return private_key(key, &EVP_PKEY_free);
  } catch (...) {
    return nullptr; // the key is freed by then
  }
}

} // namespace tlsmode
