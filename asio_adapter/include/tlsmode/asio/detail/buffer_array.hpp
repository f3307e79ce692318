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
#include <vector>

namespace tlsmode::detail {

template <class Buffer>
class buffer_array {
 public:
  /// Takes the non-empty buffers of the sequence: the first `capacity`, or, with `whole`, all of them, for
  /// which memory is allocated beyond that.
  template <class BufferSequence>
  explicit buffer_array(const BufferSequence& sequence, bool whole = false) {
    using byte_type = typename Buffer::element_type;
    const auto last = boost::asio::buffer_sequence_end(sequence);
    for (auto i = boost::asio::buffer_sequence_begin(sequence); i != last; ++i) {
      const std::conditional_t<std::is_const_v<byte_type>, boost::asio::const_buffer,
                               boost::asio::mutable_buffer>
          b(*i);
      if (b.size() == 0) continue;
      const Buffer item(static_cast<byte_type*>(b.data()), b.size());
      if (count_ < capacity) {
        std::construct_at(data() + count_++, item);
        continue;
      }
      if (!whole) return;
      if (many_.empty()) many_.assign(data(), data() + count_);
      many_.push_back(item);
    }
  }

  [[nodiscard]] std::span<const Buffer> buffers() const noexcept {
    if (!many_.empty()) return many_;
    return {const_cast<buffer_array*>(this)->data(), count_};
  }

 private:
  static constexpr std::size_t capacity = 64;

  // Raw memory, because most sequences are short and clearing the array would cost more than filling it.
  [[nodiscard]] Buffer* data() noexcept { return std::launder(reinterpret_cast<Buffer*>(memory_)); }
  static_assert(std::is_trivially_destructible_v<Buffer>);
  alignas(Buffer) std::byte memory_[capacity * sizeof(Buffer)];
  std::size_t count_ = 0;
  std::vector<Buffer> many_; // all buffers, if they are more than fit above
};

} // namespace tlsmode::detail

#endif
