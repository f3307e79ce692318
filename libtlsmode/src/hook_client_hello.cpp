// SPDX-License-Identifier: BSL-1.0
// The hook for a client's first message: reading the message, and doing what the answer says.
#include "hook_asking.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <span>
#include <string_view>

namespace tlsmode {
namespace {

using wire = std::span<const unsigned char>;

// A vector with a length of one or two bytes in front, which must be all that there is; empty otherwise.
wire whole_vector(wire in, std::size_t length_bytes) noexcept {
  if (in.size() < length_bytes) return {};
  std::size_t n = 0;
  for (const unsigned char c : in.first(length_bytes)) n = n << 8 | c;
  in = in.subspan(length_bytes);
  return n == in.size() ? in : wire();
}

std::vector<std::uint16_t> numbers_in(wire in) {
  std::vector<std::uint16_t> all;
  for (; in.size() >= 2; in = in.subspan(2)) all.push_back(static_cast<std::uint16_t>(in[0] << 8 | in[1]));
  return all;
}

wire extension(SSL* ssl, unsigned int type) noexcept {
  const unsigned char* data = nullptr;
  std::size_t n = 0;
  return SSL_client_hello_get0_ext(ssl, type, &data, &n) == 1 ? wire(data, n) : wire();
}

// What else a peer may write there is nothing to look for files or contexts with.
std::string dns_name(wire in) {
  std::string name;
  for (const unsigned char c : in) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!upper && !plain) return {};
    name += static_cast<char>(upper ? c - 'A' + 'a' : c);
  }
  const bool bad_dots = name.starts_with('.') || name.ends_with('.') || name.find("..") != std::string::npos;
  return bad_dots || name.size() > TLSEXT_MAXLEN_host_name ? std::string() : name;
}

// RFC 6066, section 3: a list, in which there is one kind of name, once.
std::string server_name_in(wire in) {
  in = whole_vector(in, 2);
  if (in.size() < 3 || in[0] != TLSEXT_NAMETYPE_host_name) return {};
  return dns_name(whole_vector(in.subspan(1), 2));
}

std::vector<std::string> protocols_in(wire in) {
  std::vector<std::string> all;
  for (in = whole_vector(in, 2); !in.empty();) {
    const std::size_t n = in[0];
    if (n == 0 || n >= in.size()) return {};
    all.emplace_back(reinterpret_cast<const char*>(in.data()) + 1, n);
    in = in.subspan(n + 1);
  }
  return all;
}

std::string server_name_of(SSL* ssl) { return server_name_in(extension(ssl, TLSEXT_TYPE_server_name)); }

client_hello read_hello(SSL* ssl) {
  client_hello h;
  h.server_name = server_name_of(ssl);
  h.alpn = protocols_in(extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation));
  h.legacy_version = static_cast<std::uint16_t>(SSL_client_hello_get0_legacy_version(ssl));
  h.versions = numbers_in(whole_vector(extension(ssl, TLSEXT_TYPE_supported_versions), 1));
  if (h.versions.empty()) h.versions.push_back(h.legacy_version); // TLS 1.2 and older say no more
  const unsigned char* ciphers = nullptr;
  const std::size_t n = SSL_client_hello_get0_ciphers(ssl, &ciphers);
  if (SSL_client_hello_isv2(ssl) == 0) h.ciphers = numbers_in(wire(ciphers, n));
  return h;
}

} // namespace

std::string hook_bridge::name_asked_for(const SSL* ssl) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return {};
  const std::string_view text = name;
  if (SSL_is_server(ssl) == 0) return std::string(text);
  return dns_name({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

// A client is asked for a second ClientHello in TLS 1.3 only (RFC 8446, section 4.1.4), and OpenSSL has the
// callback of the context that the hook has chosen look at it. In older versions the name of a resumed
// session would be compared.
bool hook_bridge::keeps_name(const engine& e) {
  const SSL* const ssl = e.ssl_.get();
  if (!e.extras_ || !e.extras_->hooks || !e.extras_->hooks->greeted) return true;
  return SSL_version(ssl) < TLS1_3_VERSION || *e.extras_->hooks->greeted == name_asked_for(ssl);
}

client_hello_answer client_hello_answer::use(SSL_CTX* ctx) {
  SSL_CTX_up_ref(ctx);
  client_hello_answer a;
  a.context_ = std::shared_ptr<SSL_CTX>(ctx, &SSL_CTX_free);
  return a;
}

int hook_bridge::on_client_hello(SSL* ssl, int* alert, void*) noexcept {
  *alert = SSL_AD_INTERNAL_ERROR;
  auto a = asking::by(ssl, asking::of_context::now);
  if (!a) return SSL_CLIENT_HELLO_ERROR;
  try {
    detail::hook_progress& progress = a->progress();
    if (progress.greeted) { // a second ClientHello, after a HelloRetryRequest (RFC 8446, section 4.1.2)
      if (*progress.greeted == server_name_of(ssl)) return SSL_CLIENT_HELLO_SUCCESS;
      *alert = SSL_AD_ILLEGAL_PARAMETER;
      a->fail(error::hook_refused);
      return SSL_CLIENT_HELLO_ERROR;
    }
    if (!a->h.client_hello) return SSL_CLIENT_HELLO_SUCCESS;
    switch (ask_again(*a, progress.hello, a->h.client_hello, [ssl] { return read_hello(ssl); })) {
    case got::nothing_yet: return SSL_CLIENT_HELLO_RETRY;
    case got::failure: return SSL_CLIENT_HELLO_ERROR;
    case got::answer: break;
    }
    const std::shared_ptr<client_hello_request> answered = std::move(progress.hello);
    const client_hello_answer& answer = *answered->answer_;
    if (answer.refused_) {
      *alert = static_cast<int>(*answer.refused_);
      a->fail(error::hook_refused);
      return SSL_CLIENT_HELLO_ERROR;
    }
    progress.greeted = server_name_of(ssl);
    if (answer.context_) {
      progress.own_settings = context_switch::settings_of(ssl);
      if (const std::error_code ec = context_switch::to(a->e, answer.context_.get())) {
        a->fail(ec);
        return SSL_CLIENT_HELLO_ERROR;
      }
    }
    return SSL_CLIENT_HELLO_SUCCESS;
  } catch (...) {
    a->fail(error::hook_failed);
    return SSL_CLIENT_HELLO_ERROR;
  }
}

} // namespace tlsmode
