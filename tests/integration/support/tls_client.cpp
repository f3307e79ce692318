// SPDX-License-Identifier: BSL-1.0
// OpenSSL on a blocking socket.
#include "tls_client.hpp"

#include "test_files.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace integration {
namespace {

[[noreturn]] void fail(const std::string& what) {
  std::string text = what + ":";
  const int error = errno;
  bool known = false;
  while (const unsigned long e = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(e);
    text.append(" ").append(reason == nullptr ? "unknown" : reason);
    known = true;
  }
  if (!known) text.append(" ").append(error == 0 ? "end of stream" : std::strerror(error));
  throw tls_error(text);
}

void require(bool good, const char* what) {
  if (!good) fail(what);
}

} // namespace

void tls_client::deleter::operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
void tls_client::deleter::operator()(SSL* s) const { SSL_free(s); }

tls_client::tls_client(std::uint16_t port, const tls_settings& settings)
    : socket_(port, settings.receive_buffer), context_(SSL_CTX_new(TLS_client_method())) {
  std::signal(SIGPIPE, SIG_IGN); // OpenSSL writes to sockets that the server may have closed
  SSL_CTX* const c = context_.get();
  require(c != nullptr && SSL_CTX_load_verify_file(c, certs().ca.c_str()) == 1, "context");
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
  if (settings.version == TLS1_1_VERSION)
    SSL_CTX_set_security_level(c, 0); // otherwise OpenSSL will not even try
  if (settings.version != 0)
    require(SSL_CTX_set_min_proto_version(c, settings.version) == 1 &&
                SSL_CTX_set_max_proto_version(c, settings.version) == 1,
            "version");
  if (!settings.alpn.empty())
    SSL_CTX_set_alpn_protos(c, reinterpret_cast<const unsigned char*>(settings.alpn.data()),
                            static_cast<unsigned>(settings.alpn.size()));
  if (!settings.certificate.empty())
    require(SSL_CTX_use_certificate_chain_file(c, settings.certificate.c_str()) == 1 &&
                SSL_CTX_use_PrivateKey_file(c, settings.key.c_str(), SSL_FILETYPE_PEM) == 1,
            "client certificate");
  ssl_.reset(SSL_new(c));
  SSL* const s = ssl_.get();
  const char* const host = settings.host.empty() ? nullptr : settings.host.c_str();
  require(s != nullptr && SSL_set1_host(s, host) == 1 && SSL_set_tlsext_host_name(s, host) == 1 &&
              SSL_set_fd(s, socket_.fd()) == 1,
          "connection");
  ERR_clear_error();
  errno = 0;
  if (SSL_connect(s) != 1) fail("handshake");
}

std::string tls_client::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string tls_client::version() const { return SSL_get_version(ssl_.get()); }

void tls_client::write(std::string_view bytes) {
  ERR_clear_error();
  errno = 0;
  std::size_t n = 0;
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n) != 1) fail("write");
}

std::string tls_client::read(std::size_t most) {
  std::string bytes(most, '\0');
  std::size_t n = 0;
  ERR_clear_error();
  errno = 0;
  if (SSL_read_ex(ssl_.get(), bytes.data(), bytes.size(), &n) != 1) {
    if (SSL_get_error(ssl_.get(), 0) != SSL_ERROR_ZERO_RETURN) fail("read");
    n = 0;
  }
  bytes.resize(n);
  return bytes;
}

bool tls_client::ends_with_close_notify(std::string* rest) {
  try {
    for (std::string piece = read(); !piece.empty(); piece = read())
      if (rest != nullptr) *rest += piece;
    return true;
  } catch (const tls_error&) {
    return false;
  }
}

void tls_client::send_close_notify() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

std::string client_hello() {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  SSL_set_connect_state(ssl.get());
  SSL_do_handshake(ssl.get());
  const char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

} // namespace integration
