// SPDX-License-Identifier: BSL-1.0
// Where OpenSSL's callbacks, the hooks of a context and engines meet: what is kept per context and per
// connection, and the callbacks. Private to the core.
#ifndef TLSMODE_SRC_HOOK_BRIDGE_HPP
#define TLSMODE_SRC_HOOK_BRIDGE_HPP

#include "context_switch.hpp"
#include "job_extras.hpp"

#include <tlsmode/engine.hpp>
#include <tlsmode/hook.hpp>

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

namespace tlsmode {

namespace detail {

/// What is kept per context; lives as long as the SSL_CTX.
struct context_hooks {
  hooks now;
  // The callbacks that were there before ours.
  int (*previous_new)(SSL*, SSL_SESSION*) = nullptr;
  void (*previous_removed)(SSL_CTX*, SSL_SESSION*) = nullptr;
  bool tells_new = false; // ours are installed
  bool tells_removed = false;

  /// Null if the context has no hooks.
  static context_hooks* of(const SSL_CTX* ctx) noexcept;
};

/// What is kept per connection, once a hook was asked something that takes time or changes the connection.
struct hook_progress {
  // Asked natively: OpenSSL calls again for the answer.
  std::shared_ptr<client_hello_request> hello;
  std::shared_ptr<certificate_request> certificate;
  std::shared_ptr<verify_request> verify;
  std::optional<std::string> greeted; // the name that the answered ClientHello asked for
  // What the connection was before answers changed it, for engine::reset().
  std::optional<credentials> own_credentials;
  std::optional<connection_settings> own_settings;
  std::optional<std::string> own_ciphers; // if a signer's key has changed them
};

} // namespace detail

struct hook_bridge {
  static std::error_code install(SSL_CTX* ctx, hooks h);

  // ---- for the engine ----

  /// The connection is about to begin its handshake.
  static void begin(engine& e) noexcept;
  /// Undoes what hooks have changed of the connection, for the next one. False if that fails.
  static bool restore(engine& e) noexcept;
  /// True if a hook has a say in the verification of the connection's peer.
  static bool verifies(const SSL* ssl) noexcept;
  /// What made a hook refuse a handshake that OpenSSL went on with.
  static std::error_code refusal(engine& e) noexcept;
  /// The name that a server's client asks for, as hooks are given it; on a client, what this side asks for.
  /// Throws std::bad_alloc.
  static std::string name_asked_for(const SSL* ssl);
  /// OpenSSL asks about the peer's certificate: false if the connection has hooks and is past its handshake.
  static bool may_verify(const engine& e) noexcept;

  // ---- OpenSSL's callbacks ----

  static int on_client_hello(SSL* ssl, int* alert, void*) noexcept;
  static int on_certificate(SSL* ssl, void*) noexcept;
  static int on_chain(X509_STORE_CTX* store, void*) noexcept;
  static int on_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                           EVP_MAC_CTX* mac, int sealing) noexcept;
  static SSL_SESSION* on_get_session(SSL* ssl, const unsigned char* id, int size, int* copy) noexcept;
  static int on_new_session(SSL* ssl, SSL_SESSION* session) noexcept;
  static void on_removed_session(SSL_CTX* ctx, SSL_SESSION* session) noexcept;
  static int on_status(SSL* ssl, void*) noexcept;

 private:
  struct asking; // a connection that asks, and its hooks (hook_asking.hpp)
  enum class got : std::uint8_t { answer, nothing_yet, failure };

  template <class Request, class Make>
  static std::shared_ptr<Request> put(asking& a, const std::function<void(std::shared_ptr<Request>)>& hook,
                                      const Make& question);
  template <class Request, class Make>
  static std::shared_ptr<Request>
  ask_in_job(asking& a, const std::function<void(std::shared_ptr<Request>)>& hook, const Make& question);
  template <class Request, class Make>
  static got ask_again(asking& a, std::shared_ptr<Request>& slot,
                       const std::function<void(std::shared_ptr<Request>)>& hook, const Make& question);
  template <class Request>
  static bool take(asking& a, Request& r);
  /// False if the client has said another name since the hook was asked about its ClientHello.
  static bool keeps_name(const engine& e);
  static peer_certificates judged(X509_STORE_CTX* store, SSL* ssl, bool trusted);
  static int decide(asking& a, X509_STORE_CTX* store, bool trusted, const verify_answer& answer) noexcept;
  static void leave_out_decryption(asking& a); // the connection's key is behind a signer
  static bool trusted_but_for(int error, X509_STORE_CTX* store, SSL* ssl) noexcept;
  static SSL_SESSION* look_up(asking& a, const unsigned char* id, std::size_t size) noexcept;
  static bool seal(EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, const ticket_keys& keys, unsigned char* iv,
                   bool sealing) noexcept;
};

} // namespace tlsmode

#endif
