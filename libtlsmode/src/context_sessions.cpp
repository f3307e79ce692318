// SPDX-License-Identifier: BSL-1.0
// Sessions of a context: a client's store, a server's tickets, and which servers take each other's sessions.
#include "context_settings.hpp"
#include "openssl_handle.hpp"
#include "session_bridge.hpp"

#include <tlsmode/context.hpp>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

namespace tlsmode {
namespace {

// What OpenSSL 3 takes: a name of 16 bytes, a MAC key of 32 and a cipher key of 32.
constexpr std::size_t ticket_keys_size = 80;

// RFC 8446, section 4.6.1.
constexpr std::chrono::seconds longest_lifetime = std::chrono::hours(7 * 24);

} // namespace

// ---- session-id contexts ----

detail::digest detail::digest_of(std::initializer_list<std::string_view> texts) {
  std::string all;
  for (const std::string_view text : texts) {
    all += std::to_string(text.size()) + ':';
    all += text;
  }
  digest d{};
  const int rc = EVP_Q_digest(nullptr, "SHA256", nullptr, all.data(), all.size(), d.data(), nullptr);
  OPENSSL_cleanse(all.data(), all.size()); // it may hold keys
  if (rc != 1) throw std::system_error(first_openssl_error(), "SHA-256");
  return d;
}

void detail::context_settings::demand_of_clients(std::string_view what) {
  client_demands = digest_of({view_of(client_demands), what});
}

// A resumption skips the check of the client's certificate as well, so a session may go only to a context
// that would have made the same check.
void detail::context_settings::renew_session_id(SSL_CTX* ctx) {
  session_id = digest_of({view_of(ticket_secret), view_of(client_demands)});
  usual_checks = session_bridge::checks_of(ctx);
  usual_store = SSL_CTX_get_cert_store(ctx);
  SSL_CTX_set_session_id_context(ctx, session_id.data(), static_cast<unsigned int>(session_id.size()));
}

// ---- clients ----

std::error_code context::resume_sessions(std::size_t most) {
  if (role_ != role::client || most == 0) return error::bad_option;
  SSL_CTX* const c = ctx_.get();
  detail::context_settings& settings = *detail::context_settings::of(c);
  settings.sessions = std::make_unique<detail::session_store>(most);
  if (const auto current = SSL_CTX_sess_get_new_cb(c); current != &session_bridge::on_new_session)
    settings.previous_new_session = current;
  SSL_CTX_sess_set_new_cb(c, &session_bridge::on_new_session);
  // OpenSSL's own store never gives a client anything back.
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  return {};
}

void context::forget_sessions() noexcept {
  detail::context_settings& settings = *detail::context_settings::of(ctx_.get());
  settings.trust_changes.fetch_add(1, std::memory_order_relaxed);
  if (settings.sessions) settings.sessions->clear();
}

// ---- servers ----

std::error_code context::set_ticket_count(std::size_t tickets) {
  if (role_ != role::server) return error::bad_option;
  SSL_CTX_set_num_tickets(ctx_.get(), tickets);
  return {};
}

std::error_code context::set_ticket_keys(std::span<const std::byte> keys) {
  if (role_ != role::server || keys.size() != ticket_keys_size) return error::bad_option;
  SSL_CTX* const c = ctx_.get();
  ERR_clear_error();
  // The macro takes a pointer to non-const, and copies.
  auto* const bytes = const_cast<std::byte*>(keys.data());
  if (SSL_CTX_set_tlsext_ticket_keys(c, bytes, static_cast<long>(keys.size())) != 1)
    return detail::first_openssl_error();
  detail::context_settings& settings = *detail::context_settings::of(c);
  settings.ticket_secret =
      detail::digest_of({"ticket keys", {reinterpret_cast<const char*>(keys.data()), keys.size()}});
  settings.renew_session_id(c);
  return {};
}

std::error_code context::set_session_lifetime(std::chrono::seconds lifetime) {
  if (lifetime < std::chrono::seconds(1) || lifetime > longest_lifetime) return error::bad_option;
  SSL_CTX_set_timeout(ctx_.get(), static_cast<long>(lifetime.count()));
  return {};
}

void context::disable_resumption() noexcept {
  if (role_ != role::server) return;
  SSL_CTX* const c = ctx_.get();
  // NO_TICKET alone makes TLS 1.3 send tickets that stand for sessions in the cache.
  SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(c, 0);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
}

} // namespace tlsmode
