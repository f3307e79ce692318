// SPDX-License-Identifier: BSL-1.0
// What a server's handshake must not end well with, although OpenSSL lets it: a client whose certificate
// nobody has verified.
//
// A verify callback may ask for time (SSL_set_retry_verify(3)): it accepts meanwhile, and is asked again.
// OpenSSL 3.0 does so on clients only. A server takes the answer as it is and lets an unverified client in.
#include "client_checks.hpp"

#include "context_settings.hpp"
#include "openssl_handle.hpp"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <array>

namespace tlsmode {

bool client_checks::asked_for_time(const SSL* ssl) noexcept {
  return SSL_is_server(ssl) != 0 && SSL_want_retry_verify(ssl);
}

// A function that verifies whole chains (SSL_CTX_set_cert_verify_callback(3)) can be neither asked for nor
// wrapped. But what it was called with is freed when it has answered, and before OpenSSL goes on.
bool client_checks::watch() noexcept {
  static const int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, nullptr, nullptr,
                                                   nullptr, &client_checks::on_answer);
  return index >= 0;
}

void client_checks::on_answer(void*, void*, CRYPTO_EX_DATA* data, int, long, void*) noexcept {
  auto* const ssl = static_cast<SSL*>(CRYPTO_get_ex_data(data, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (ssl == nullptr || !asked_for_time(ssl)) return;
  engine* const e = engine::of(ssl);
  if (e == nullptr) return;
  e->client_unverified_ = true;
  spoil_session(ssl);
}

// A session under another session-id context is no session for a server, however it comes back.
bool client_checks::spoil_session(SSL* ssl) noexcept {
  std::array<unsigned char, 32> id{};
  SSL_SESSION* const session = SSL_get_session(ssl);
  ERR_set_mark();
  const bool good = session != nullptr && RAND_bytes(id.data(), static_cast<int>(id.size())) == 1 &&
                    SSL_SESSION_set1_id_context(session, id.data(), static_cast<unsigned>(id.size())) == 1;
  ERR_pop_to_mark();
  return good;
}

bool client_checks::asked_too_little(const engine& e) noexcept {
  SSL* const ssl = e.ssl_.get();
  SSL_CTX* const chosen = SSL_get_SSL_CTX(ssl);
  if (chosen == e.made_of_ || detail::context_settings::of(chosen) == nullptr) return false;
  constexpr int nobody_without = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  if ((SSL_CTX_get_verify_mode(chosen) & nobody_without) != nobody_without) return false;
  return (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) == 0 || SSL_get0_peer_certificate(ssl) == nullptr;
}

std::error_code client_checks::done(engine& e) noexcept {
  if (asked_too_little(e)) {
    spoil_session(e.ssl_.get());
    return error::client_not_asked;
  }
  if (!e.client_unverified_) return {};
  SSL_set_verify_result(e.ssl_.get(), X509_V_ERR_CERT_REJECTED);
  e.refused_depth_ = 0;
  return detail::to_error_code(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_CERTIFICATE_VERIFY_FAILED));
}

} // namespace tlsmode
