// SPDX-License-Identifier: BSL-1.0
// Non-blocking byte moves on a plain socket.
#include <tlsmode/asio/detail/socket_transport.hpp>

#include <array>
#include <cerrno>
#include <optional>
#include <sys/socket.h>
#include <sys/uio.h>

namespace tlsmode::detail {
namespace {

bool would_block(int e) noexcept { return e == EAGAIN || e == EWOULDBLOCK; }

// What became of a write, if it need not be tried again.
std::optional<transfer> sent(ssize_t n) noexcept {
  if (n >= 0) return n == 0 ? transfer::blocked() : transfer::moved(static_cast<std::size_t>(n));
  if (would_block(errno)) return transfer::blocked();
  if (errno != EINTR) return transfer::failed({errno, std::system_category()});
  return std::nullopt;
}

constexpr int always = MSG_DONTWAIT | MSG_NOSIGNAL;

} // namespace

transfer socket_transport::read(mutable_buffer to) noexcept {
  if (drained_) return transfer::blocked();
  for (;;) {
    const ssize_t n = ::recv(descriptor_, to.data(), to.size(), MSG_DONTWAIT);
    if (n > 0) {
      drained_ = static_cast<std::size_t>(n) < to.size();
      return transfer::moved(static_cast<std::size_t>(n));
    }
    if (n == 0) return transfer::ended();
    if (would_block(errno)) {
      drained_ = true;
      return transfer::blocked();
    }
    if (errno != EINTR) return transfer::failed({errno, std::system_category()});
  }
}

transfer socket_transport::send(const_buffer from, int flags) noexcept {
  for (;;) {
    if (const auto t = sent(::send(descriptor_, from.data(), from.size(), always | flags))) return *t;
  }
}

transfer socket_transport::write(const_buffer from) noexcept { return send(from, 0); }

// The kernel then makes long segments out of several records: fewer of them, and fewer wake-ups at the peer.
transfer socket_transport::write_more(const_buffer from) noexcept { return send(from, MSG_MORE); }

transfer socket_transport::write_both(const_buffer first, const_buffer second, bool more_follows) noexcept {
  // sendmsg only reads what the pointers, which cannot be const, point to.
  std::array<iovec, 2> parts{iovec{const_cast<std::byte*>(first.data()), first.size()},
                             iovec{const_cast<std::byte*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  for (;;)
    if (const auto t = sent(::sendmsg(descriptor_, &message, always | (more_follows ? MSG_MORE : 0))))
      return *t;
}

} // namespace tlsmode::detail
