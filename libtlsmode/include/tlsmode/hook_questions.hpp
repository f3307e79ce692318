// SPDX-License-Identifier: BSL-1.0
// The questions that a handshake asks of hooks, and the answers to them: values, with nothing in them of who
// asks whom, or how long that takes. What comes from the peer is the peer's word and no more.
#ifndef TLSMODE_HOOK_QUESTIONS_HPP
#define TLSMODE_HOOK_QUESTIONS_HPP

#include <tlsmode/connection.hpp>
#include <tlsmode/context.hpp>
#include <tlsmode/credentials.hpp>
#include <tlsmode/secret.hpp>
#include <tlsmode/session.hpp>

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tlsmode {

struct hook_bridge;

/// How a refusal is put to the peer. Source: RFC 8446 section 6.2, RFC 6066 section 3.
enum class alert : std::uint8_t {
  handshake_failure = 40,
  illegal_parameter = 47,
  access_denied = 49,
  protocol_version = 70,
  insufficient_security = 71,
  internal_error = 80,
  unrecognized_name = 112,
  no_application_protocol = 120
};

// ---- server: what does the client want? ----

/// What a client's first message says, before anything is agreed on. Source: RFC 8446 section 4.1.2.
struct client_hello {
  /// The name that the client asks for, in lower case; empty if there is none, or if it is no DNS name:
  /// letters, digits, '-', '_' and single dots inside are all there is in it (RFC 6066 section 3).
  std::string server_name;
  std::vector<std::string> alpn;       ///< in the client's order; any bytes (RFC 7301)
  std::vector<std::uint16_t> versions; ///< 0x0304 is TLS 1.3; others than versions are among them (RFC 8701)
  std::vector<std::uint16_t> ciphers;  ///< code points in the client's order
  std::uint16_t legacy_version = 0;    ///< what the message's own version field says
};

/// What becomes of a client.
class client_hello_answer {
 public:
  /// Goes on as the connection is.
  [[nodiscard]] static client_hello_answer proceed() { return {}; }
  /// Goes on as if the connection were one of this context: with its certificates and keys, verification
  /// (mode, depth, callback, parameters, trust, names of authorities), versions, ciphers, options, ALPN,
  /// number of tickets, and its hooks for the certificate, the verification and the staple. Of the first
  /// context stay: modes, groups, ticket keys, session caches and the hooks for these; sessions do not go
  /// from one context to another. PSK callbacks, which cannot be carried over, are removed. Refused, which
  /// fails the handshake with bad_option: contexts for clients or for a fixed version, and connections that
  /// have verification settings of their own, since nobody can know which shall count. The context is kept
  /// alive.
  [[nodiscard]] static client_hello_answer use(const context& ctx) { return use(ctx.native_handle()); }
  /// Precondition: `ctx` is not null.
  [[nodiscard]] static client_hello_answer use(SSL_CTX* ctx);
  /// Ends the handshake with this alert (hook_refused).
  [[nodiscard]] static client_hello_answer refuse(alert why = alert::handshake_failure) {
    client_hello_answer a;
    a.refused_ = why;
    return a;
  }

 private:
  friend struct hook_bridge;
  client_hello_answer() = default;
  std::shared_ptr<SSL_CTX> context_;
  std::optional<alert> refused_;
};

// ---- both sides: which certificate to show? ----

/// A connection is about to show its certificate, or to show none.
struct certificate_wanted {
  bool is_server = false;
  std::string server_name; ///< the server's; on a server as in client_hello
  /// Authorities that the peer says it knows, as RFC 2253 writes names, with what is not plain text escaped;
  /// often empty.
  std::vector<std::string> issuers;
};

class certificate_answer {
 public:
  /// Shows what the connection has, which on a client may be nothing.
  [[nodiscard]] static certificate_answer proceed() { return {}; }
  [[nodiscard]] static certificate_answer use(credentials what) {
    certificate_answer a;
    a.use_ = std::move(what);
    return a;
  }
  /// Ends the handshake (hook_refused); the alert is always internal_error (SSL_CTX_set_cert_cb(3)).
  [[nodiscard]] static certificate_answer refuse() {
    certificate_answer a;
    a.refused_ = true;
    return a;
  }

 private:
  friend struct hook_bridge;
  certificate_answer() = default;
  std::optional<credentials> use_;
  bool refused_ = false;
};

// ---- both sides: is this peer acceptable? ----

/// A peer has shown its certificate and OpenSSL has judged it.
struct peer_certificates {
  bool is_server = false;  ///< this side is the server, and the peer a client
  std::string server_name; ///< that the client asks for; on a server as in client_hello
  /// On a client, the name or address that OpenSSL asks of the certificate. Empty: it asks for none, and
  /// `trusted` says nothing about whom the certificate is for.
  std::string host;
  bool trusted = false;   ///< OpenSSL's verdict, with that of the verify callbacks, if there are any
  int error = 0;          ///< X509_V_ERR_ number of what is wrong; 0 if trusted
  std::string error_text; ///< the same in words
  int error_depth = 0;    ///< where in the chain that is; 0: the peer's own certificate
  /// The peer's own certificate first, and then as far as OpenSSL could build the chain.
  std::vector<certificate_ptr> chain;
  std::vector<certificate_ptr> sent; ///< what the peer has sent, in its order
  /// On a client with TLS 1.3: the OCSP response that the server sent along; see request_staple(). Not
  /// checked.
  std::vector<std::byte> staple;
};

class verify_answer {
 public:
  /// The peer may go on if OpenSSL trusts it; it is refused, with OpenSSL's reason, if not.
  [[nodiscard]] static verify_answer accept() { return {}; }
  /// The peer may go on although OpenSSL has refused it, provided that it was for this reason (an X509_V_ERR_
  /// number), and for no other: the chain is verified once more, with verify callbacks, and wherever in it
  /// this error comes up it is passed over. X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, or
  /// X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, takes with it that the last signature cannot be checked. This is
  /// not for peers that are trusted anyway: accept() is.
  [[nodiscard]] static verify_answer accept_despite(int error) {
    verify_answer a;
    a.error_ = error;
    a.despite_ = true;
    return a;
  }
  /// Ends the handshake (hook_refused), with the alert that goes with an X509_V_ERR_ number, say
  /// X509_V_ERR_CERT_REVOKED; at first X509_V_ERR_CERT_REJECTED.
  [[nodiscard]] static verify_answer reject();
  [[nodiscard]] static verify_answer reject(int error);

 private:
  friend struct hook_bridge;
  verify_answer() = default;
  int error_ = 0;
  bool despite_ = false;
  bool rejected_ = false;
};

// ---- server: which keys seal tickets? ----

struct ticket_key_wanted {
  /// The name of the keys that a client's ticket was sealed with; none: a new ticket is to be sealed.
  std::optional<ticket_keys::name_type> name;
};

class ticket_key_answer {
 public:
  /// With `renew`, and always with TLS 1.3, a client that resumes gets a new ticket, for which there is
  /// another question.
  [[nodiscard]] static ticket_key_answer use(const ticket_keys& keys, bool renew = false) {
    ticket_key_answer a;
    a.keys_ = keys;
    a.renew_ = renew;
    return a;
  }
  /// There are no such keys: the client shakes hands in full. If a ticket was to be sealed: it is made one
  /// that nobody can use.
  [[nodiscard]] static ticket_key_answer unknown() { return {}; }

 private:
  friend struct hook_bridge;
  ticket_key_answer() = default;
  std::optional<ticket_keys> keys_;
  bool renew_ = false;
};

// ---- server: sessions kept elsewhere ----

struct session_wanted {
  std::string id; ///< as in stored_session; what a client sent, so it may be any 1 to 32 bytes
};

class session_answer {
 public:
  /// A session that nobody else uses; null is none(). One with another id is not taken. Otherwise it is
  /// resumed where OpenSSL and the rules for sessions let it (docs/decisions/0006).
  [[nodiscard]] static session_answer found(session_ptr session) {
    session_answer a;
    a.session_ = std::move(session);
    return a;
  }
  /// One in DER form, from stored_session::der(); what is not one is none().
  [[nodiscard]] static session_answer found(std::span<const std::byte> der);
  [[nodiscard]] static session_answer none() { return {}; }

 private:
  friend struct hook_bridge;
  session_answer() = default;
  session_ptr session_;
};

/// A session to keep, or to forget: what the notifications are given.
struct stored_session {
  std::string id;             ///< bytes
  const SSL_SESSION* session; ///< valid during the call
  /// The session with its secrets, to be kept in a safe place. Throws std::bad_alloc.
  /// Source: i2d_SSL_SESSION(3).
  [[nodiscard]] secret_bytes der() const;
};

// ---- server: proof that the certificate is not revoked ----

struct staple_wanted {
  std::string server_name;     ///< that the client asks for, as in client_hello
  certificate_ptr certificate; ///< that will be shown; null only if there is no memory
};

class staple_answer {
 public:
  /// An OCSP response in DER form; it is sent as it is.
  [[nodiscard]] static staple_answer send(std::vector<std::byte> response) {
    staple_answer a;
    a.response_ = std::move(response);
    return a;
  }
  [[nodiscard]] static staple_answer none() { return {}; }

 private:
  friend struct hook_bridge;
  staple_answer() = default;
  std::vector<std::byte> response_;
};

/// On a client, before the handshake: asks the server for an OCSP response. Errors: OpenSSL's.
/// Precondition: `ssl` is not null. Source: SSL_set_tlsext_status_type(3), RFC 6066 section 8.
[[nodiscard]] std::error_code request_staple(SSL* ssl) noexcept;
/// What the server has sent, in DER form; empty if nothing. Throws std::bad_alloc. Precondition: `ssl` is not
/// null.
[[nodiscard]] std::vector<std::byte> received_staple(SSL* ssl);

} // namespace tlsmode

#endif
