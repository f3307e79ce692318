// SPDX-License-Identifier: BSL-1.0
// Questions to an established connection.
#include "certificate_chain.hpp"
#include "openssl_handle.hpp"

#include <tlsmode/connection.hpp>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <utility>

namespace tlsmode {

void detail::append_certificates(std::vector<certificate_ptr>& to, const STACK_OF(X509) * from) {
  for (int i = 0; from != nullptr && i < sk_X509_num(from); ++i) {
    X509* const c = sk_X509_value(from, i);
    if (X509_up_ref(c) != 1) continue;
    certificate_ptr held(c); // before there is no memory for it
    to.push_back(std::move(held));
  }
}

void free_certificate::operator()(X509* c) const noexcept { X509_free(c); }

std::string group(const SSL* ssl) {
  if (SSL_get_session(ssl) == nullptr) return {}; // OpenSSL would follow the null pointer
  // The macro and the function take pointers to non-const, and do not change the object.
  SSL* const s = const_cast<SSL*>(ssl);
  const auto id = SSL_get_negotiated_group(s);
  if (id == NID_undef) return {};
  const char* name = SSL_group_to_name(s, static_cast<int>(id));
  return name == nullptr ? std::string() : name;
}

certificate_ptr peer_certificate(const SSL* ssl) noexcept {
  return certificate_ptr(SSL_get1_peer_certificate(ssl));
}

std::vector<certificate_ptr> peer_chain(const SSL* ssl) {
  std::vector<certificate_ptr> chain;
  const STACK_OF(X509)* const sent = SSL_get_peer_cert_chain(ssl);
  // On a server OpenSSL leaves the peer's own certificate out; a session that was in a ticket or a file has
  // nothing but that.
  if (SSL_is_server(ssl) != 0 || sent == nullptr)
    if (certificate_ptr own = peer_certificate(ssl)) chain.push_back(std::move(own));
  detail::append_certificates(chain, sent);
  return chain;
}

std::vector<certificate_ptr> verified_chain(const SSL* ssl) {
  std::vector<certificate_ptr> chain;
  detail::append_certificates(chain, SSL_get0_verified_chain(ssl));
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
  if (SSL_is_init_finished(ssl) == 0) return error::handshake_needed;
  if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) return error::bad_option;
  return export_keying_material(ssl, "EXPORTER-Channel-Binding", {}, out);
}

} // namespace tlsmode
