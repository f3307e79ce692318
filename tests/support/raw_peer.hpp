// SPDX-License-Identifier: BSL-1.0
// The other side as an attacker has it: OpenSSL alone, with every option open, over memory. Knows no engine
// beyond the bytes of an endpoint.
#ifndef TLSMODE_TESTS_SUPPORT_RAW_PEER_HPP
#define TLSMODE_TESTS_SUPPORT_RAW_PEER_HPP

#include "memory_pair.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace tlsmode::test {

class raw_peer {
 public:
  /// A server shows server_identity(); a client checks nothing. For one version.
  raw_peer(role r, int version);
  raw_peer(const raw_peer&) = delete;
  raw_peer& operator=(const raw_peer&) = delete;

  [[nodiscard]] SSL* native() const noexcept { return ssl_.get(); }
  [[nodiscard]] SSL_CTX* native_context() const noexcept { return ctx_.get(); }
  /// A fresh connection of the same context.
  void renew();

  /// What this side has put out and nobody has taken.
  std::string output();
  void feed(std::string_view bytes);
  /// Moves all bytes, both ways, once.
  void exchange(endpoint& other);
  /// Shakes hands with an endpoint; false if either side fails.
  [[nodiscard]] bool connect(endpoint& other);
  /// Reads what there is.
  std::string read_all();
  /// OpenSSL's last reason to fail, an SSL_R_ constant, or 0.
  int reason() noexcept;

 private:
  struct free_ssl {
    void operator()(SSL* s) const noexcept { SSL_free(s); }
    void operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }
  };
  std::unique_ptr<SSL_CTX, free_ssl> ctx_;
  std::unique_ptr<SSL, free_ssl> ssl_;
  role role_;
};

} // namespace tlsmode::test

#endif
