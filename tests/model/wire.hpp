// SPDX-License-Identifier: BSL-1.0
// What the reference is told of the wire: what the transport said, and where records end.
#ifndef TLSMODE_TESTS_MODEL_WIRE_HPP
#define TLSMODE_TESTS_MODEL_WIRE_HPP

#include "reference.hpp"

#include <tlsmode/memory_transport.hpp>

#include <utility>

namespace tlsmode::model {

/// The transport of a side, and what it said since the last look.
class watched_transport final : public transport {
 public:
  watched_transport(memory_transport& inner, bool tells) : inner_(inner), tells_(tells) {}
  transfer read(mutable_buffer to) noexcept override;
  transfer write(const_buffer from) noexcept override;
  [[nodiscard]] bool drained() const noexcept override;
  [[nodiscard]] transport_says take() noexcept { return std::exchange(says_, {}); }

 private:
  memory_transport& inner_;
  bool tells_; // knows when it is drained, as sockets do
  mutable transport_says says_;
};

/// Where the records of a byte stream end.
class framing {
 public:
  void pass(const_buffer bytes) noexcept;
  [[nodiscard]] bool inside_a_record() const noexcept { return header_ != 0 || body_ != 0; }

 private:
  std::size_t header_ = 0; // bytes of it seen so far
  std::size_t length_ = 0; // what it says so far
  std::size_t body_ = 0;   // bytes still to come
};

} // namespace tlsmode::model

#endif
