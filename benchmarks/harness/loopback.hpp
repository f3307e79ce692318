// SPDX-License-Identifier: BSL-1.0
// Connected TCP sockets over 127.0.0.1, made with plain system calls: a stream adapter is handed a
// descriptor, so connecting and accepting are the same for every stream type.
#ifndef TLSMODE_BENCH_LOOPBACK_HPP
#define TLSMODE_BENCH_LOOPBACK_HPP

#include <utility>

namespace bench {

class unique_fd {
 public:
  unique_fd() noexcept = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd();

  int value() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct tcp_pair {
  unique_fd client;
  unique_fd server;
};

// A listener on a free port of 127.0.0.1. All sockets get TCP_NODELAY.
class loopback {
 public:
  explicit loopback(int backlog = 16);
  // Both ends of a new connection.
  tcp_pair connect();
  // For a server that accepts by itself; connect() is then not to be called any more.
  unique_fd release_listener() noexcept { return std::move(listener_); }
  unsigned short port() const noexcept { return port_; }

 private:
  unique_fd listener_;
  unsigned short port_ = 0;
};

// Sends small messages at once.
void no_delay(const unique_fd& fd);

// The client's end alone. Waits only if the backlog is full.
unique_fd connect_to(unsigned short port);

} // namespace bench

#endif
