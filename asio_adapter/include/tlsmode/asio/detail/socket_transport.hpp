// SPDX-License-Identifier: BSL-1.0
// The transport of plain sockets: bytes go straight between OpenSSL's record buffers and the kernel.
// Knows descriptors, not Asio; never waits, never touches the socket's non-blocking flag.
#ifndef TLSMODE_ASIO_DETAIL_SOCKET_TRANSPORT_HPP
#define TLSMODE_ASIO_DETAIL_SOCKET_TRANSPORT_HPP

#include <tlsmode/transport.hpp>

namespace tlsmode::detail {

class socket_transport final : public transport {
 public:
  /// `drained` outlives the transport and carries, from step to step, that the socket has nothing to read:
  /// after a short read there is no need to ask the kernel again before it says that the socket is readable.
  /// Whoever waited for that clears it.
  socket_transport(int descriptor, bool& drained) noexcept : descriptor_(descriptor), drained_(drained) {}

  transfer read(mutable_buffer to) noexcept override;
  transfer write(const_buffer from) noexcept override;
  transfer write_more(const_buffer from) noexcept override;
  transfer write_both(const_buffer first, const_buffer second, bool more_follows) noexcept override;
  [[nodiscard]] bool drained() const noexcept override { return drained_; }

 private:
  transfer send(const_buffer from, int flags) noexcept;

  int descriptor_;
  bool& drained_;
};

} // namespace tlsmode::detail

#endif
