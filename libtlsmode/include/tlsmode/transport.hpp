// SPDX-License-Identifier: BSL-1.0
// What the engine needs of the world: two non-blocking byte moves. Knows no sockets.
#ifndef TLSMODE_TRANSPORT_HPP
#define TLSMODE_TRANSPORT_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

namespace tlsmode {

/// Memory that the engine fills, and memory that it reads.
using mutable_buffer = std::span<std::byte>;
using const_buffer = std::span<const std::byte>;

/// The outcome of one byte move.
struct transfer {
  enum class status : std::uint8_t {
    bytes,       ///< `n` > 0 bytes were moved
    would_block, ///< nothing can be moved now
    eof,         ///< reading only: the peer will send no more
    error        ///< `error` says why; the transport is of no more use in this direction
  };
  status what = status::would_block;
  std::size_t n = 0;
  std::error_code error;

  /// `count` (> 0) bytes were moved.
  static transfer moved(std::size_t count) noexcept { return {status::bytes, count, {}}; }
  /// Nothing can be moved now.
  static transfer blocked() noexcept { return {}; }
  /// The peer will send no more.
  static transfer ended() noexcept { return {status::eof, 0, {}}; }
  /// The transport is of no more use in this direction.
  static transfer failed(std::error_code ec) noexcept { return {status::error, 0, ec}; }
};

/// Two non-blocking byte moves. The engine borrows a transport for the length of one step and never
/// keeps a pointer to it, so a transport may be moved or remade between steps.
/// Thread safety: called on the thread that runs the step.
class transport {
 public:
  /// Moves up to `to.size()` (> 0) bytes from the peer into `to`.
  virtual transfer read(mutable_buffer to) noexcept = 0;
  /// Moves up to `from.size()` (> 0) bytes from `from` to the peer. May move fewer; the engine keeps the rest
  /// and takes a short move for would-block.
  virtual transfer write(const_buffer from) noexcept = 0;
  /// As write(), with the promise that more bytes follow in this step: the transport may wait for them before
  /// it troubles the peer.
  virtual transfer write_more(const_buffer from) noexcept { return write(from); }
  /// Moves bytes of `first`, and once all of them are moved, of `second`, both not empty; `n` counts them
  /// together. With `more_follows` it promises what write_more() does. One call of the kernel, where that can
  /// be had; without an override, two writes.
  virtual transfer write_both(const_buffer first, const_buffer second, bool more_follows) noexcept {
    const transfer one = write_more(first);
    if (one.what != transfer::status::bytes || one.n < first.size()) return one;
    const transfer two = more_follows ? write_more(second) : write(second);
    return two.what == transfer::status::error ? two : transfer::moved(one.n + two.n);
  }
  /// True if a read() now would surely report would-block. Saves the engine a vain try; false is always
  /// right.
  [[nodiscard]] virtual bool drained() const noexcept { return false; }

 protected:
  transport() = default;
  transport(const transport&) = default;
  transport& operator=(const transport&) = default;
  ~transport() = default;
};

} // namespace tlsmode

#endif
