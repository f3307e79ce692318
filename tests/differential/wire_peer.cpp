// SPDX-License-Identifier: BSL-1.0
// OpenSSL over two memory BIOs.
#include "wire_peer.hpp"

#include "subject.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <array>

namespace tlsmode::test {
namespace {

constexpr int room = 4096; // for what is moved at a time

} // namespace

const std::string& endless_pattern() {
  static const std::string made = [] {
    std::string s(4 * 1024 * 1024, '\0');
    std::uint32_t x = 1;
    for (char& c : s) {
      x = x * 1664525U + 1013904223U;
      c = static_cast<char>(x >> 24);
    }
    return s;
  }();
  return made;
}

wire_peer::wire_peer(faulty_layer far, SSL_CTX* ctx, bool server) : far_(std::move(far)), ssl_(SSL_new(ctx)) {
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
  if (server)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
}

void wire_peer::collect() {
  std::array<char, room> part{};
  for (int n = 0; !torn_ && (n = BIO_read(SSL_get_wbio(ssl_.get()), part.data(), room)) > 0;)
    out_.append(part.data(), static_cast<std::size_t>(n));
}

bool wire_peer::pump() {
  bool moved = false;
  boost::system::error_code ec;
  std::array<char, room> part{};
  while (const std::size_t n = far_.read_some(net::buffer(part), ec)) {
    BIO_write(SSL_get_rbio(ssl_.get()), part.data(), static_cast<int>(n));
    moved = true;
  }
  ERR_clear_error();
  int r = 0;
  while ((r = SSL_read(ssl_.get(), part.data(), room)) > 0)
    got_.append(part.data(), static_cast<std::size_t>(r));
  if (SSL_get_error(ssl_.get(), r) == SSL_ERROR_SSL) failed_ = true;
  ERR_clear_error();
  collect();
  while (!out_.empty()) {
    const std::size_t n = far_.write_some(net::buffer(out_), ec);
    if (n == 0) break;
    out_.erase(0, n);
    moved = true;
  }
  return moved;
}

bool wire_peer::write(std::size_t n) {
  if (n == 0 || failed_ || torn_ || SSL_is_init_finished(ssl_.get()) != 1 ||
      (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0)
    return false;
  ERR_clear_error();
  if (SSL_write(ssl_.get(), endless_pattern().data() + sent_, static_cast<int>(n)) != static_cast<int>(n))
    return false;
  sent_ += n;
  collect();
  return true;
}

bool wire_peer::close() {
  if (failed_ || torn_ || SSL_is_init_finished(ssl_.get()) != 1) return false;
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  collect();
  return true;
}

bool wire_peer::tear() {
  const std::size_t before = sent_;
  const std::size_t ready = out_.size();
  if (!write(1000)) return false;
  sent_ = before;
  out_.resize(ready + 500); // what is sealed is 1,022 bytes or more
  torn_ = true;
  return true;
}

} // namespace tlsmode::test
