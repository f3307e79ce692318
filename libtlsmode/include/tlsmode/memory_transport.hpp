// SPDX-License-Identifier: BSL-1.0
// The transport without I/O: the caller feeds ciphertext in and drains ciphertext out. For tests, for
// event loops other than Asio, and for next layers that are not plain sockets.
#ifndef TLSMODE_MEMORY_TRANSPORT_HPP
#define TLSMODE_MEMORY_TRANSPORT_HPP

#include <tlsmode/transport.hpp>

#include <tlsmode/detail/byte_queue.hpp>

#include <limits>

namespace tlsmode {

/// A transport over two byte queues. Holds no memory while both are empty.
/// Thread safety: none; one thread at a time.
class memory_transport final : public transport {
 public:
  /// Hands over ciphertext that came from the peer. Returns false if there is no memory for it.
  [[nodiscard]] bool feed(const_buffer bytes) noexcept { return in_.append(bytes); }
  /// The same without a copy: memory for up to `n` bytes from the peer, empty if there is none, and how many
  /// of them came. No other call may come between the two.
  [[nodiscard]] mutable_buffer prepare(std::size_t n) noexcept { return in_.prepare(n); }
  void commit(std::size_t n) noexcept { in_.commit(n); }
  /// Says that the peer closed its side: once the bytes fed so far are read, reads give eof.
  void feed_eof() noexcept { eof_ = true; }
  /// Makes reads fail with `ec` once the bytes fed so far are read.
  void fail_reads(std::error_code ec) noexcept { read_error_ = ec; }
  /// Makes writes fail with `ec` from now on.
  void fail_writes(std::error_code ec) noexcept { write_error_ = ec; }

  /// Ciphertext for the peer, oldest first; valid until the next call on this object.
  [[nodiscard]] const_buffer output() const noexcept { return out_.data(); }
  /// Drops the first `n` <= output().size() bytes of the output: they are on their way.
  void consume(std::size_t n) noexcept { out_.consume(n); }
  /// The bytes fed and not read yet, and how many they are; valid until the next call on this object.
  [[nodiscard]] const_buffer input() const noexcept { return in_.data(); }
  [[nodiscard]] std::size_t unread() const noexcept { return in_.size(); }

  /// Writes would block once the output holds this many bytes. Without limit by default.
  void set_capacity(std::size_t bytes) noexcept { capacity_ = bytes; }
  /// No read or write moves more than this many (> 0) bytes at once. Without limit by default.
  void set_chunk(std::size_t bytes) noexcept { chunk_ = bytes; }

  transfer read(mutable_buffer to) noexcept override;
  transfer write(const_buffer from) noexcept override;

 private:
  detail::byte_queue in_;
  detail::byte_queue out_;
  std::size_t capacity_ = std::numeric_limits<std::size_t>::max();
  std::size_t chunk_ = std::numeric_limits<std::size_t>::max();
  std::error_code read_error_;
  std::error_code write_error_;
  bool eof_ = false;
};

} // namespace tlsmode

#endif
