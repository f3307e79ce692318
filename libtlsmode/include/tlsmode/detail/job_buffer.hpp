// SPDX-License-Identifier: BSL-1.0
// Memory for the plaintext of one record that a paused job may hold on to. Not part of the public API.
#ifndef TLSMODE_DETAIL_JOB_BUFFER_HPP
#define TLSMODE_DETAIL_JOB_BUFFER_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tlsmode::detail {

/// A fixed block, made at first use, with a range of valid bytes in it. Bytes that were used are wiped.
class job_buffer {
 public:
  static constexpr std::size_t capacity = 16384; // one record

  job_buffer() = default;
  ~job_buffer();
  job_buffer(const job_buffer&) = delete;
  job_buffer& operator=(const job_buffer&) = delete;

  /// Makes the block; false if there is no memory.
  [[nodiscard]] bool make() noexcept;
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::byte* data() noexcept { return memory_.get() + begin_; }
  /// The whole block, for filling; precondition: made and empty.
  [[nodiscard]] std::span<std::byte> block() noexcept { return {memory_.get(), capacity}; }
  /// Says that the first `n` bytes of the block are valid.
  void set_filled(std::size_t n) noexcept {
    begin_ = 0;
    end_ = static_cast<std::uint32_t>(n);
  }
  /// Wipes and drops the first `n` valid bytes.
  void consume(std::size_t n) noexcept;
  /// Gives the block up to a job that can no longer be ended: never freed, never touched again.
  void leak() noexcept {
    (void)memory_.release();
    begin_ = end_ = 0;
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
};

} // namespace tlsmode::detail

#endif
