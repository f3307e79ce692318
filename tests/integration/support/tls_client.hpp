// SPDX-License-Identifier: BSL-1.0
// A blocking TLS client straight on OpenSSL, so that the stream under test is never on both sides.
#ifndef TESTS_INTEGRATION_TLS_CLIENT_HPP
#define TESTS_INTEGRATION_TLS_CLIENT_HPP

#include "tcp_client.hpp"

#include <openssl/types.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace integration {

/// A TLS operation that failed; what() has OpenSSL's reasons or the system's.
struct tls_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct tls_settings {
  int version = 0;           ///< e.g. TLS1_2_VERSION; 0: the highest
  std::string alpn{};        ///< wire format: a length byte before each name; empty: not offered
  std::string certificate{}; ///< our own, PEM files; empty: none
  std::string key{};
  int receive_buffer = 0;
  std::string host{"localhost"}; ///< asked for and verified; empty: neither
};

class tls_client {
 public:
  /// Connects and performs the handshake; trusts the CA of the tests only. Throws tls_error,
  /// std::system_error.
  explicit tls_client(std::uint16_t port, const tls_settings& settings = {});

  [[nodiscard]] tcp_client& socket() noexcept { return socket_; }
  [[nodiscard]] std::string alpn() const;
  [[nodiscard]] std::string version() const;

  void write(std::string_view bytes);
  /// At least one byte, at most `most`; empty after the server's close_notify. Throws tls_error if the stream
  /// ends without it, or with an alert.
  [[nodiscard]] std::string read(std::size_t most = 16 * 1024);
  /// Reads up to close_notify; false if the stream ends in another way. What was read on the way is kept in
  /// `rest`, if given, and otherwise dropped.
  [[nodiscard]] bool ends_with_close_notify(std::string* rest = nullptr);
  /// Sends our close_notify.
  void send_close_notify();

  /// For what only one test does.
  [[nodiscard]] SSL* native() const noexcept { return ssl_.get(); }

 private:
  struct deleter {
    void operator()(SSL_CTX* c) const;
    void operator()(SSL* s) const;
  };
  tcp_client socket_;
  std::unique_ptr<SSL_CTX, deleter> context_;
  std::unique_ptr<SSL, deleter> ssl_;
};

/// The first bytes that such a client would send.
[[nodiscard]] std::string client_hello();

} // namespace integration

#endif
