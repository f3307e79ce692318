// SPDX-License-Identifier: BSL-1.0
// A first-in first-out run of bytes that holds no memory while it is empty. Not part of the public API.
#ifndef TLSMODE_DETAIL_BYTE_QUEUE_HPP
#define TLSMODE_DETAIL_BYTE_QUEUE_HPP

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>

namespace tlsmode::detail {

class byte_queue {
 public:
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::span<const std::byte> data() const noexcept { return {memory_.get() + begin_, size()}; }

  /// Appends a copy; false if there is no memory, and then nothing was appended.
  [[nodiscard]] bool append(std::span<const std::byte> bytes) noexcept {
    if (bytes.empty()) return true;
    if (capacity_ - end_ < bytes.size() && !make_room(bytes.size())) return false;
    std::memcpy(memory_.get() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
    return true;
  }

  /// Makes room for `n` more bytes behind the last one and returns it; empty if there is no memory. It stays
  /// valid until the next call but commit().
  [[nodiscard]] std::span<std::byte> prepare(std::size_t n) noexcept {
    if (capacity_ - end_ < n && !make_room(n)) return {};
    return {memory_.get() + end_, n};
  }
  /// Says that the first `n` bytes of what prepare() returned are valid.
  void commit(std::size_t n) noexcept {
    end_ += n;
    if (empty()) clear();
  }

  /// Drops the first `n` <= size() bytes; frees the memory with the last one.
  void consume(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == end_) clear();
  }

  void clear() noexcept {
    memory_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  bool make_room(std::size_t n) noexcept {
    const std::size_t used = size();
    if (n > static_cast<std::size_t>(-1) / 4 - used) return false;
    if (begin_ >= used && capacity_ - used >= n) { // at least half is free at the front: move down instead
      std::memcpy(memory_.get(), memory_.get() + begin_, used);
    } else {
      const std::size_t want = std::max(used + n, capacity_ + capacity_ / 2);
      std::unique_ptr<std::byte[]> bigger(new (std::nothrow) std::byte[want]);
      if (!bigger) return false;
      if (used != 0) std::memcpy(bigger.get(), memory_.get() + begin_, used);
      memory_ = std::move(bigger);
      capacity_ = want;
    }
    begin_ = 0;
    end_ = used;
    return true;
  }

  std::unique_ptr<std::byte[]> memory_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace tlsmode::detail

#endif
