// SPDX-License-Identifier: BSL-1.0
// The other side of a connection under comparison: OpenSSL alone, over the far end of a layer in memory. It
// does what a script says, and nothing else.
#ifndef TLSMODE_TESTS_DIFFERENTIAL_WIRE_PEER_HPP
#define TLSMODE_TESTS_DIFFERENTIAL_WIRE_PEER_HPP

#include "faulty_layer.hpp"

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>

namespace tlsmode::test {

class wire_peer {
 public:
  wire_peer(faulty_layer far, SSL_CTX* ctx, bool server);

  /// Moves what can be moved and decrypts it; true if anything moved.
  bool pump();
  /// False if it cannot: the handshake is not done, or it has said goodbye.
  bool write(std::size_t n);
  bool close();
  /// The next record only in part; then nothing more comes.
  bool tear();
  void break_protocol() { out_ += "this is no TLS"; }

  [[nodiscard]] const std::string& got() const noexcept { return got_; }
  [[nodiscard]] std::size_t sent() const noexcept { return sent_; }
  /// The stream has said goodbye; the peer has found something wrong.
  [[nodiscard]] bool told_of_end() const noexcept {
    return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  struct free_ssl {
    void operator()(SSL* s) const noexcept { SSL_free(s); }
  };
  void collect();
  faulty_layer far_;
  std::unique_ptr<SSL, free_ssl> ssl_;
  std::string out_;
  std::string got_;
  std::size_t sent_ = 0;
  bool failed_ = false;
  bool torn_ = false;
};

} // namespace tlsmode::test

#endif
