// SPDX-License-Identifier: BSL-1.0
// A short record that waits, within one step, for the record that follows it: both then leave in one move.
#ifndef TLSMODE_SRC_HELD_RECORD_HPP
#define TLSMODE_SRC_HELD_RECORD_HPP

#include <tlsmode/transport.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace tlsmode::detail {

class held_record {
 public:
  static constexpr std::size_t most_plain = 256; // plaintext bytes: a header, say

  // Not cleared: a write without such a record pays nothing for the room.
  held_record() noexcept {} // NOLINT(modernize-use-equals-default,cppcoreguidelines-pro-type-member-init)
  held_record(const held_record&) = delete;
  held_record& operator=(const held_record&) = delete;
  ~held_record() = default;

  /// Keeps the ciphertext of a record; false if there is one already, or it is too long.
  [[nodiscard]] bool keep(const_buffer record) noexcept {
    if (size_ != 0 || record.size() > room_.size()) return false;
    std::copy(record.begin(), record.end(), room_.begin());
    size_ = record.size();
    return true;
  }
  /// What is kept, empty if nothing is; it is given away, and may be overwritten by the next keep().
  [[nodiscard]] const_buffer take() noexcept { return {room_.data(), std::exchange(size_, 0)}; }

 private:
  std::array<std::byte, most_plain + 256> room_; // what TLS adds is less, unless records are padded
  std::size_t size_ = 0;
};

} // namespace tlsmode::detail

#endif
