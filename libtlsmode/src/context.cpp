// SPDX-License-Identifier: BSL-1.0
// The context of the core.
#include "context_settings.hpp"
#include "openssl_handle.hpp"
#include "session_bridge.hpp"

#include <tlsmode/context.hpp>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

namespace tlsmode {
namespace {

void free_settings(void*, void* settings, CRYPTO_EX_DATA*, int, long, void*) noexcept {
  delete static_cast<detail::context_settings*>(settings);
}

int settings_index() noexcept {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_settings);
  return index;
}

// A server's choice: its first protocol that the client offers, or none at all (RFC 7301, section 3.2).
int select_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned int offered_size, void*) noexcept {
  const detail::context_settings* s = detail::context_settings::of(SSL_get_SSL_CTX(ssl));
  if (s == nullptr || s->alpn.empty()) return SSL_TLSEXT_ERR_NOACK;
  unsigned char* chosen = nullptr;
  const int rc =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(s->alpn.data()),
                            static_cast<unsigned int>(s->alpn.size()), offered, offered_size);
  if (rc != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

} // namespace

detail::context_settings* detail::context_settings::of(SSL_CTX* ctx) noexcept {
  return static_cast<context_settings*>(SSL_CTX_get_ex_data(ctx, settings_index()));
}

void context::free_ctx::operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }

// TLS 1.2 as RFC 9325, section 4.2, recommends it: forward secrecy, and no CBC with its padding oracles
// (Lucky 13). Clients keep OpenSSL's list, since the servers that they have to talk to are not theirs to
// choose.
constexpr const char* server_suites = "ECDHE+AESGCM:ECDHE+CHACHA20";

context::context(role r)
    : ctx_(SSL_CTX_new(r == role::client ? TLS_client_method() : TLS_server_method())), role_(r) {
  SSL_CTX* const c = ctx_.get();
  if (c == nullptr) throw std::system_error(detail::first_openssl_error(), "SSL_CTX_new");
  auto settings = std::make_unique<detail::context_settings>();
  settings->host_needed = r == role::client;
  detail::digest& secret = settings->ticket_secret;
  const bool good = SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
                    RAND_bytes(secret.data(), static_cast<int>(secret.size())) == 1 &&
                    SSL_CTX_set_ex_data(c, settings_index(), settings.get()) == 1;
  if (!good) throw std::system_error(detail::first_openssl_error(), "SSL_CTX");
  detail::context_settings& kept = *settings.release();
  if (r == role::server) kept.renew_session_id(c);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_default_passwd_cb(c, &detail::no_password);
  if (r == role::server && SSL_CTX_set_cipher_list(c, server_suites) != 1)
    throw std::system_error(detail::first_openssl_error(), "SSL_CTX_set_cipher_list");
  if (r == role::server) SSL_CTX_set_num_tickets(c, 1); // set_ticket_count() says why
  if (r == role::server) SSL_CTX_set_session_ticket_cb(c, &session_bridge::on_ticket, nullptr, nullptr);
  if (r == role::client) SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
  if (r == role::client) SSL_CTX_set_cert_verify_callback(c, &session_bridge::on_chain, nullptr);
  set_mode(mode::enable_partial_write | mode::accept_moving_write_buffer | mode::auto_retry);
}

std::error_code context::set_alpn(std::initializer_list<std::string_view> protocols) {
  std::string wire;
  for (const std::string_view p : protocols) {
    if (p.empty() || p.size() > 255) return error::bad_option;
    wire += static_cast<char>(p.size());
    wire += p;
  }
  if (role_ == role::client) {
    // Unlike the rest of OpenSSL this returns 0 on success.
    if (SSL_CTX_set_alpn_protos(ctx_.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                                static_cast<unsigned int>(wire.size())) != 0)
      return detail::first_openssl_error();
  } else {
    SSL_CTX_set_alpn_select_cb(ctx_.get(), wire.empty() ? nullptr : &select_alpn, nullptr);
  }
  detail::context_settings::of(ctx_.get())->alpn = std::move(wire);
  return {};
}

void context::disable_verification() noexcept {
  if (role_ != role::client) return;
  SSL_CTX_set_verify(ctx_.get(), SSL_VERIFY_NONE, nullptr);
  detail::context_settings::of(ctx_.get())->host_needed = false;
}

} // namespace tlsmode
