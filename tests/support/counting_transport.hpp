// SPDX-License-Identifier: BSL-1.0
// A transport that counts what the engine asks of it, over another one.
#ifndef TLSMODE_TESTS_SUPPORT_COUNTING_TRANSPORT_HPP
#define TLSMODE_TESTS_SUPPORT_COUNTING_TRANSPORT_HPP

#include <tlsmode/memory_transport.hpp>

#include <algorithm>
#include <cstddef>

namespace tlsmode::test {

class counting_transport final : public transport {
 public:
  /// With `tells`, it answers drained() as a socket transport may; otherwise it always says "perhaps not".
  explicit counting_transport(memory_transport& inner, bool tells = false) : inner_(inner), tells_(tells) {}

  transfer read(mutable_buffer to) noexcept override {
    ++reads;
    largest_read = std::max(largest_read, to.size());
    const transfer t = inner_.read(to);
    if (t.what == transfer::status::would_block) ++blocked_reads;
    return t;
  }
  transfer write(const_buffer from) noexcept override {
    ++writes;
    return inner_.write(from);
  }
  transfer write_more(const_buffer from) noexcept override {
    ++promises;
    return write(from);
  }
  /// One write of as much as the other transport has room for.
  transfer write_both(const_buffer first, const_buffer second, bool more_follows) noexcept override {
    if (more_follows) ++promises;
    ++writes;
    return inner_.write_both(first, second, more_follows);
  }
  [[nodiscard]] bool drained() const noexcept override { return tells_ && inner_.unread() == 0; }

  int reads = 0;
  int blocked_reads = 0;
  int writes = 0;
  int promises = 0;             // writes that more was promised to follow
  std::size_t largest_read = 0; // the most bytes that were asked for at once

 private:
  memory_transport& inner_;
  bool tells_;
};

} // namespace tlsmode::test

#endif
