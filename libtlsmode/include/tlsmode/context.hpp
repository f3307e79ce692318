// SPDX-License-Identifier: BSL-1.0
// A TLS context that is secure as it comes: what connections of one kind have in common.
// A drop-in boost::asio::ssl::context can be used instead; it keeps its own settings.
#ifndef TLSMODE_CONTEXT_HPP
#define TLSMODE_CONTEXT_HPP

#include <tlsmode/mode.hpp>

#include <openssl/types.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace tlsmode {

/// Which side of the handshake.
enum class role { client, server };

/// Settings shared by connections. TLS 1.2 or newer, no renegotiation, no compression; modes
/// enable_partial_write, accept_moving_write_buffer and auto_retry.
/// A client context verifies the peer and refuses to handshake until the connection has a host name to
/// check. Setters return an error instead of throwing: the system's for a file that cannot be opened,
/// otherwise OpenSSL's first reason. A context is not to be used after one, since a part of a file may be
/// loaded. Thread safety: set up on one thread; afterwards connections may be made from it on any thread.
class context {
 public:
  /// A context for clients: verifies, trusts nobody yet.
  /// Throws std::system_error if OpenSSL cannot make one.
  static context client() { return context(role::client); }
  /// A context for servers: asks for no client certificate.
  static context server() { return context(role::server); }

  /// The role that the context was made for.
  [[nodiscard]] role side() const noexcept { return role_; }
  /// The OpenSSL context; owned by this object. Connections keep their own reference to it.
  [[nodiscard]] SSL_CTX* native_handle() const noexcept { return ctx_.get(); }

  /// Adds modes for connections made afterwards; returns the new set. Source: SSL_CTX_set_mode(3).
  mode_set set_mode(mode_set modes) noexcept { return tlsmode::set_mode(ctx_.get(), modes); }
  /// Takes modes out; returns the new set.
  mode_set clear_mode(mode_set modes) noexcept { return tlsmode::clear_mode(ctx_.get(), modes); }
  /// The modes that connections made from here begin with.
  [[nodiscard]] mode_set mode() const noexcept { return tlsmode::get_mode(ctx_.get()); }

  /// Loads the certificate chain, own certificate first, from a PEM file.
  /// Source: SSL_CTX_use_certificate_chain_file(3).
  [[nodiscard]] std::error_code use_certificate_chain_file(const std::string& path);
  /// Loads the private key from a PEM file and checks that it fits the certificate, which must be loaded
  /// first. An encrypted key is refused: nobody is asked for a password.
  /// Source: SSL_CTX_use_PrivateKey_file(3), SSL_CTX_check_private_key(3).
  [[nodiscard]] std::error_code use_private_key_file(const std::string& path);

  /// Trusts the certificate authorities in a PEM file. Source: SSL_CTX_load_verify_file(3).
  [[nodiscard]] std::error_code trust_file(const std::string& path);
  /// Trusts the certificate authorities of the system. Source: SSL_CTX_set_default_verify_paths(3).
  [[nodiscard]] std::error_code trust_system();

  /// On a server: demands a certificate of every client, signed by an authority in this PEM file, and
  /// names these authorities to the client. Source: SSL_CTX_set_verify(3), SSL_load_client_CA_file(3).
  [[nodiscard]] std::error_code require_client_certificate(const std::string& ca_path);

  /// Application protocols in order of preference, 1 to 255 bytes each (RFC 7301). A client offers them; a
  /// server picks its first one that the client offers. A client that offers only others is refused with the
  /// alert no_application_protocol, and a client refuses a server that picks what it did not offer.
  [[nodiscard]] std::error_code set_alpn(std::initializer_list<std::string_view> protocols);

  /// On a client: lets connections go ahead with no certificate check at all, and without a host name.
  /// For tests, and for protocols that authenticate otherwise.
  void disable_verification() noexcept;

 private:
  explicit context(role r);

  struct free_ctx {
    void operator()(SSL_CTX* c) const noexcept;
  };
  std::unique_ptr<SSL_CTX, free_ctx> ctx_;
  role role_;
};

} // namespace tlsmode

#endif
