// SPDX-License-Identifier: BSL-1.0
// A plain blocking TCP client on 127.0.0.1 that can misbehave: half-close, reset, read slowly. No wait on it
// takes longer than `patience`.
#ifndef TESTS_INTEGRATION_TCP_CLIENT_HPP
#define TESTS_INTEGRATION_TCP_CLIENT_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace integration {

class tcp_client {
 public:
  /// Connects; throws std::system_error. `receive_buffer` > 0: a small one makes a slow reader felt at once.
  explicit tcp_client(std::uint16_t port, int receive_buffer = 0);
  ~tcp_client();
  tcp_client(const tcp_client&) = delete;
  tcp_client& operator=(const tcp_client&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// Our own port: how the server's log names this connection.
  [[nodiscard]] std::uint16_t local_port() const;

  /// Throws std::system_error, e.g. when the server has closed.
  void send(std::string_view bytes) const;
  /// What is there, at least one byte; empty at the end of the stream. Throws std::system_error on a reset.
  [[nodiscard]] std::string receive() const;
  /// True if the server closes, or resets, the connection.
  [[nodiscard]] bool closed_by_server() const;

  /// FIN: we send no more, but still read.
  void half_close() const;
  /// RST, and closed.
  void reset();
  void close();

 private:
  int fd_;
};

} // namespace integration

#endif
