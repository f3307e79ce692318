// SPDX-License-Identifier: BSL-1.0
// Certificates, keys and trust of a context, from PEM files and from PEM text.
#include "context_settings.hpp"
#include "openssl_handle.hpp"

#include <tlsmode/context.hpp>
#include <tlsmode/error.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <limits>

namespace tlsmode {
namespace {

using certificate = std::unique_ptr<X509, detail::free_with<&X509_free>>;
using private_key = std::unique_ptr<EVP_PKEY, detail::free_with<&EVP_PKEY_free>>;

void free_infos(STACK_OF(X509_INFO) * s) noexcept { sk_X509_INFO_pop_free(s, &X509_INFO_free); }
void free_names(STACK_OF(X509_NAME) * s) noexcept { sk_X509_NAME_pop_free(s, &X509_NAME_free); }
using infos = std::unique_ptr<STACK_OF(X509_INFO), detail::free_with<&free_infos>>;
using names = std::unique_ptr<STACK_OF(X509_NAME), detail::free_with<&free_names>>;

std::error_code check(int rc) noexcept {
  if (rc == 1) return {};
  return detail::first_openssl_error();
}

// Null for a text that is too long, as for one that cannot be read.
detail::bio_ptr reader_of(std::string_view text) noexcept {
  ERR_clear_error();
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
  return detail::bio_ptr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

detail::bio_ptr reader_of_file(const std::string& path) noexcept {
  ERR_clear_error();
  return detail::bio_ptr(BIO_new_file(path.c_str(), "r"));
}

bool add_subject(STACK_OF(X509_NAME) * to, const X509* authority) noexcept {
  X509_NAME* const name = X509_NAME_dup(X509_get_subject_name(authority));
  if (name != nullptr && sk_X509_NAME_push(to, name) != 0) return true;
  X509_NAME_free(name);
  return false;
}

std::error_code no_pem() noexcept {
  ERR_clear_error();
  return detail::to_error_code(ERR_PACK(ERR_LIB_PEM, 0, PEM_R_NO_START_LINE));
}

} // namespace

int detail::no_password(char*, int, int, void*) noexcept { return -1; }

std::error_code context::use_certificate_chain_file(const std::string& path) {
  ERR_clear_error();
  return check(SSL_CTX_use_certificate_chain_file(ctx_.get(), path.c_str()));
}

std::error_code context::use_certificate_chain(pem chain) {
  const detail::bio_ptr in = reader_of(chain.text);
  if (!in) return detail::first_openssl_error();
  const certificate own(PEM_read_bio_X509_AUX(in.get(), nullptr, &detail::no_password, nullptr));
  if (!own || SSL_CTX_use_certificate(ctx_.get(), own.get()) != 1) return detail::first_openssl_error();
  SSL_CTX_clear_chain_certs(ctx_.get());
  while (certificate next{PEM_read_bio_X509(in.get(), nullptr, &detail::no_password, nullptr)}) {
    if (SSL_CTX_add0_chain_cert(ctx_.get(), next.get()) != 1) return detail::first_openssl_error();
    (void)next.release();
  }
  // The text must end because there is no more, not because the next certificate is damaged.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return detail::first_openssl_error();
  ERR_clear_error();
  return {};
}

std::error_code context::use_private_key_file(const std::string& path) {
  ERR_clear_error();
  if (SSL_CTX_use_PrivateKey_file(ctx_.get(), path.c_str(), SSL_FILETYPE_PEM) != 1)
    return detail::first_openssl_error();
  return check(SSL_CTX_check_private_key(ctx_.get()));
}

std::error_code context::use_private_key(pem key) {
  const detail::bio_ptr in = reader_of(key.text);
  if (!in) return detail::first_openssl_error();
  const private_key k(PEM_read_bio_PrivateKey(in.get(), nullptr, &detail::no_password, nullptr));
  if (!k || SSL_CTX_use_PrivateKey(ctx_.get(), k.get()) != 1) return detail::first_openssl_error();
  return check(SSL_CTX_check_private_key(ctx_.get()));
}

// ---- trust ----

std::error_code context::trust_file(const std::string& path) {
  return load_trust(reader_of_file(path).get(), nullptr);
}
std::error_code context::trust(pem authorities) {
  return load_trust(reader_of(authorities.text).get(), nullptr);
}

// The subjects of the authorities are added to `subjects`, if that is not null.
std::error_code context::load_trust(BIO* from, STACK_OF(X509_NAME) * subjects) {
  if (from == nullptr) return detail::first_openssl_error();
  const infos found(PEM_X509_INFO_read_bio(from, nullptr, &detail::no_password, nullptr));
  if (!found) return detail::first_openssl_error();
  X509_STORE* const store = SSL_CTX_get_cert_store(ctx_.get());
  detail::context_settings& settings = *detail::context_settings::of(ctx_.get());
  bool any = false;
  for (int i = 0; i < sk_X509_INFO_num(found.get()); ++i) {
    const X509_INFO* const info = sk_X509_INFO_value(found.get(), i);
    if (info->x509 != nullptr) {
      if (X509_STORE_add_cert(store, info->x509) != 1) return detail::first_openssl_error();
      detail::digest d{};
      if (X509_digest(info->x509, EVP_sha256(), d.data(), nullptr) != 1) return detail::first_openssl_error();
      settings.demand_of_clients(detail::view_of(d));
      if (subjects != nullptr && !add_subject(subjects, info->x509)) return detail::first_openssl_error();
    }
    if (info->crl != nullptr) {
      if (X509_STORE_add_crl(store, info->crl) != 1) return detail::first_openssl_error();
      detail::digest d{};
      if (X509_CRL_digest(info->crl, EVP_sha256(), d.data(), nullptr) != 1)
        return detail::first_openssl_error();
      settings.demand_of_clients(detail::view_of(d));
    }
    any = any || info->x509 != nullptr || info->crl != nullptr;
  }
  if (!any) return no_pem();
  ERR_clear_error(); // the end of the text leaves an error behind
  trust_changed();
  return {};
}

// What was verified or asked of a client before does not count any more.
void context::trust_changed() {
  if (role_ == role::server)
    detail::context_settings::of(ctx_.get())->renew_session_id(ctx_.get());
  else
    forget_sessions();
}

std::error_code context::trust_system() {
  ERR_clear_error();
  if (SSL_CTX_set_default_verify_paths(ctx_.get()) != 1) return detail::first_openssl_error();
  detail::context_settings& settings = *detail::context_settings::of(ctx_.get());
  settings.demand_of_clients("system");
  trust_changed();
  return {};
}

// ---- certificates of clients ----

std::error_code context::require_client_certificate(const std::string& ca_path) {
  return demand_certificate(reader_of_file(ca_path).get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
}
std::error_code context::require_client_certificate(pem ca) {
  return demand_certificate(reader_of(ca.text).get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
}
std::error_code context::ask_for_client_certificate(const std::string& ca_path) {
  return demand_certificate(reader_of_file(ca_path).get(), SSL_VERIFY_PEER);
}
std::error_code context::ask_for_client_certificate(pem ca) {
  return demand_certificate(reader_of(ca.text).get(), SSL_VERIFY_PEER);
}

std::error_code context::demand_certificate(BIO* ca, int verify_flags) {
  if (role_ != role::server) return error::bad_option;
  names authorities(sk_X509_NAME_new_null());
  if (!authorities) return detail::first_openssl_error();
  if (const std::error_code ec = load_trust(ca, authorities.get())) return ec;
  SSL_CTX* const c = ctx_.get();
  SSL_CTX_set_client_CA_list(c, authorities.release());
  SSL_CTX_set_verify(c, verify_flags, SSL_CTX_get_verify_callback(c));
  detail::context_settings& settings = *detail::context_settings::of(c);
  settings.demand_of_clients(std::to_string(verify_flags));
  settings.renew_session_id(c);
  return {};
}

} // namespace tlsmode
