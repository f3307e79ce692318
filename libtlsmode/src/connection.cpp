// SPDX-License-Identifier: BSL-1.0
// Questions to an established connection, and sessions.
#include "openssl_handle.hpp"

#include <tlsmode/connection.hpp>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace tlsmode {

void free_session::operator()(SSL_SESSION* s) const noexcept { SSL_SESSION_free(s); }
void free_certificate::operator()(X509* c) const noexcept { X509_free(c); }

std::string group(const SSL* ssl) {
  // The macro takes a pointer to non-const, and does not change the object.
  const auto id = SSL_get_negotiated_group(const_cast<SSL*>(ssl));
  if (id == NID_undef) return {};
  const char* name = SSL_group_to_name(const_cast<SSL*>(ssl), static_cast<int>(id));
  return name == nullptr ? std::string() : name;
}

certificate_ptr peer_certificate(const SSL* ssl) noexcept {
  return certificate_ptr(SSL_get1_peer_certificate(ssl));
}

std::vector<certificate_ptr> peer_chain(const SSL* ssl) {
  std::vector<certificate_ptr> chain;
  // On a server OpenSSL leaves the peer's own certificate out of the chain.
  if (SSL_is_server(ssl) != 0)
    if (certificate_ptr own = peer_certificate(ssl)) chain.push_back(std::move(own));
  const STACK_OF(X509)* const sent = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; sent != nullptr && i < sk_X509_num(sent); ++i) {
    X509* const c = sk_X509_value(sent, i);
    if (X509_up_ref(c) == 1) chain.emplace_back(c);
  }
  return chain;
}

std::error_code export_keying_material(SSL* ssl, std::string_view label, const_buffer context,
                                       mutable_buffer out) noexcept {
  if (SSL_is_init_finished(ssl) == 0) return error::handshake_needed;
  ERR_clear_error();
  const int rc = SSL_export_keying_material(
      ssl, reinterpret_cast<unsigned char*>(out.data()), out.size(), label.data(), label.size(),
      reinterpret_cast<const unsigned char*>(context.data()), context.size(), 1);
  return rc == 1 ? std::error_code() : detail::first_openssl_error();
}

std::error_code channel_binding(SSL* ssl, std::array<std::byte, 32>& out) noexcept {
  return export_keying_material(ssl, "EXPORTER-Channel-Binding", {}, out);
}

std::error_code update_keys(SSL* ssl, bool both) noexcept {
  if (SSL_is_init_finished(ssl) == 0) return error::handshake_needed;
  if (SSL_version(ssl) < TLS1_3_VERSION) return error::bad_option;
  ERR_clear_error();
  if (SSL_key_update(ssl, both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1) return {};
  return detail::first_openssl_error();
}

session_ptr session(SSL* ssl) noexcept {
  session_ptr s(SSL_get1_session(ssl));
  if (s && SSL_SESSION_is_resumable(s.get()) == 0) s.reset();
  return s;
}

std::error_code offer_session(SSL* ssl, SSL_SESSION* session) noexcept {
  if (session == nullptr || SSL_is_server(ssl) != 0 || SSL_in_before(ssl) == 0) return error::bad_option;
  ERR_clear_error();
  if (SSL_set_session(ssl, session) != 1) return detail::first_openssl_error();
  return {};
}

} // namespace tlsmode
