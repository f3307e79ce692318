// SPDX-License-Identifier: BSL-1.0
// OpenSSL over two memory BIOs.
#include "raw_peer.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>

namespace tlsmode::test {

raw_peer::raw_peer(role r, int version) : ctx_(SSL_CTX_new(TLS_method())), role_(r) {
  SSL_CTX* const c = ctx_.get();
  SSL_CTX_set_min_proto_version(c, version);
  SSL_CTX_set_max_proto_version(c, version);
  if (r == role::server) {
    SSL_CTX_use_certificate(c, server_identity().certificate.get());
    SSL_CTX_use_PrivateKey(c, server_identity().key.get());
  }
  renew();
}

void raw_peer::renew() {
  ssl_.reset(SSL_new(ctx_.get()));
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (role_ == role::server)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
}

std::string raw_peer::output() {
  BIO* const out = SSL_get_wbio(ssl_.get());
  std::string bytes(BIO_ctrl_pending(out), '\0');
  if (!bytes.empty()) BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

void raw_peer::feed(std::string_view bytes) {
  if (!bytes.empty()) BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
}

void raw_peer::exchange(endpoint& other) {
  if (!other.wire.feed(bytes_of(output()))) throw std::bad_alloc();
  feed(text_of(other.wire.output()));
  other.wire.consume(other.wire.output().size());
}

bool raw_peer::connect(endpoint& other) {
  for (int i = 0; i < 20; ++i) {
    ERR_clear_error();
    const int rc = SSL_do_handshake(ssl_.get());
    if (rc != 1 && SSL_get_error(ssl_.get(), rc) != SSL_ERROR_WANT_READ) return false;
    exchange(other);
    other.last = other.handshake();
    exchange(other);
    if (other.last.error) return false;
    if (rc == 1 && other.last.complete()) return true;
  }
  return false;
}

std::string raw_peer::read_all() {
  std::string all;
  char part[1000];
  ERR_clear_error();
  for (int n = 0; (n = SSL_read(ssl_.get(), part, sizeof part)) > 0;)
    all.append(part, static_cast<std::size_t>(n));
  return all;
}

int raw_peer::reason() noexcept {
  const int r = ERR_GET_REASON(ERR_peek_last_error());
  ERR_clear_error();
  return r;
}

} // namespace tlsmode::test
