// SPDX-License-Identifier: BSL-1.0
// Counts by standing in for the C library's functions and for operator new. Must be linked into the executable
// itself, not into a library of it, so that its definitions come first.
#include "asio_counters.hpp"

#include <atomic>
#include <cstdlib>
#include <new>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

constexpr int most = 1024;
std::atomic<int> sends[most];
std::atomic<int> receives[most];
std::atomic<int> epoll_ctls;
std::atomic<long> news;

void count(std::atomic<int>* calls, int fd) noexcept {
  if (fd >= 0 && fd < most) ++calls[fd];
}

void* counted(std::size_t n) {
  ++news;
  void* p = std::malloc(n == 0 ? 1 : n);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

} // namespace

namespace tlsmode::test {

socket_calls calls_on(int fd) noexcept { return {sends[fd], receives[fd]}; }
int epoll_ctl_calls() noexcept { return epoll_ctls; }
void clear_calls() noexcept {
  for (auto& n : sends) n = 0;
  for (auto& n : receives) n = 0;
  epoll_ctls = 0;
}
long allocations() noexcept { return news; }

} // namespace tlsmode::test

extern "C" {

ssize_t send(int fd, const void* data, size_t n, int flags) {
  count(sends, fd);
  return ::syscall(SYS_sendto, fd, data, n, flags, nullptr, 0);
}
ssize_t sendto(int fd, const void* data, size_t n, int flags, const sockaddr* to, socklen_t size) {
  count(sends, fd);
  return ::syscall(SYS_sendto, fd, data, n, flags, to, size);
}
ssize_t sendmsg(int fd, const msghdr* m, int flags) {
  count(sends, fd);
  return ::syscall(SYS_sendmsg, fd, m, flags);
}
ssize_t write(int fd, const void* data, size_t n) {
  count(sends, fd);
  return ::syscall(SYS_write, fd, data, n);
}
ssize_t writev(int fd, const iovec* v, int n) {
  count(sends, fd);
  return ::syscall(SYS_writev, fd, v, n);
}
ssize_t recv(int fd, void* data, size_t n, int flags) {
  count(receives, fd);
  return ::syscall(SYS_recvfrom, fd, data, n, flags, nullptr, nullptr);
}
ssize_t recvfrom(int fd, void* data, size_t n, int flags, sockaddr* from, socklen_t* size) {
  count(receives, fd);
  return ::syscall(SYS_recvfrom, fd, data, n, flags, from, size);
}
ssize_t recvmsg(int fd, msghdr* m, int flags) {
  count(receives, fd);
  return ::syscall(SYS_recvmsg, fd, m, flags);
}
ssize_t read(int fd, void* data, size_t n) {
  count(receives, fd);
  return ::syscall(SYS_read, fd, data, n);
}
ssize_t readv(int fd, const iovec* v, int n) {
  count(receives, fd);
  return ::syscall(SYS_readv, fd, v, n);
}
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  ++epoll_ctls;
  return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}

} // extern "C"

void* operator new(std::size_t n) { return counted(n); }
void* operator new[](std::size_t n) { return counted(n); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  ++news;
  return std::malloc(n == 0 ? 1 : n);
}
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  ++news;
  return std::malloc(n == 0 ? 1 : n);
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
