// SPDX-License-Identifier: BSL-1.0
// The hooks for sessions: keys of tickets, sessions kept elsewhere, and the news of both.
#include "hook_asking.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <limits>

namespace tlsmode {
namespace {

std::string bytes_at(const unsigned char* data, std::size_t n) {
  return {reinterpret_cast<const char*>(data), n};
}

std::string id_of(const SSL_SESSION* session) {
  unsigned int n = 0;
  const unsigned char* const id = SSL_SESSION_get_id(session, &n);
  return bytes_at(id, n);
}

const unsigned char* unsigned_of(std::span<const std::byte> bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

} // namespace

// ---- keys of tickets ----

// RFC 5077, section 4: AES in CBC mode and an HMAC over it, here with 256 bits each.
bool hook_bridge::seal(EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, const ticket_keys& keys, unsigned char* iv,
                       bool sealing) noexcept {
  char sha256[] = "SHA256";
  // The parameters take pointers to non-const, and are only read.
  auto* const mac_key = const_cast<unsigned char*>(unsigned_of(keys.mac_key()));
  const std::array params{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key, keys.mac_key().size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0), OSSL_PARAM_construct_end()};
  return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, unsigned_of(keys.cipher_key()), iv,
                           sealing ? 1 : 0) == 1 &&
         EVP_MAC_CTX_set_params(mac, params.data()) == 1;
}

int hook_bridge::on_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                               EVP_MAC_CTX* mac, int sealing) noexcept {
  constexpr int failed = -1, unknown = 0, good = 1, good_and_renew = 2;
  auto a = asking::by(ssl, asking::of_context::first);
  if (!a) return failed;
  try {
    ticket_key_wanted wanted;
    if (sealing == 0) {
      ticket_keys::name_type n{};
      std::copy_n(reinterpret_cast<const std::byte*>(name), n.size(), n.begin());
      wanted.name = n;
    }
    const auto r = ask_in_job(*a, a->h.ticket_key, [&] { return wanted; });
    if (!r) return failed;
    std::optional<ticket_keys>& keys = r->answer_->keys_;
    if (sealing == 0) {
      if (!keys || keys->name() != *wanted.name) return unknown;
      if (!seal(cipher, mac, *keys, iv, false)) throw std::bad_alloc();
      // A TLS 1.3 ticket is used once (RFC 8446, appendix C.4).
      return r->answer_->renew_ || SSL_version(ssl) >= TLS1_3_VERSION ? good_and_renew : good;
    }
    if (!keys) keys = ticket_keys::random(); // which nobody remembers
    const ticket_keys::name_type n = keys->name();
    std::copy(n.begin(), n.end(), reinterpret_cast<std::byte*>(name));
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1 ||
        !seal(cipher, mac, *keys, iv, true))
      throw std::bad_alloc();
    return good;
  } catch (...) {
    a->fail(error::hook_failed);
    return failed;
  }
}

// ---- sessions kept elsewhere ----

session_answer session_answer::found(std::span<const std::byte> der) {
  const unsigned char* at = unsigned_of(der);
  if (der.size() > static_cast<std::size_t>(std::numeric_limits<long>::max())) return none();
  ERR_set_mark(); // this may be in the middle of a handshake
  session_ptr s(d2i_SSL_SESSION(nullptr, &at, static_cast<long>(der.size())));
  ERR_pop_to_mark();
  return found(std::move(s));
}

secret_bytes stored_session::der() const {
  const int n = i2d_SSL_SESSION(session, nullptr);
  if (n <= 0) throw std::bad_alloc();
  secret_bytes out(static_cast<std::size_t>(n));
  auto* at = reinterpret_cast<unsigned char*>(out.bytes().data());
  i2d_SSL_SESSION(session, &at);
  return out;
}

// Null: there is none, or the hook has failed.
SSL_SESSION* hook_bridge::look_up(asking& a, const unsigned char* id, std::size_t size) noexcept {
  try {
    const std::string wanted = bytes_at(id, size);
    const auto r = ask_in_job(a, a.h.session, [&] { return session_wanted{wanted}; });
    if (!r) return nullptr;
    session_ptr& found = r->answer_->session_;
    return found && id_of(found.get()) == wanted ? found.release() : nullptr;
  } catch (...) {
    a.fail(error::hook_failed);
    return nullptr;
  }
}

// A hook that fails here cannot make OpenSSL fail; the handshake fails when it comes to the certificate, or
// at the latest before any data moves.
SSL_SESSION* hook_bridge::on_get_session(SSL* ssl, const unsigned char* id, int size, int* copy) noexcept {
  *copy = 0; // OpenSSL gets the only reference
  auto a = asking::by(ssl, asking::of_context::first);
  SSL_SESSION* found = nullptr;
  if (a && !a->extras->why && size > 0) found = look_up(*a, id, static_cast<std::size_t>(size));
  if (const engine* const e = engine::of(ssl); e != nullptr && e->extras_)
    e->extras_->lookup_failed = e->extras_->why;
  return found;
}

// ---- notifications ----

int hook_bridge::on_new_session(SSL* ssl, SSL_SESSION* session) noexcept {
  const engine* const e = engine::of(ssl);
  const detail::context_hooks* const kept =
      detail::context_hooks::of(e != nullptr ? e->made_of_ : SSL_get_SSL_CTX(ssl));
  if (kept == nullptr) return 0;
  if (kept->now.new_session) try {
      kept->now.new_session({id_of(session), session});
    } catch (...) { // a session that is not kept is not resumed
    }
  return kept->previous_new == nullptr ? 0 : kept->previous_new(ssl, session);
}

void hook_bridge::on_removed_session(SSL_CTX* ctx, SSL_SESSION* session) noexcept {
  const detail::context_hooks* const kept = detail::context_hooks::of(ctx);
  if (kept == nullptr) return;
  if (kept->now.removed_session) try {
      kept->now.removed_session({id_of(session), session});
    } catch (...) { // nobody to tell
    }
  if (kept->previous_removed != nullptr) kept->previous_removed(ctx, session);
}

} // namespace tlsmode
