// SPDX-License-Identifier: BSL-1.0
// System calls per socket, and allocations by operator new, of a test that links asio_counters.cpp.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_COUNTERS_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_COUNTERS_HPP

namespace tlsmode::test {

/// What was done to one descriptor since the last clear_calls().
struct socket_calls {
  int sends = 0;    ///< send, sendto, sendmsg, write, writev
  int receives = 0; ///< recv, recvfrom, recvmsg, read, readv
};
[[nodiscard]] socket_calls calls_on(int descriptor) noexcept;
[[nodiscard]] int epoll_ctl_calls() noexcept;
void clear_calls() noexcept;

/// Calls of operator new, in any thread, since the process began.
[[nodiscard]] long allocations() noexcept;

} // namespace tlsmode::test

#endif
