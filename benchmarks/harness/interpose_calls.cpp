// SPDX-License-Identifier: BSL-1.0
// Counts the calls that move bytes or wait for them. A function that an executable defines is found before
// libc's, by the executable's own code and by every shared library it loads; so these definitions see
// the calls of Asio's inline code and of libcrypto alike, without a preload.
//
// To know: each counts and goes straight to the kernel. It costs a few nanoseconds, the same for every
// stream.
#include "sanitized.hpp"
#include "usage.hpp"

#if !TLSMODE_BENCH_SANITIZED

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

using bench::call;

extern "C" {

ssize_t send(int fd, const void* data, size_t size, int flags) {
  bench::count(call::send);
  return ::syscall(SYS_sendto, fd, data, size, flags, nullptr, 0);
}

ssize_t sendto(int fd, const void* data, size_t size, int flags, const sockaddr* to, socklen_t to_size) {
  bench::count(call::sendto);
  return ::syscall(SYS_sendto, fd, data, size, flags, to, to_size);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  bench::count(call::sendmsg);
  return ::syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t write(int fd, const void* data, size_t size) {
  bench::count(call::write);
  return ::syscall(SYS_write, fd, data, size);
}

ssize_t writev(int fd, const iovec* buffers, int count) {
  bench::count(call::writev);
  return ::syscall(SYS_writev, fd, buffers, count);
}

ssize_t recv(int fd, void* data, size_t size, int flags) {
  bench::count(call::recv);
  return ::syscall(SYS_recvfrom, fd, data, size, flags, nullptr, nullptr);
}

ssize_t recvfrom(int fd, void* data, size_t size, int flags, sockaddr* from, socklen_t* from_size) {
  bench::count(call::recvfrom);
  return ::syscall(SYS_recvfrom, fd, data, size, flags, from, from_size);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  bench::count(call::recvmsg);
  return ::syscall(SYS_recvmsg, fd, message, flags);
}

ssize_t read(int fd, void* data, size_t size) {
  bench::count(call::read);
  return ::syscall(SYS_read, fd, data, size);
}

ssize_t readv(int fd, const iovec* buffers, int count) {
  bench::count(call::readv);
  return ::syscall(SYS_readv, fd, buffers, count);
}

int epoll_wait(int fd, epoll_event* events, int max_events, int timeout) {
  bench::count(call::epoll_wait);
  // epoll_pwait without a mask: some architectures have no epoll_wait in the kernel.
  return static_cast<int>(::syscall(SYS_epoll_pwait, fd, events, max_events, timeout, nullptr, 0));
}

int epoll_ctl(int fd, int operation, int target, epoll_event* event) noexcept {
  bench::count(call::epoll_ctl);
  return static_cast<int>(::syscall(SYS_epoll_ctl, fd, operation, target, event));
}

int poll(pollfd* descriptors, nfds_t count, int timeout) {
  bench::count(call::poll);
  timespec limit{timeout / 1000, (timeout % 1000) * 1'000'000L};
  return static_cast<int>(
      ::syscall(SYS_ppoll, descriptors, count, timeout < 0 ? nullptr : &limit, nullptr, 0));
}

} // extern "C"

bool bench::counters_available() noexcept { return true; }

#else

bool bench::counters_available() noexcept { return false; }

#endif
