// SPDX-License-Identifier: BSL-1.0
// A TLS context that is secure as it comes: what connections of one kind have in common.
// A drop-in boost::asio::ssl::context can be used instead; it keeps its own settings.
#ifndef TLSMODE_CONTEXT_HPP
#define TLSMODE_CONTEXT_HPP

#include <tlsmode/mode.hpp>

#include <openssl/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

struct stack_st_X509_NAME; // STACK_OF(X509_NAME)

namespace tlsmode {

class signer;

/// Which side of the handshake.
enum class role : std::uint8_t {
  client, ///< speaks first, and checks the peer's certificate
  server  ///< shows a certificate
};

/// Certificates or keys as text in PEM format, from wherever a program has them. The text is only looked at.
struct pem {
  explicit pem(std::string_view t) noexcept : text(t) {}
  std::string_view text;
};

/// Settings shared by connections. TLS 1.2 or newer, no renegotiation, no compression; modes
/// enable_partial_write, accept_moving_write_buffer and auto_retry. In TLS 1.2 servers take only suites with
/// forward secrecy and authenticated encryption (RFC 9325, section 4.2); SSL_CTX_set_cipher_list() on the
/// native context chooses others. A client context verifies the peer and refuses to handshake until the
/// connection has a host name to check. Setters return an error instead of throwing: the system's for a file
/// that cannot be opened, otherwise OpenSSL's first reason. A context is not to be used after one, since a
/// part of a file may be loaded. Thread safety: set up on one thread; afterwards connections may be made from
/// it on any thread.
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

  // ---- certificates and keys ----

  /// Loads the certificate chain, own certificate first, from a PEM file or from text.
  /// Errors: the system's, PEM's, OpenSSL's. Source: SSL_CTX_use_certificate_chain_file(3).
  [[nodiscard]] std::error_code use_certificate_chain_file(const std::string& path);
  [[nodiscard]] std::error_code use_certificate_chain(pem chain);
  /// Loads the private key from a PEM file or from text, and checks that it fits the certificate, which must
  /// be loaded first. An encrypted key is refused: nobody is asked for a password. Errors: the system's,
  /// PEM's, OpenSSL's. Source: SSL_CTX_use_PrivateKey_file(3), SSL_CTX_check_private_key(3).
  [[nodiscard]] std::error_code use_private_key_file(const std::string& path);
  [[nodiscard]] std::error_code use_private_key(pem key);
  /// Instead of a private key: has `who` sign for the certificate, which must be loaded first, within 10
  /// seconds or `limit`. Errors and what else it does: tlsmode::use_signer(), in signer.hpp.
  [[nodiscard]] std::error_code use_signer(std::shared_ptr<signer> who);
  [[nodiscard]] std::error_code use_signer(std::shared_ptr<signer> who, std::chrono::milliseconds limit);

  /// Trusts the certificate authorities in a PEM file or a text, and heeds revocation lists in it if checking
  /// these is switched on. Errors: the system's, PEM's, OpenSSL's. Source: SSL_CTX_load_verify_file(3).
  [[nodiscard]] std::error_code trust_file(const std::string& path);
  [[nodiscard]] std::error_code trust(pem authorities);
  /// Trusts the certificate authorities of the system. Errors: OpenSSL's; none if there are no authorities.
  /// Source: SSL_CTX_set_default_verify_paths(3).
  [[nodiscard]] std::error_code trust_system();

  /// On a server: demands a certificate of every client, signed by an authority in this PEM file or text, and
  /// names these authorities to the client. A callback that chooses this context during a handshake that was
  /// begun with another one must also have the client asked, with SSL_set_verify(); otherwise the handshake
  /// fails with client_not_asked. Errors: bad_option on a client, the system's, PEM's, OpenSSL's. Source:
  /// SSL_CTX_set_verify(3), SSL_CTX_set_client_CA_list(3).
  [[nodiscard]] std::error_code require_client_certificate(const std::string& ca_path);
  [[nodiscard]] std::error_code require_client_certificate(pem ca);
  /// The same, but a client may do without: ask peer_certificate() who it is, and take none for nobody. A
  /// certificate that is shown must be good. Source: SSL_CTX_set_verify(3).
  [[nodiscard]] std::error_code ask_for_client_certificate(const std::string& ca_path);
  [[nodiscard]] std::error_code ask_for_client_certificate(pem ca);

  // ---- sessions ----

  /// On a client: keeps up to `most` sessions, 8 of one peer, and offers the newest that fits when a
  /// connection of this context begins its handshake after engine::set_host(). Fitting means: the same name,
  /// port and verification settings, and verified in the same way; connections with a verify callback take no
  /// part, because a resumption asks no callback, nor do those of a context with a function that verifies
  /// instead of OpenSSL (SSL_CTX_set_cert_verify_callback(3)). The certificate of this side must be the same,
  /// since a resumption comes from whoever made the session; one that a callback chooses during the handshake
  /// keeps sessions from being used again. Not seen are a purpose or trust set on a native connection, and
  /// changes of the native trust store: forget_sessions(). TLS 1.3 tickets are used once (RFC 8446 appendix
  /// C.4). Too old sessions are not offered, and those of a connection that failed are dropped. A new-session
  /// callback on the native context keeps working if it was installed before; after this, none must be.
  /// Errors: bad_option on a server and for 0. Thread safety: connections of the context may run on any
  /// threads. Source: SSL_CTX_sess_set_new_cb(3), SSL_CTX_set_session_cache_mode(3).
  [[nodiscard]] std::error_code resume_sessions(std::size_t most = 1024);

  /// On a client: drops all sessions kept, and makes those given out by engine::session() prove nothing to
  /// connections that verify; so too the sessions that open connections have yet to get. To be called when
  /// what the context trusts becomes less behind its back, say by a revocation list in the native store;
  /// trust(), trust_file() and trust_system() call it. On a server it does nothing: what these functions and
  /// the demands on clients change there is seen, and resumes nothing from before.
  /// Thread safety: full, also while connections run.
  void forget_sessions() noexcept;

  /// On a server: how many TLS 1.3 tickets a client gets with a full handshake; 1 at first, half of OpenSSL's
  /// default. Each was measured to cost the server 17 us of CPU on top of 182 us (ECDSA P-256) and 287 bytes
  /// on the wire. Each is meant to be used once, and a resumption brings a new one (RFC 8446 appendix C.4),
  /// so more than one serve only clients that open several connections at once. With 0 no TLS 1.3 session can
  /// be resumed. Errors: bad_option on a client. Source: SSL_CTX_set_num_tickets(3), RFC 8446 section 4.6.1.
  [[nodiscard]] std::error_code set_ticket_count(std::size_t tickets);
  /// On a server: seals tickets with these keys instead of random ones, so that all processes that have them
  /// take each other's sessions, provided that they ask the same of client certificates, with the same
  /// authorities. 80 secret random bytes; who has them can read recorded connections, so they should change
  /// daily. Errors: bad_option on a client and for another size.
  /// Source: SSL_CTX_set_tlsext_ticket_keys(3).
  [[nodiscard]] std::error_code set_ticket_keys(std::span<const std::byte> keys);
  /// How long a session may be resumed after it was made; 2 hours at first. A server says so in its tickets;
  /// a client heeds the server's time if that is shorter. Errors: bad_option for less than a second and more
  /// than 7 days. Source: SSL_CTX_set_timeout(3), RFC 8446 section 4.6.1.
  [[nodiscard]] std::error_code set_session_lifetime(std::chrono::seconds lifetime);
  /// On a server: every handshake is a full one; no tickets are sent and no sessions kept, in all versions.
  /// On a client, which resumes nothing unless told to, it does nothing.
  /// Source: SSL_CTX_set_options(3) on SSL_OP_NO_TICKET, SSL_CTX_set_session_cache_mode(3).
  void disable_resumption() noexcept;

  // ---- others ----

  /// Application protocols in order of preference, 1 to 255 bytes each (RFC 7301). A client offers them; a
  /// server picks its first one that the client offers. A client that offers only others is refused with the
  /// alert no_application_protocol, and a client refuses a server that picks what it did not offer. An empty
  /// list takes the setting back. Errors: bad_option for a name that is empty or too long; OpenSSL's. Source:
  /// SSL_CTX_set_alpn_protos(3), SSL_CTX_set_alpn_select_cb(3).
  [[nodiscard]] std::error_code set_alpn(std::initializer_list<std::string_view> protocols);

  /// On a client: lets connections go ahead with no certificate check at all, and without a host name.
  /// For tests, and for protocols that authenticate otherwise. On a server it does nothing.
  /// Source: SSL_CTX_set_verify(3).
  void disable_verification() noexcept;

 private:
  explicit context(role r);
  std::error_code load_trust(BIO* from, stack_st_X509_NAME* subjects);
  void trust_changed();
  std::error_code demand_certificate(BIO* ca, int verify_flags);

  struct free_ctx {
    void operator()(SSL_CTX* c) const noexcept;
  };
  std::unique_ptr<SSL_CTX, free_ctx> ctx_;
  role role_;
};

} // namespace tlsmode

#endif
