// SPDX-License-Identifier: BSL-1.0
// What can be asked of an established connection, and sessions to resume it later. Free functions on the
// native object, so that they serve engines, streams and plain OpenSSL programs alike. Preconditions of all:
// the object is not null, and no operation runs on it in another thread.
#ifndef TLSMODE_CONNECTION_HPP
#define TLSMODE_CONNECTION_HPP

#include <tlsmode/transport.hpp>

#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tlsmode {

/// An owning reference to a session.
struct free_session {
  void operator()(SSL_SESSION* s) const noexcept;
};
using session_ptr = std::unique_ptr<SSL_SESSION, free_session>;

/// An owning reference to a certificate.
struct free_certificate {
  void operator()(X509* c) const noexcept;
};
using certificate_ptr = std::unique_ptr<X509, free_certificate>;

/// The key exchange group of the connection, e.g. "x25519"; empty if there was none, as in a TLS 1.3
/// resumption without a new exchange. Source: SSL_get_negotiated_group(3).
[[nodiscard]] std::string group(const SSL* ssl);

/// The peer's certificate; null if it sent none. Source: SSL_get1_peer_certificate(3).
[[nodiscard]] certificate_ptr peer_certificate(const SSL* ssl) noexcept;

/// The peer's certificates as it sent them, its own first; empty if it sent none, and after a resumption on a
/// server. They are not what was verified against: SSL_get0_verified_chain(3) has that.
/// Source: SSL_get_peer_cert_chain(3).
[[nodiscard]] std::vector<certificate_ptr> peer_chain(const SSL* ssl);

/// Fills `out` with keying material bound to the connection, `label` and `context`.
/// Errors: handshake_needed, OpenSSL's. Source: SSL_export_keying_material(3), RFC 5705, RFC 8446
/// section 7.5.
[[nodiscard]] std::error_code export_keying_material(SSL* ssl, std::string_view label, const_buffer context,
                                                     mutable_buffer out) noexcept;

/// The channel binding "tls-exporter". Errors: as above. Source: RFC 9266.
[[nodiscard]] std::error_code channel_binding(SSL* ssl, std::array<std::byte, 32>& out) noexcept;

/// Asks for a new sending key, and, with `both`, for one of the peer's too; the message goes out with the
/// next write. Errors: handshake_needed, bad_option on connections before TLS 1.3. Source: SSL_key_update(3),
/// RFC 8446 section 4.6.3.
[[nodiscard]] std::error_code update_keys(SSL* ssl, bool both) noexcept;

/// The session, to be resumed by a later connection to the same peer with the same settings; null if there is
/// none that can be resumed. With TLS 1.3 it comes after the handshake, with the first reads. Source:
/// SSL_get1_session(3), SSL_SESSION_is_resumable(3).
[[nodiscard]] session_ptr session(SSL* ssl) noexcept;

/// Offers a session in the coming handshake. A session whose peer was not verified is refused if this
/// connection verifies: a resumption would skip the check. Preconditions: no handshake begun. Errors:
/// bad_option, OpenSSL's. Source: SSL_set_session(3).
[[nodiscard]] std::error_code offer_session(SSL* ssl, SSL_SESSION* session) noexcept;

} // namespace tlsmode

#endif
