// SPDX-License-Identifier: BSL-1.0
// The hooks for certificates: which one this side shows, whether the peer's is acceptable, and the staple.
#include "certificate_chain.hpp"
#include "cipher_names.hpp"
#include "hook_asking.hpp"
#include "openssl_handle.hpp"
#include "session_bridge.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

namespace tlsmode {
namespace {

std::string text_of(const X509_NAME* name) {
  const detail::bio_ptr out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) throw std::bad_alloc();
  const char* data = nullptr;
  const long n = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(n)};
}

certificate_wanted what_to_show(SSL* ssl) {
  certificate_wanted w;
  w.is_server = SSL_is_server(ssl) != 0;
  w.server_name = hook_bridge::name_asked_for(ssl);
  const STACK_OF(X509_NAME)* const names = SSL_get0_peer_CA_list(ssl);
  for (int i = 0; names != nullptr && i < sk_X509_NAME_num(names); ++i)
    w.issuers.push_back(text_of(sk_X509_NAME_value(names, i)));
  return w;
}

// The name or the address that a client's certificate check asks for.
std::string name_to_check(SSL* ssl) {
  X509_VERIFY_PARAM* const param = SSL_get0_param(ssl);
  if (const char* const name = X509_VERIFY_PARAM_get0_host(param, 0)) return name;
  ERR_set_mark(); // "no address" is an error for OpenSSL
  const std::unique_ptr<char, decltype([](char* p) { OPENSSL_free(p); })> address(
      X509_VERIFY_PARAM_get1_ip_asc(param));
  ERR_pop_to_mark();
  return address ? std::string(address.get()) : std::string();
}

SSL* connection_of(X509_STORE_CTX* store) noexcept {
  return static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
}

// The connection's list of ciphers before any answer changed it.
std::string ciphers_before(const SSL* ssl, const SSL_CTX* made_of, const detail::hook_progress& p) {
  if (p.own_settings && p.own_settings->own_ciphers) return p.own_settings->ciphers;
  const STACK_OF(SSL_CIPHER)* const list =
      p.own_settings ? SSL_CTX_get_ciphers(made_of) : SSL_get_ciphers(ssl);
  return detail::cipher_names(list, detail::ciphers::before_tls_1_3);
}

} // namespace

// ---- the certificate of this side ----

// OpenSSL chooses the suite after the certificate. Without any left it says so itself.
void hook_bridge::leave_out_decryption(asking& a) {
  const std::string left = detail::cipher_names(SSL_get_ciphers(a.ssl), detail::ciphers::without_decryption);
  if (left.empty()) return;
  a.progress().own_ciphers = ciphers_before(a.ssl, a.e.made_of_, a.progress());
  if (SSL_set_cipher_list(a.ssl, left.c_str()) != 1) throw std::bad_alloc();
}

int hook_bridge::on_certificate(SSL* ssl, void*) noexcept {
  auto a = asking::by(ssl, asking::of_context::now);
  if (!a || a->extras->why) return 0; // a hook has refused where OpenSSL could not be told
  try {
    if (!keeps_name(a->e)) {
      a->fail(error::hook_refused);
      return 0;
    }
    if (!a->h.certificate) return 1;
    detail::hook_progress& progress = a->progress();
    switch (ask_again(*a, progress.certificate, a->h.certificate, [ssl] { return what_to_show(ssl); })) {
    case got::nothing_yet: return -1;
    case got::failure: return 0;
    case got::answer: break;
    }
    const std::shared_ptr<certificate_request> answered = std::move(progress.certificate);
    const certificate_answer& answer = *answered->answer_;
    if (answer.refused_) {
      a->fail(error::hook_refused);
      return 0;
    }
    if (!answer.use_) return 1;
    if (!progress.own_credentials) progress.own_credentials = credentials::of(ssl);
    if (answer.use_->apply(ssl)) {
      if (!answer.use_->can_decrypt()) leave_out_decryption(*a);
      return 1;
    }
    a->fail(error::key_mismatch);
  } catch (...) {
    a->fail(error::hook_failed);
  }
  return 0;
}

// ---- the peer's certificate ----

verify_answer verify_answer::reject() { return reject(X509_V_ERR_CERT_REJECTED); }

verify_answer verify_answer::reject(int error) {
  verify_answer a;
  a.error_ = error == X509_V_OK ? X509_V_ERR_CERT_REJECTED : error;
  a.rejected_ = true;
  return a;
}

peer_certificates hook_bridge::judged(X509_STORE_CTX* store, SSL* ssl, bool trusted) {
  peer_certificates p;
  p.is_server = SSL_is_server(ssl) != 0;
  p.server_name = name_asked_for(ssl);
  if (!p.is_server) p.host = name_to_check(ssl);
  p.trusted = trusted;
  if (!trusted) {
    p.error = X509_STORE_CTX_get_error(store);
    p.error_text = X509_verify_cert_error_string(p.error);
    p.error_depth = X509_STORE_CTX_get_error_depth(store);
  }
  detail::append_certificates(p.chain, X509_STORE_CTX_get0_chain(store));
  detail::append_certificates(p.sent, X509_STORE_CTX_get0_untrusted(store));
  if (!p.is_server) p.staple = received_staple(ssl);
  return p;
}

namespace {

// Which error a second verification goes on after, and who else has a say in it.
struct forgiving {
  int error;
  int (*callback)(int, X509_STORE_CTX*);
};

int forgiving_index() noexcept {
  static const int index = X509_STORE_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// Without the issuer's certificate there is no key to check the last signature with.
bool follows_from(int error, int forgiven) noexcept {
  return error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE &&
         (forgiven == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
          forgiven == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT);
}

int forgive(int preverified, X509_STORE_CTX* store) noexcept {
  const auto& f = *static_cast<const forgiving*>(X509_STORE_CTX_get_ex_data(store, forgiving_index()));
  // The number of an error that was forgiven stays there, and is none of the next certificate's.
  if (preverified != 0) X509_STORE_CTX_set_error(store, X509_V_OK);
  if ((f.callback != nullptr ? f.callback(preverified, store) : preverified) != 0) return 1;
  const int error = X509_STORE_CTX_get_error(store);
  return error == f.error || follows_from(error, f.error) ? 1 : 0;
}

} // namespace

// OpenSSL stops at the first error, and looks at names and revocation before it checks any signature. So the
// whole chain is verified once more, and only what the hook has named is passed over.
bool hook_bridge::trusted_but_for(int error, X509_STORE_CTX* store, SSL* ssl) noexcept {
  using store_ptr = std::unique_ptr<X509_STORE_CTX, detail::free_with<&X509_STORE_CTX_free>>;
  const store_ptr again(X509_STORE_CTX_new());
  forgiving f{error, reinterpret_cast<int (*)(int, X509_STORE_CTX*)>(X509_STORE_CTX_get_verify_cb(store))};
  ERR_set_mark();
  const bool good =
      forgiving_index() >= 0 && again &&
      X509_STORE_CTX_init(again.get(), X509_STORE_CTX_get0_store(store), X509_STORE_CTX_get0_cert(store),
                          X509_STORE_CTX_get0_untrusted(store)) == 1 &&
      X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(again.get()), X509_STORE_CTX_get0_param(store)) == 1 &&
      X509_STORE_CTX_set_ex_data(again.get(), SSL_get_ex_data_X509_STORE_CTX_idx(), ssl) == 1 &&
      X509_STORE_CTX_set_ex_data(again.get(), forgiving_index(), &f) == 1;
  bool trusted = false;
  if (good) {
    X509_STORE_CTX_set0_dane(again.get(), SSL_get0_dane(ssl));
    X509_STORE_CTX_set_verify_cb(again.get(), &forgive);
    trusted = X509_verify_cert(again.get()) == 1;
  }
  ERR_pop_to_mark();
  return trusted;
}

// The only place where a peer is let in or refused because of a hook.
int hook_bridge::decide(asking& a, X509_STORE_CTX* store, bool trusted,
                        const verify_answer& answer) noexcept {
  if (answer.rejected_) {
    X509_STORE_CTX_set_error(store, answer.error_);
    a.e.refused_depth_ = 0;
    a.fail(error::hook_refused);
    return 0;
  }
  if (trusted) return 1;
  const int error = X509_STORE_CTX_get_error(store);
  if (!answer.despite_ || answer.error_ != error || error == X509_V_OK) return 0; // OpenSSL's word counts
  const int depth = a.e.refused_depth_;
  if (!trusted_but_for(error, store, a.ssl)) {
    a.e.refused_depth_ = depth; // the hook was told of this one
    return 0;
  }
  a.e.refused_depth_ = -1;
  return 1;
}

// A server must pause its job: OpenSSL's own way to wait, SSL_set_retry_verify(3), makes OpenSSL 3.0 let a
// client in whose certificate nobody has looked at.
int hook_bridge::on_chain(X509_STORE_CTX* store, void*) noexcept {
  SSL* const ssl = connection_of(store);
  if (!verifies(ssl)) {
    if (detail::context_settings::of(SSL_get_SSL_CTX(ssl)) != nullptr)
      return session_bridge::on_chain(store, nullptr);
    return X509_verify_cert(store);
  }
  const auto refuse = [store] {
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  };
  auto a = asking::by(ssl, asking::of_context::now);
  if (!a) return refuse();
  const bool trusted = X509_verify_cert(store) == 1;
  if (!trusted && X509_STORE_CTX_get_error(store) == X509_V_OK)
    X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED); // OpenSSL itself has failed
  const auto question = [&] { return judged(store, ssl, trusted); };
  try {
    if (SSL_is_server(ssl) != 0) {
      const std::shared_ptr<verify_request> r = ask_in_job(*a, a->h.verify, question);
      return r ? decide(*a, store, trusted, *r->answer_) : refuse();
    }
    detail::hook_progress& progress = a->progress();
    switch (ask_again(*a, progress.verify, a->h.verify, question)) {
    case got::nothing_yet: return SSL_set_retry_verify(ssl);
    case got::failure: return refuse();
    case got::answer: break;
    }
    const std::shared_ptr<verify_request> answered = std::move(progress.verify);
    return decide(*a, store, trusted, *answered->answer_);
  } catch (...) {
    a->fail(error::hook_failed);
    return refuse();
  }
}

// ---- the staple ----

int hook_bridge::on_status(SSL* ssl, void*) noexcept {
  if (SSL_is_server(ssl) == 0) return 1; // a client looks at it when it verifies
  auto a = asking::by(ssl, asking::of_context::now);
  if (!a) return SSL_TLSEXT_ERR_ALERT_FATAL;
  if (!a->h.staple) return SSL_TLSEXT_ERR_NOACK;
  try {
    const auto question = [ssl] {
      X509* const shown = SSL_get_certificate(ssl);
      staple_wanted w{name_asked_for(ssl), nullptr};
      if (shown != nullptr && X509_up_ref(shown) == 1) w.certificate.reset(shown);
      return w;
    };
    const std::shared_ptr<staple_request> r = ask_in_job(*a, a->h.staple, question);
    if (!r) return SSL_TLSEXT_ERR_ALERT_FATAL;
    const std::vector<std::byte>& response = r->answer_->response_;
    if (response.empty()) return SSL_TLSEXT_ERR_NOACK;
    void* const copy = OPENSSL_memdup(response.data(), response.size());
    if (copy == nullptr) throw std::bad_alloc();
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(response.size())); // takes it
    return SSL_TLSEXT_ERR_OK;
  } catch (...) {
    a->fail(error::hook_failed);
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
}

std::error_code request_staple(SSL* ssl) noexcept {
  ERR_clear_error();
  if (SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp) == 1) return {};
  return detail::first_openssl_error();
}

std::vector<std::byte> received_staple(SSL* ssl) {
  const unsigned char* data = nullptr;
  const long n = SSL_get_tlsext_status_ocsp_resp(ssl, &data);
  if (data == nullptr || n <= 0) return {};
  const auto* const first = reinterpret_cast<const std::byte*>(data);
  return {first, first + n};
}

} // namespace tlsmode
