// SPDX-License-Identifier: BSL-1.0
// All that a context decides of a server's connection, from one context to another.
#include "context_switch.hpp"

#include "cipher_names.hpp"
#include "hook_bridge.hpp"
#include "openssl_handle.hpp"
#include "session_bridge.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace tlsmode {

using detail::cipher_names;
using detail::ciphers;

namespace {

// A connection without a list of its own has that of its context, also after a switch.
bool has_own_ciphers(SSL* ssl) noexcept {
  return SSL_get_ciphers(ssl) != SSL_CTX_get_ciphers(SSL_get_SSL_CTX(ssl));
}

bool set_ciphers(SSL* ssl, const std::string& ciphers, const std::string& suites) noexcept {
  return !ciphers.empty() && SSL_set_ciphersuites(ssl, suites.c_str()) == 1 &&
         SSL_set_cipher_list(ssl, ciphers.c_str()) == 1;
}

bool set_versions(SSL* ssl, long lowest, long highest) noexcept {
  // Open first: OpenSSL refuses a lower end above the upper one of before.
  return SSL_set_min_proto_version(ssl, 0) == 1 && SSL_set_max_proto_version(ssl, 0) == 1 &&
         SSL_set_min_proto_version(ssl, lowest) == 1 && SSL_set_max_proto_version(ssl, highest) == 1;
}

void set_options(SSL* ssl, std::uint64_t options) noexcept {
  SSL_clear_options(ssl, ~std::uint64_t{0});
  SSL_set_options(ssl, options | SSL_OP_NO_RENEGOTIATION);
}

// Everything, also what the other context leaves at its default.
bool set_parameters(SSL* ssl, SSL_CTX* ctx) noexcept {
  X509_VERIFY_PARAM* const to = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set_inh_flags(to, X509_VP_FLAG_OVERWRITE | X509_VP_FLAG_RESET_FLAGS |
                                              X509_VP_FLAG_ONCE) != 1)
    return false;
  return X509_VERIFY_PARAM_inherit(to, SSL_CTX_get0_param(ctx)) == 1 &&
         X509_VERIFY_PARAM_set_inh_flags(to, 0) == 1;
}

bool any_version(const SSL_METHOD* method) noexcept {
  return method == TLS_method() || method == TLS_server_method();
}

} // namespace

detail::connection_settings context_switch::settings_of(SSL* ssl) {
  detail::connection_settings s;
  s.options = SSL_get_options(ssl);
  s.lowest = SSL_get_min_proto_version(ssl);
  s.highest = SSL_get_max_proto_version(ssl);
  s.tickets = SSL_get_num_tickets(ssl);
  s.own_ciphers = has_own_ciphers(ssl);
  if (s.own_ciphers) {
    s.ciphers = cipher_names(SSL_get_ciphers(ssl), ciphers::before_tls_1_3);
    s.suites = cipher_names(SSL_get_ciphers(ssl), ciphers::of_tls_1_3);
  }
  return s;
}

// A connection's own verification settings and those of the other context cannot both count, and dropping
// either would drop somebody's demand.
bool context_switch::fits(const engine& e, SSL_CTX* target) {
  SSL* const ssl = e.ssl_.get();
  return any_version(SSL_get_ssl_method(ssl)) && any_version(SSL_CTX_get_ssl_method(target)) &&
         session_bridge::checks_like(e, SSL_get_SSL_CTX(ssl));
}

bool context_switch::carry_over(engine& e, SSL_CTX* target) {
  SSL* const ssl = e.ssl_.get();
  if (SSL_set_SSL_CTX(ssl, target) != target) return false;
  e.previous_verify_ = SSL_CTX_get_verify_callback(target);
  SSL_set_verify(ssl, SSL_CTX_get_verify_mode(target), &engine::on_verify);
  if (!set_parameters(ssl, target)) return false;
  // The context's own lists are used where the connection has none.
  SSL_set_client_CA_list(ssl, nullptr);
  SSL_set0_CA_list(ssl, nullptr);
  // Nobody can read those of the other context; without them a client can only do less.
  SSL_set_psk_server_callback(ssl, nullptr);
  SSL_set_psk_find_session_callback(ssl, nullptr);
  return SSL_set_num_tickets(ssl, SSL_CTX_get_num_tickets(target)) == 1;
}

std::error_code context_switch::to(engine& e, SSL_CTX* target) {
  SSL* const ssl = e.ssl_.get();
  if (target == SSL_get_SSL_CTX(ssl)) return {};
  if (!fits(e, target)) return error::bad_option;
  ERR_clear_error();
  const bool own_ciphers = has_own_ciphers(ssl);
  bool good = carry_over(e, target);
  if (good && own_ciphers) {
    const STACK_OF(SSL_CIPHER)* const list = SSL_CTX_get_ciphers(target);
    good = set_ciphers(ssl, cipher_names(list, ciphers::before_tls_1_3),
                       cipher_names(list, ciphers::of_tls_1_3));
  }
  const detail::context_hooks* const first = detail::context_hooks::of(e.made_of_);
  const bool kept_outside = first != nullptr && first->now.session; // sessions are the first context's affair
  set_options(ssl, SSL_CTX_get_options(target) | (kept_outside ? SSL_OP_NO_TICKET : 0));
  good =
      good && set_versions(ssl, SSL_CTX_get_min_proto_version(target), SSL_CTX_get_max_proto_version(target));
  if (!good) return detail::first_openssl_error();
  if (detail::context_hooks::of(target) != nullptr) { // they may need a job, from the next step on
    e.modes_ |= mode::async;
    e.apply_modes();
  }
  return session_bridge::separate_again(e);
}

std::error_code context_switch::back(engine& e, const detail::connection_settings& before) {
  SSL* const ssl = e.ssl_.get();
  ERR_clear_error();
  const bool good =
      carry_over(e, e.made_of_) && (!before.own_ciphers || set_ciphers(ssl, before.ciphers, before.suites)) &&
      set_versions(ssl, before.lowest, before.highest) && SSL_set_num_tickets(ssl, before.tickets) == 1;
  set_options(ssl, before.options);
  if (!good) return detail::first_openssl_error();
  return session_bridge::forget_switch(e);
}

} // namespace tlsmode
