// SPDX-License-Identifier: BSL-1.0
// Hooks of a context: keeping them, installing OpenSSL's callbacks for them, and who may be asked when.
#include "hook_asking.hpp"
#include "session_bridge.hpp"

#include <openssl/crypto.h>
#include <openssl/ssl.h>

namespace tlsmode {
namespace {

void free_hooks(void*, void* hooks, CRYPTO_EX_DATA*, int, long, void*) noexcept {
  delete static_cast<detail::context_hooks*>(hooks);
}

int hooks_index() noexcept {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_hooks);
  return index;
}

bool any_to_wait_for(const hooks& h) noexcept {
  return h.client_hello || h.certificate || h.verify || h.ticket_key || h.session || h.staple;
}
bool any_of_server(const hooks& h) noexcept {
  return h.client_hello || h.ticket_key || h.session || h.staple;
}

// Installs what is asked for, and takes away what was there for the hooks before.
void install_handshake_callbacks(SSL_CTX* ctx, const hooks& h, const hooks& before) noexcept {
  if (h.client_hello || before.client_hello)
    SSL_CTX_set_client_hello_cb(ctx, h.client_hello ? &hook_bridge::on_client_hello : nullptr, nullptr);
  // A session hook that fails can make nothing fail; the choice of the certificate, which comes next, can.
  const bool certificate = h.certificate || h.session;
  if (certificate || before.certificate || before.session)
    SSL_CTX_set_cert_cb(ctx, certificate ? &hook_bridge::on_certificate : nullptr, nullptr);
  // Stays, and verifies as OpenSSL does when there is no hook: nobody can say what was there before.
  if (h.verify) SSL_CTX_set_cert_verify_callback(ctx, &hook_bridge::on_chain, nullptr);
  int (*const status)(SSL*, void*) = h.staple ? &hook_bridge::on_status : nullptr;
  if (h.staple || before.staple) SSL_CTX_set_tlsext_status_cb(ctx, status);
}

void install_session_callbacks(SSL_CTX* ctx, const hooks& h, const hooks& before) noexcept {
  if (h.ticket_key || before.ticket_key)
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, h.ticket_key ? &hook_bridge::on_ticket_key : nullptr);
  if (h.session || before.session)
    SSL_CTX_sess_set_get_cb(ctx, h.session ? &hook_bridge::on_get_session : nullptr);
  const long mode = SSL_CTX_get_session_cache_mode(ctx);
  if (h.session) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(ctx, mode | SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
  }
  // OpenSSL tells of a client's sessions only where they are to be kept, and its own store never gives one
  // back.
  if (h.new_session && SSL_CTX_get_ssl_method(ctx) == TLS_client_method())
    SSL_CTX_set_session_cache_mode(ctx, mode | SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  else if (h.new_session && SSL_CTX_get_ssl_method(ctx) == TLS_method())
    SSL_CTX_set_session_cache_mode(ctx, SSL_CTX_get_session_cache_mode(ctx) | SSL_SESS_CACHE_CLIENT);
}

} // namespace

detail::context_hooks* detail::context_hooks::of(const SSL_CTX* ctx) noexcept {
  return static_cast<context_hooks*>(SSL_CTX_get_ex_data(ctx, hooks_index()));
}

std::error_code set_hooks(SSL_CTX* ctx, hooks h) noexcept {
  if (ctx == nullptr || h.time_limit <= std::chrono::milliseconds(0)) return error::bad_option;
  if (any_of_server(h) && SSL_CTX_get_ssl_method(ctx) == TLS_client_method()) return error::bad_option;
  try {
    return hook_bridge::install(ctx, std::move(h));
  } catch (...) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
}

std::error_code hook_bridge::install(SSL_CTX* ctx, hooks h) {
  using detail::context_hooks;
  using detail::context_settings;
  context_settings* const settings = context_settings::of(ctx);
  std::optional<detail::digest> group;
  if (settings != nullptr && (h.ticket_key || h.session) && !h.session_group.empty())
    group = detail::digest_of({"session group", h.session_group});
  if (context_hooks::of(ctx) == nullptr) {
    auto fresh = std::make_unique<context_hooks>();
    if (SSL_CTX_set_ex_data(ctx, hooks_index(), fresh.get()) != 1) throw std::bad_alloc();
    (void)fresh.release();
  }
  context_hooks& kept = *context_hooks::of(ctx);
  const hooks before = std::exchange(kept.now, std::move(h));
  install_handshake_callbacks(ctx, kept.now, before);
  install_session_callbacks(ctx, kept.now, before);
  if (kept.now.new_session && !std::exchange(kept.tells_new, true)) {
    kept.previous_new = SSL_CTX_sess_get_new_cb(ctx);
    SSL_CTX_sess_set_new_cb(ctx, &on_new_session);
  }
  if (kept.now.removed_session && !std::exchange(kept.tells_removed, true)) {
    kept.previous_removed = SSL_CTX_sess_get_remove_cb(ctx);
    SSL_CTX_sess_set_remove_cb(ctx, &on_removed_session);
  }
  if (group) {
    settings->ticket_secret = *group;
    settings->renew_session_id(ctx);
  }
  if (any_to_wait_for(kept.now)) {
    set_mode(ctx, mode::async);
    SSL_CTX_set_post_handshake_auth(ctx, 0);
  }
  return {};
}

// ---- for the engine ----

void hook_bridge::begin(engine& e) noexcept {
  SSL* const ssl = e.ssl_.get();
  if (e.extras_) e.extras_->lookup_failed = {};
  const detail::context_hooks* const kept = detail::context_hooks::of(SSL_get_SSL_CTX(ssl));
  if (kept == nullptr) return;
  if (any_to_wait_for(kept->now)) SSL_set_post_handshake_auth(ssl, 0);
  // Without it OpenSSL asks about the peer, and does not mind the answer.
  if (kept->now.verify && e.role_ == role::client && SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
    SSL_set_verify(ssl, SSL_VERIFY_PEER, SSL_get_verify_callback(ssl));
}

bool hook_bridge::restore(engine& e) noexcept {
  if (!e.extras_ || !e.extras_->hooks) return true;
  const detail::hook_progress& was = *e.extras_->hooks;
  try {
    if (was.own_settings && context_switch::back(e, *was.own_settings)) return false;
    if (was.own_credentials && !was.own_credentials->apply(e.ssl_.get())) return false;
    if (was.own_ciphers && SSL_set_cipher_list(e.ssl_.get(), was.own_ciphers->c_str()) != 1) return false;
  } catch (...) {
    return false;
  }
  e.extras_->hooks.reset(); // not before: what is not undone must not be forgotten
  return true;
}

bool hook_bridge::verifies(const SSL* ssl) noexcept {
  const detail::context_hooks* const kept = detail::context_hooks::of(SSL_get_SSL_CTX(ssl));
  return kept != nullptr && kept->now.verify;
}

std::error_code hook_bridge::refusal(engine& e) noexcept {
  if (!e.extras_) return {};
  if (e.extras_->lookup_failed) return std::exchange(e.extras_->lookup_failed, {});
  try {
    return keeps_name(e) ? std::error_code() : error::hook_refused;
  } catch (...) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
}

bool hook_bridge::may_verify(const engine& e) noexcept {
  if (e.state_.now() == connection_state::handshaking) return true;
  const detail::context_hooks* const kept = detail::context_hooks::of(SSL_get_SSL_CTX(e.ssl_.get()));
  return kept == nullptr || !any_to_wait_for(kept->now);
}

std::optional<hook_bridge::asking> hook_bridge::asking::by(SSL* ssl, of_context which) noexcept {
  engine* const e = engine::of(ssl);
  if (e == nullptr) return std::nullopt; // not a connection of ours: nobody waits
  std::shared_ptr<detail::job_extras> extras;
  try {
    extras = e->extras();
  } catch (...) {
    return std::nullopt;
  }
  if (extras->ending) return std::nullopt;
  const SSL_CTX* const ctx = which == of_context::now ? SSL_get_SSL_CTX(ssl) : e->made_of_;
  const detail::context_hooks* const kept = detail::context_hooks::of(ctx);
  if (kept == nullptr || e->state_.now() != connection_state::handshaking || detail::running_engine() != e) {
    if (!extras->why) extras->why = error::hook_cannot_wait;
    return std::nullopt;
  }
  return asking{*e, ssl, kept->now, std::move(extras)};
}

bool engine::hooks_need_async() const noexcept {
  const detail::context_hooks* const kept = detail::context_hooks::of(SSL_get_SSL_CTX(ssl_.get()));
  return kept != nullptr && kept->now.need_async && detail::before_open(state_.now());
}

} // namespace tlsmode
