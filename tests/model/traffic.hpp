// SPDX-License-Identifier: BSL-1.0
// What goes from one side to the other: at each position of a stream a byte that is known, so that neither
// side has to keep what it sent. Knows no engine.
#ifndef TLSMODE_TESTS_MODEL_TRAFFIC_HPP
#define TLSMODE_TESTS_MODEL_TRAFFIC_HPP

#include <tlsmode/transport.hpp>

#include <cstdint>
#include <vector>

namespace tlsmode::model {

class traffic {
 public:
  static constexpr std::size_t longest = 64 * 1024; ///< most bytes of one piece

  /// Two streams of different seeds have nothing in common.
  explicit traffic(std::uint64_t seed);

  /// The `n` <= longest bytes from `position` on.
  [[nodiscard]] const_buffer piece(std::uint64_t position, std::size_t n) const noexcept {
    return const_buffer(bytes_).subspan(position % period, n);
  }
  /// True if these are the bytes from `position` on.
  [[nodiscard]] bool matches(std::uint64_t position, const_buffer got) const noexcept;

 private:
  static constexpr std::size_t period = 65'521; // a prime: no record or buffer size divides it
  std::vector<std::byte> bytes_;
};

} // namespace tlsmode::model

#endif
