// SPDX-License-Identifier: BSL-1.0
// A certificate for "localhost", made in memory and its own authority: a server shows it, a client trusts it.
#ifndef CONSUMER_CERTIFICATE_HPP
#define CONSUMER_CERTIFICATE_HPP

#include <tlsmode/context.hpp>

#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

class certificate {
 public:
  certificate() : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), x509_(X509_new(), &X509_free) {
    X509_NAME* const name = X509_get_subject_name(x509_.get());
    const auto* const text = reinterpret_cast<const unsigned char*>("localhost");
    X509_EXTENSION* const host = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
    const bool made = key_ && host != nullptr && X509_set_version(x509_.get(), X509_VERSION_3) == 1 &&
                      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
                      X509_set_issuer_name(x509_.get(), name) == 1 &&
                      X509_gmtime_adj(X509_getm_notBefore(x509_.get()), -60) != nullptr &&
                      X509_gmtime_adj(X509_getm_notAfter(x509_.get()), 3600) != nullptr &&
                      X509_add_ext(x509_.get(), host, -1) == 1 &&
                      X509_set_pubkey(x509_.get(), key_.get()) == 1 &&
                      X509_sign(x509_.get(), key_.get(), EVP_sha256()) != 0;
    X509_EXTENSION_free(host);
    if (!made) throw std::runtime_error("no certificate");
  }

  [[nodiscard]] tlsmode::context server() const {
    auto context = tlsmode::context::server();
    if (SSL_CTX_use_certificate(context.native_handle(), x509_.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.native_handle(), key_.get()) != 1)
      throw std::runtime_error("no server context");
    return context;
  }

  [[nodiscard]] tlsmode::context client() const {
    auto context = tlsmode::context::client();
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context.native_handle()), x509_.get()) != 1)
      throw std::runtime_error("no client context");
    return context;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> x509_;
};

#endif
