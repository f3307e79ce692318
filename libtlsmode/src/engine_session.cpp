// SPDX-License-Identifier: BSL-1.0
// Sessions and keys of a connection; what only servers do with them is in server_sessions.cpp. The rule
// behind all of it: a resumption skips the check of the peer, so what is resumed must have been checked in
// the same way.
#include "hook_bridge.hpp"
#include "openssl_handle.hpp"
#include "session_bridge.hpp"
#include "verification.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace tlsmode {

using detail::verification;
using detail::verification_ptr;

void free_session::operator()(SSL_SESSION* s) const noexcept { SSL_SESSION_free(s); }

// ---- keys ----

std::error_code engine::update_keys(bool both) noexcept {
  if (job_paused() || write_total_ != 0 || has_abandoned_work()) return error::operation_in_progress;
  if (const std::error_code ec = ready_for(operation::write)) return ec;
  SSL* const ssl = ssl_.get();
  if (SSL_version(ssl) < TLS1_3_VERSION) return error::bad_option;
  if (const int waiting = SSL_get_key_update_type(ssl); waiting != SSL_KEY_UPDATE_NONE)
    return both && waiting != SSL_KEY_UPDATE_REQUESTED ? error::operation_in_progress : std::error_code();
  ERR_clear_error();
  if (SSL_key_update(ssl, both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1) return {};
  return detail::first_openssl_error();
}

// ---- sessions by hand ----

session_ptr engine::session() const noexcept {
  if (detail::before_open(state_.now()) || state_.now() == connection_state::failed) return nullptr;
  const SSL_SESSION* const s = SSL_get_session(ssl_.get());
  if (job_paused() || role_ != role::client || s == nullptr || SSL_SESSION_is_resumable(s) == 0)
    return nullptr;
  // A copy: OpenSSL spoils the connection's own when the connection is freed without a shutdown.
  session_ptr copy(SSL_SESSION_dup(s));
  return copy && session_bridge::identify(*this, copy.get()) ? std::move(copy) : nullptr;
}

std::error_code engine::offer_session(SSL_SESSION* session) noexcept {
  SSL* const ssl = ssl_.get();
  if (session == nullptr || state_.now() != connection_state::fresh || job_paused() ||
      SSL_get_ssl_method(ssl) == TLS_server_method() || SSL_SESSION_is_resumable(session) == 0)
    return error::bad_option;
  if (!session_bridge::may_resume(*this, session)) return error::session_not_verified;
  ERR_clear_error();
  const session_ptr copy(SSL_SESSION_dup(session)); // as in session()
  if (!copy || SSL_set_session(ssl, copy.get()) != 1) return detail::first_openssl_error();
  session_offered_ = true;
  return {};
}

// ---- what was verified ----

bool session_bridge::verifies(const engine& e) noexcept {
  return (SSL_get_verify_mode(e.ssl_.get()) & SSL_VERIFY_PEER) != 0;
}

bool session_bridge::asks_callback(const engine& e) noexcept {
  return e.has_verify_callback() || e.previous_verify_ != nullptr || hook_bridge::verifies(e.ssl_.get()) ||
         SSL_get_verify_callback(e.ssl_.get()) != &engine::on_verify;
}

// With a ticket that comes later the certificate may be another one already.
std::optional<detail::digest> session_bridge::identity(const engine& e) noexcept {
  const bool done = !detail::before_open(e.state_.now());
  return detail::identity_of(done ? e.shown_.get() : SSL_get_certificate(e.ssl_.get()));
}

// A session that was resumed is whose it was, and if nobody knows that, nobody knows.
bool session_bridge::identify(const engine& e, SSL_SESSION* copy) noexcept {
  if (detail::identity_of(copy) != nullptr || SSL_session_reused(e.ssl_.get()) != 0) return true;
  const auto who = identity(e);
  return who && detail::mark_identity(copy, *who);
}

bool session_bridge::may_resume(const engine& e, const SSL_SESSION* session) noexcept {
  // A session from a file has no mark; without verification that is its owner's affair.
  const detail::digest* const made_by = detail::identity_of(session);
  if (made_by == nullptr ? verifies(e) : identity(e) != *made_by) return false;
  if (!verifies(e)) return true;
  if (asks_callback(e)) return false;
  const verification* const passed = verification::of(session);
  if (passed == nullptr) return false;
  const verification_ptr wanted(verification::of(e.ssl_.get()));
  return wanted && *wanted == *passed;
}

int session_bridge::on_chain(X509_STORE_CTX* store, void*) noexcept {
  const int verdict = X509_verify_cert(store);
  const auto* ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  engine* const e = engine::of(ssl);
  if (verdict == 1 && e != nullptr) e->mark_session();
  return verdict;
}

// Called while the peer's certificate is being verified, when the session is a new one that nobody else can
// have seen. If the verification fails after all, so does the handshake, and with it the session.
void engine::mark_session() noexcept {
  if (role_ != role::client || !session_bridge::verifies(*this) || session_bridge::asks_callback(*this))
    return;
  SSL_SESSION* const session = SSL_get_session(ssl_.get());
  if (session == nullptr || verification::of(session) != nullptr) return; // each certificate asks
  if (const verification_ptr passed{verification::of(ssl_.get())}) passed->mark(session);
}

// ---- sessions kept by the context ----

namespace {

// Connections that verify and those that do not never meet, nor do different names, ports or clients.
std::string key_of(const verification* passed, SSL* ssl, std::uint16_t port, const detail::digest& who) {
  std::string key(detail::view_of(who));
  key += std::to_string(port);
  if (passed == nullptr) return key + " unverified " + detail::names_checked_by(SSL_get0_param(ssl));
  return key + " verified " + passed->key();
}

} // namespace

// OpenSSL says that there is a session to keep. The context's own callback, if it had one, goes on deciding
// who owns it; what is kept here is a copy, which no later misfortune of the connection changes.
int session_bridge::on_new_session(SSL* ssl, SSL_SESSION* session) noexcept {
  const detail::context_settings* const settings = detail::context_settings::of(SSL_get_SSL_CTX(ssl));
  if (settings == nullptr) return 0;
  engine* const e = engine::of(ssl);
  // The session itself too, before others get to see it: TLS 1.3 tickets have the mark already.
  if (e != nullptr && e->state_.now() == connection_state::handshaking) (void)identify(*e, session);
  if (e != nullptr && settings->sessions) {
    ERR_set_mark(); // a failure to keep it is none of the read that brought it
    try {
      keep(*e, *settings->sessions, session);
    } catch (...) { // no memory: the next connection shakes hands in full
    }
    ERR_pop_to_mark();
  }
  return settings->previous_new_session == nullptr ? 0 : settings->previous_new_session(ssl, session);
}

void session_bridge::keep(engine& e, detail::session_store& store, const SSL_SESSION* session) {
  if (e.role_ != role::client || !e.host_named_ || e.state_.now() == connection_state::failed) return;
  const verification* const passed = verification::of(session);
  if (passed == nullptr && verifies(e)) return; // a callback had a say, or there was no certificate
  session_ptr copy(SSL_SESSION_dup(session));
  if (!copy || !identify(e, copy.get())) return;
  const detail::digest* const who = detail::identity_of(copy.get());
  if (who == nullptr) return;
  std::string key = key_of(passed, e.ssl_.get(), e.port_, *who);
  if (e.session_family_ == 0) e.session_family_ = store.new_family();
  store.put({std::move(key), std::move(copy), e.session_family_});
}

void session_bridge::offer_kept(engine& e, detail::session_store& store) {
  SSL* const ssl = e.ssl_.get();
  verification_ptr wanted;
  if (verifies(e)) {
    if (asks_callback(e)) return;
    wanted.reset(verification::of(ssl));
    if (!wanted) return;
  }
  const auto who = identity(e);
  if (!who) return;
  const detail::session_store::entry kept = store.take(key_of(wanted.get(), ssl, e.port_, *who));
  if (!kept.session || !may_resume(e, kept.session.get())) return;
  if (SSL_set_session(ssl, kept.session.get()) != 1) return ERR_clear_error();
  // A session that stays falls with any connection that fails on it.
  if (SSL_SESSION_get_protocol_version(kept.session.get()) < TLS1_3_VERSION) e.session_family_ = kept.origin;
}

// The handshake begins. A client that cannot tell shakes hands in full; a server must not go on.
std::error_code engine::prepare_sessions() noexcept {
  SSL* const ssl = ssl_.get();
  const detail::context_settings* const settings = detail::context_settings::of(SSL_get_SSL_CTX(ssl));
  // Offered before the host or the settings changed, or behind the back of offer_session(). With a native
  // context the latter is its owner's affair.
  if (SSL_get_session(ssl) != nullptr && role_ == role::client) {
    const bool ours = session_offered_ || settings != nullptr || hook_bridge::verifies(ssl);
    if (!ours || session_bridge::may_resume(*this, SSL_get_session(ssl))) return {};
    SSL_set_session(ssl, nullptr);
  }
  if (settings == nullptr)
    return role_ == role::server ? session_bridge::separate_hooked(*this) : std::error_code();
  try {
    if (role_ == role::server) return session_bridge::separate(*this, *settings);
    if (settings->sessions && host_named_) session_bridge::offer_kept(*this, *settings->sessions);
  } catch (...) {
    if (role_ == role::server) return std::make_error_code(std::errc::not_enough_memory);
  }
  return {};
}

namespace {

// A key that both sides had before (RFC 8446, section 2.2) also makes OpenSSL say "resumed", but it proves by
// itself who the server is. Such sessions have no ticket; no other TLS 1.3 session can be offered without.
bool is_outside_key(const SSL* ssl, const SSL_SESSION* session) noexcept {
  return SSL_version(ssl) >= TLS1_3_VERSION && SSL_SESSION_has_ticket(session) == 0;
}

} // namespace

// The handshake is done. What decides may have changed since the session was offered, or taken, and a
// resumption has checked nothing.
std::error_code engine::check_resumption() noexcept {
  SSL* const ssl = ssl_.get();
  const detail::context_settings* const settings = detail::context_settings::of(SSL_get_SSL_CTX(ssl));
  SSL_SESSION* const session = SSL_get_session(ssl);
  const bool resumed = SSL_session_reused(ssl) != 0;
  bool good = true;
  if (role_ == role::client) {
    if (X509* const own = SSL_get_certificate(ssl); own != nullptr && X509_up_ref(own) == 1)
      shown_.reset(own);
    // With TLS 1.2 somebody else may have the session by now.
    if (SSL_version(ssl) >= TLS1_3_VERSION || SSL_CTX_sess_get_new_cb(SSL_get_SSL_CTX(ssl)) == nullptr)
      (void)session_bridge::identify(*this, session); // else it proves nothing
    const bool ours = session_offered_ || settings != nullptr || hook_bridge::verifies(ssl);
    good = !resumed || !ours || is_outside_key(ssl, session) || session_bridge::may_resume(*this, session);
  } else if (begun_with_ != nullptr) {
    try {
      good = session_bridge::still_shares(*this);
    } catch (...) {
      good = false;
    }
    if (!good && !resumed) {
      SSL_CTX_remove_session(made_of_, session); // on_ticket() saw to tickets
      good = true;
    }
    good = good || !session_bridge::verifies(*this);
  }
  return good ? std::error_code() : error::session_not_verified;
}

// RFC 5246, section 7.2.2: a session does not outlive a fatal alert. RFC 8446, section 6.2, says the same of
// tickets, "if possible".
void engine::forget_sessions() noexcept {
  if (session_family_ == 0) return;
  const detail::context_settings* const settings = detail::context_settings::of(SSL_get_SSL_CTX(ssl_.get()));
  if (settings != nullptr && settings->sessions) settings->sessions->drop(session_family_);
}

} // namespace tlsmode
