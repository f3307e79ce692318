// SPDX-License-Identifier: BSL-1.0
// What can be asked of an established connection. Free functions on the native object, so that they serve
// engines, streams and plain OpenSSL programs alike. None of them does anything to the connection.
// Preconditions of all: the object is not null, and no operation runs on it in another thread.
#ifndef TLSMODE_CONNECTION_HPP
#define TLSMODE_CONNECTION_HPP

#include <tlsmode/transport.hpp>

#include <openssl/types.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tlsmode {

/// Gives the reference back. Source: X509_free(3).
struct free_certificate {
  void operator()(X509* c) const noexcept;
};
/// An owning reference to a certificate.
using certificate_ptr = std::unique_ptr<X509, free_certificate>;

/// The group of the key exchange, e.g. "x25519"; empty before it is known, and if there was no exchange in a
/// group, as in a TLS 1.2 handshake with RSA. After a resumption: of the new exchange, which TLS 1.3 makes;
/// in TLS 1.2 there is none, and it is that of the first handshake. Source: SSL_get_negotiated_group(3).
[[nodiscard]] std::string group(const SSL* ssl);

/// The peer's certificate; null if it sent none. After a resumption it is that of the first handshake.
/// Source: SSL_get1_peer_certificate(3).
[[nodiscard]] certificate_ptr peer_certificate(const SSL* ssl) noexcept;

/// The peer's certificates as it sent them, its own first; empty if it sent none. They are not what was
/// verified: verified_chain() has that. After a resumption a server has only the first of them, a client
/// those that the session remembers. Throws std::bad_alloc. Source: SSL_get_peer_cert_chain(3).
[[nodiscard]] std::vector<certificate_ptr> peer_chain(const SSL* ssl);

/// The chain that was verified, from the peer's certificate to an authority that is trusted. Empty if nothing
/// was verified in this handshake, as after a resumption. With verification switched off, or a callback that
/// accepts anything, OpenSSL still leaves here what it could build. Throws std::bad_alloc.
/// Source: SSL_get0_verified_chain(3).
[[nodiscard]] std::vector<certificate_ptr> verified_chain(const SSL* ssl);

/// Fills `out` with keying material bound to the connection, `label` and `context`: both ends that ask with
/// the same get the same. In TLS 1.2 it takes part in the extended master secret only if both ends have that.
/// Errors: handshake_needed, OpenSSL's. Source: SSL_export_keying_material(3), RFC 5705, RFC 8446
/// section 7.5.
[[nodiscard]] std::error_code export_keying_material(SSL* ssl, std::string_view label, const_buffer context,
                                                     mutable_buffer out) noexcept;

/// The channel binding "tls-exporter", which ties an authentication inside the connection to it. Before
/// TLS 1.3 it is unique only with the extended master secret; without it: bad_option. Errors: as above.
/// Source: RFC 9266.
[[nodiscard]] std::error_code channel_binding(SSL* ssl, std::array<std::byte, 32>& out) noexcept;

} // namespace tlsmode

#endif
