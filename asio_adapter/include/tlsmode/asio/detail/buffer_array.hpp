// SPDX-License-Identifier: BSL-1.0
// The front of a buffer sequence as the array of spans that the engine takes.
#ifndef TLSMODE_ASIO_DETAIL_BUFFER_ARRAY_HPP
#define TLSMODE_ASIO_DETAIL_BUFFER_ARRAY_HPP

#include <tlsmode/transport.hpp>

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

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
      std::construct_at(data() + count_++,
                        Buffer(static_cast<byte_type*>(b.data()), b.size()).subspan(offset));
      offset = 0;
    }
  }

  [[nodiscard]] std::span<const Buffer> buffers() const noexcept {
    return {const_cast<buffer_array*>(this)->data(), count_};
  }
  /// False if the sequence has buffers that did not fit.
  [[nodiscard]] bool whole() const noexcept { return whole_; }

 private:
  // Raw memory, because most sequences are short and clearing the array would cost more than filling it.
  [[nodiscard]] Buffer* data() noexcept { return std::launder(reinterpret_cast<Buffer*>(memory_)); }
  static_assert(std::is_trivially_destructible_v<Buffer>);
  alignas(Buffer) std::byte memory_[capacity * sizeof(Buffer)];
  std::size_t count_ = 0;
  bool whole_ = true;
};

} // namespace tlsmode::detail

#endif
