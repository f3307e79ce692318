// SPDX-License-Identifier: BSL-1.0
// What a connection checks its peer against, written down and compared.
#include "verification.hpp"

#include "context_settings.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <cstdint>
#include <string_view>

namespace tlsmode::detail {
namespace {

void free_mark(void*, void* mark, CRYPTO_EX_DATA*, int, long, void*) noexcept {
  if (mark != nullptr) static_cast<verification*>(mark)->release();
}

// Every TLS 1.3 ticket is a copy of the connection's session.
int copy_mark(CRYPTO_EX_DATA*, const CRYPTO_EX_DATA*, void** mark, int, long, void*) noexcept {
  if (*mark != nullptr) static_cast<verification*>(*mark)->keep();
  return 1;
}

int mark_index() noexcept {
  static const int index = SSL_SESSION_get_ex_new_index(0, nullptr, nullptr, &copy_mark, &free_mark);
  return index;
}

// Contexts are told apart by number: an address comes back after the context at it is gone. What OpenSSL has
// no getter for, such as the purpose, belongs to the context and so is compared with it.
void number_context(void*, void*, CRYPTO_EX_DATA* ad, int index, long, void*) noexcept {
  static std::atomic<std::uintptr_t> last{0};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): it is a number, never followed
  CRYPTO_set_ex_data(ad, index, reinterpret_cast<void*>(++last));
}

// Before main(), so that no context is made before it. One that is has no number, and is not trusted.
const int context_index = SSL_CTX_get_ex_new_index(0, nullptr, &number_context, nullptr, nullptr);

// Records of DANE may be all that is checked, and cannot be read back. Only a connection without DANE answers
// with a negative value; the values are not acceptable, so nothing is added.
bool uses_dane(SSL* ssl) noexcept {
  ERR_set_mark(); // this may be in the middle of a handshake
  const int answer = SSL_dane_tlsa_add(ssl, 255, 255, 255, nullptr, 0);
  ERR_pop_to_mark();
  return answer >= 0;
}

void add(std::string& to, std::uint64_t number) { to += std::to_string(number) + ';'; }

// With its length, so that no two lists of names look alike.
void add(std::string& to, const char* text) {
  if (text == nullptr) return void(to += "-;");
  const std::string_view view(text);
  to += std::to_string(view.size()) + ':';
  to += view;
}

std::string settings_of(SSL* ssl, std::uintptr_t context, X509_STORE* store) {
  std::string text = checks_of(SSL_get0_param(ssl), store);
  add(text, context);
  // What the context trusts may have become less since.
  const context_settings* const settings = context_settings::of(SSL_get_SSL_CTX(ssl));
  add(text, settings == nullptr ? 0 : settings->trust_changes.load(std::memory_order_relaxed));
  add(text, static_cast<std::uint64_t>(SSL_get_security_level(ssl)));
  add(text, static_cast<std::uint64_t>(SSL_ct_is_enabled(ssl)));
  return text;
}

} // namespace

std::uintptr_t number_of(const SSL_CTX* ctx) noexcept {
  return reinterpret_cast<std::uintptr_t>(SSL_CTX_get_ex_data(ctx, context_index));
}

X509_STORE* store_of(SSL* ssl) noexcept {
  X509_STORE* own = nullptr;
  SSL_get0_verify_cert_store(ssl, &own);
  return own != nullptr ? own : SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
}

bool checks_policies(X509_VERIFY_PARAM* param, X509_STORE* store) noexcept {
  const unsigned long flags =
      X509_VERIFY_PARAM_get_flags(param) | X509_VERIFY_PARAM_get_flags(X509_STORE_get0_param(store));
  return (flags & X509_V_FLAG_POLICY_CHECK) != 0;
}

std::string checks_of(X509_VERIFY_PARAM* param, X509_STORE* store) {
  std::string text = names_checked_by(param);
  add(text, X509_VERIFY_PARAM_get_flags(param));
  add(text, X509_VERIFY_PARAM_get_flags(X509_STORE_get0_param(store)));
  add(text, X509_VERIFY_PARAM_get_hostflags(param));
  add(text, X509_VERIFY_PARAM_get_inh_flags(param));
  add(text, static_cast<std::uint64_t>(X509_VERIFY_PARAM_get_depth(param)));
  add(text, static_cast<std::uint64_t>(X509_VERIFY_PARAM_get_auth_level(param)));
  add(text, static_cast<std::uint64_t>(X509_VERIFY_PARAM_get_time(param)));
  return text;
}

std::string names_checked_by(X509_VERIFY_PARAM* param) {
  ERR_set_mark(); // "no address" is an error for OpenSSL
  const std::unique_ptr<char, decltype([](char* p) { OPENSSL_free(p); })> address(
      X509_VERIFY_PARAM_get1_ip_asc(param));
  ERR_pop_to_mark();
  std::string text;
  for (int i = 0;; ++i) {
    const char* const name = X509_VERIFY_PARAM_get0_host(param, i);
    if (name == nullptr) break;
    add(text, name);
  }
  text += '/';
  add(text, address.get());
  add(text, X509_VERIFY_PARAM_get0_email(param));
  return text;
}

verification::verification(std::string settings, X509_STORE* store) noexcept
    : settings_(std::move(settings)), store_(store) {
  X509_STORE_up_ref(store);
}

verification::~verification() { X509_STORE_free(store_); }

std::string verification::key() const {
  return settings_ + std::to_string(reinterpret_cast<std::uintptr_t>(store_));
}

verification* verification::of(SSL* ssl) noexcept {
  const SSL_CTX* const ctx = SSL_get_SSL_CTX(ssl);
  const std::uintptr_t number = number_of(ctx);
  X509_STORE* const store = store_of(ssl);
  if (number == 0 || store == nullptr || uses_dane(ssl) || checks_policies(SSL_get0_param(ssl), store))
    return nullptr;
  try {
    return new verification(settings_of(ssl, number, store), store);
  } catch (...) {
    return nullptr;
  }
}

const verification* verification::of(const SSL_SESSION* session) noexcept {
  return static_cast<const verification*>(SSL_SESSION_get_ex_data(session, mark_index()));
}

void verification::mark(SSL_SESSION* session) noexcept {
  if (of(session) != nullptr) return;
  keep();
  if (SSL_SESSION_set_ex_data(session, mark_index(), this) != 1) release();
}

} // namespace tlsmode::detail
