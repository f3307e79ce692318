// SPDX-License-Identifier: BSL-1.0
// Which of a server's connections take each other's sessions. A resumption skips the check of the client, so
// only those may that check alike; OpenSSL keeps the others apart by their session-id contexts.
#include "client_checks.hpp"
#include "hook_bridge.hpp"
#include "openssl_handle.hpp"
#include "session_bridge.hpp"
#include "verification.hpp"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <cstdint>

namespace tlsmode {
namespace {

using verify_callback = int (*)(int, X509_STORE_CTX*);

std::string checks(X509_VERIFY_PARAM* param, X509_STORE* store, int mode, int level, verify_callback native) {
  return detail::checks_of(param, store) + std::to_string(mode) + '/' + std::to_string(level) + '/' +
         std::to_string(reinterpret_cast<std::uintptr_t>(native));
}

std::error_code random_id(detail::digest& id) noexcept {
  ERR_clear_error();
  if (RAND_bytes(id.data(), static_cast<int>(id.size())) == 1) return {};
  return detail::first_openssl_error();
}

std::error_code set_id(SSL* ssl, const detail::digest& id) noexcept {
  if (SSL_set_session_id_context(ssl, id.data(), static_cast<unsigned int>(id.size())) == 1) return {};
  return detail::first_openssl_error();
}

std::error_code set_random_id(SSL* ssl) noexcept {
  detail::digest id{};
  if (const std::error_code ec = random_id(id)) return ec;
  return set_id(ssl, id);
}

} // namespace

std::string session_bridge::checks_of(SSL_CTX* ctx) {
  return checks(SSL_CTX_get0_param(ctx), SSL_CTX_get_cert_store(ctx), SSL_CTX_get_verify_mode(ctx),
                SSL_CTX_get_security_level(ctx), SSL_CTX_get_verify_callback(ctx));
}

// Nobody knows what a callback would say, what is in a store that was brought along, or which policies are
// asked for. The context's own callback is the same for all.
engine::sharing session_bridge::sharing_of(const engine& e, const detail::context_settings& settings,
                                           detail::digest& id) {
  SSL* const ssl = e.ssl_.get();
  const verify_callback current = SSL_get_verify_callback(ssl);
  const verify_callback native = current == &engine::on_verify ? e.previous_verify_ : current;
  X509_STORE* const store = detail::store_of(ssl);
  X509_VERIFY_PARAM* const param = SSL_get0_param(ssl);
  const bool own_callback = e.has_verify_callback();
  if (own_callback || native != SSL_CTX_get_verify_callback(SSL_get_SSL_CTX(ssl)) ||
      store != settings.usual_store || detail::checks_policies(param, store) ||
      (verifies(e) && hook_bridge::verifies(ssl)))
    return engine::sharing::with_nobody;
  const std::string text =
      checks(param, store, SSL_get_verify_mode(ssl), SSL_get_security_level(ssl), native);
  if (text == settings.usual_checks) {
    id = settings.session_id;
    return engine::sharing::with_context;
  }
  id = detail::digest_of({detail::view_of(settings.session_id), text});
  return engine::sharing::with_alike;
}

std::error_code session_bridge::separate(engine& e, const detail::context_settings& settings, bool anew) {
  SSL* const ssl = e.ssl_.get();
  const engine::sharing before = e.sharing_; // of a connection before reset()
  detail::digest id{};
  e.begun_with_ = &settings;
  e.asked_client_ = verifies(e);
  e.sharing_ = sharing_of(e, settings, id);
  if (e.sharing_ == engine::sharing::with_nobody)
    if (const std::error_code ec = random_id(id)) return ec;
  // Else it has that of the context, or what its owner gave it.
  const bool usual = e.sharing_ == engine::sharing::with_context && before == e.sharing_ && !anew;
  return usual ? std::error_code() : set_id(ssl, id);
}

std::error_code session_bridge::separate_hooked(engine& e) noexcept {
  if (!verifies(e) || !hook_bridge::verifies(e.ssl_.get())) return {};
  return set_random_id(e.ssl_.get());
}

// OpenSSL goes on keeping sessions and sealing tickets as the first context says, so these must be kept apart
// by the session-id context of the connection.
std::error_code session_bridge::separate_again(engine& e) {
  SSL* const ssl = e.ssl_.get();
  SSL_CTX* const ctx = SSL_get_SSL_CTX(ssl);
  const detail::context_settings* const settings = detail::context_settings::of(ctx);
  e.begun_with_ = nullptr;
  e.asked_client_ = verifies(e);
  // OpenSSL would go by what the first context says of resumption, so its sessions are made such that nobody
  // takes them.
  const bool resumes = (SSL_CTX_get_session_cache_mode(ctx) & SSL_SESS_CACHE_SERVER) != 0;
  // on_ticket() is asked only where the first context is one of ours.
  if (resumes && settings != nullptr && detail::context_settings::of(e.made_of_) != nullptr)
    return separate(e, *settings, true);
  e.sharing_ = engine::sharing::with_nobody;
  const std::uintptr_t number = detail::number_of(ctx);
  if (!resumes || settings != nullptr || number == 0 || (verifies(e) && hook_bridge::verifies(ssl)))
    return set_random_id(ssl);
  static const std::optional<detail::digest> secret = [] {
    detail::digest d{};
    return random_id(d) ? std::nullopt : std::optional(d);
  }();
  if (!secret) return set_random_id(ssl);
  return set_id(
      ssl, detail::digest_of({"switched", detail::view_of(*secret), std::to_string(number), checks_of(ctx)}));
}

std::error_code session_bridge::forget_switch(engine& e) noexcept {
  e.sharing_ =
      engine::sharing::with_nobody; // so that the next handshake sets that of its context, if it is ours
  return set_random_id(e.ssl_.get());
}

bool session_bridge::checks_like(const engine& e, SSL_CTX* ctx) {
  SSL* const ssl = e.ssl_.get();
  const verify_callback current = SSL_get_verify_callback(ssl);
  const verify_callback native = current == &engine::on_verify ? e.previous_verify_ : current;
  X509_STORE* const store = detail::store_of(ssl);
  return !e.has_verify_callback() && store == SSL_CTX_get_cert_store(ctx) &&
         checks(SSL_get0_param(ssl), store, SSL_get_verify_mode(ssl), SSL_get_security_level(ssl), native) ==
             checks_of(ctx);
}

// Compares what is set now with what was set when the handshake began, which the session's own session-id
// context tells. Where clients are not verified it makes no difference.
bool session_bridge::still_shares(const engine& e) {
  if (!e.asked_client_ && !verifies(e)) return true;
  SSL* const ssl = e.ssl_.get();
  const detail::context_settings* const settings = detail::context_settings::of(SSL_get_SSL_CTX(ssl));
  if (settings == nullptr || settings != e.begun_with_) return false; // another context was chosen
  detail::digest id{};
  const engine::sharing now = sharing_of(e, *settings, id);
  if (now != e.sharing_ || now != engine::sharing::with_alike) return now == e.sharing_;
  unsigned int n = 0;
  const unsigned char* const made_with = SSL_SESSION_get0_id_context(SSL_get_session(ssl), &n);
  return detail::view_of(id) == std::string_view(reinterpret_cast<const char*>(made_with), n);
}

// A ticket must not say that its client passed a check that was given up, or set only afterwards: it is made
// one that no connection takes. That of a resumption goes on saying what the session said.
int session_bridge::on_ticket(SSL* ssl, void*) noexcept {
  const engine* const e = engine::of(ssl);
  if (e == nullptr || e->begun_with_ == nullptr || SSL_session_reused(ssl) != 0) return 1;
  try {
    if (!client_checks::asked_too_little(*e) && still_shares(*e)) return 1;
  } catch (...) {
    return 0;
  }
  detail::digest id{};
  if (random_id(id)) return 0;
  return SSL_SESSION_set1_id_context(SSL_get_session(ssl), id.data(), static_cast<unsigned int>(id.size()));
}

} // namespace tlsmode
