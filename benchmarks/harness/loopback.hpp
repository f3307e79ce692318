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

// A listener on a free port of 127.0.0.1 that hands out connected pairs with TCP_NODELAY on both ends.
class loopback {
 public:
  loopback();
  tcp_pair connect();

 private:
  unique_fd listener_;
  unsigned short port_ = 0;
};

} // namespace bench

#endif
