// SPDX-License-Identifier: BSL-1.0
// The front of a buffer sequence as the array of spans that the engine takes.
#ifndef TLSMODE_ASIO_DETAIL_BUFFER_ARRAY_HPP
#define TLSMODE_ASIO_DETAIL_BUFFER_ARRAY_HPP

#include <tlsmode/transport.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <span>

namespace tlsmode::detail {

template <class Buffer>
class buffer_array {
 public:
  static constexpr std::size_t capacity = 64;

  /// Takes up to `capacity` non-empty buffers from `offset` bytes into the sequence on.
  template <class BufferSequence>
  buffer_array(const BufferSequence& sequence, std::size_t offset) {
    using byte_type = typename Buffer::element_type;
    const auto last = boost::asio::buffer_sequence_end(sequence);
    for (auto i = boost::asio::buffer_sequence_begin(sequence); i != last; ++i) {
      const std::conditional_t<std::is_const_v<byte_type>, boost::asio::const_buffer,
                               boost::asio::mutable_buffer>
          b(*i);
      if (offset >= b.size()) {
        offset -= b.size();
        continue;
      }
      if (count_ == capacity) {
        whole_ = false;
        return;
      }
      items_[count_++] = Buffer(static_cast<byte_type*>(b.data()), b.size()).subspan(offset);
      offset = 0;
    }
  }

  [[nodiscard]] std::span<const Buffer> buffers() const noexcept { return {items_.data(), count_}; }
  /// False if the sequence has buffers that did not fit.
  [[nodiscard]] bool whole() const noexcept { return whole_; }

 private:
  std::array<Buffer, capacity> items_; // deliberately not cleared: only the first `count_` are used
  std::size_t count_ = 0;
  bool whole_ = true;
};

} // namespace tlsmode::detail

#endif
