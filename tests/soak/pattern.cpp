// SPDX-License-Identifier: BSL-1.0
// Eight bytes at a time from a mixed counter.
#include "pattern.hpp"

namespace soak {
namespace {

std::uint64_t word(std::uint64_t seed, std::uint64_t index) noexcept {
  std::uint64_t x = (seed ^ index) * 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 29U)) * 0xBF58476D1CE4E5B9U;
  return x ^ (x >> 32U);
}

/// Calls `use(i, byte)` for each byte i.
template <class Use>
void for_each(std::size_t size, std::uint64_t seed, std::uint64_t position, Use use) noexcept {
  std::uint64_t w = word(seed, position / 8) >> (8 * (position % 8));
  for (std::size_t i = 0; i < size; ++i) {
    if ((position + i) % 8 == 0) w = word(seed, (position + i) / 8);
    use(i, static_cast<char>(w & 0xFFU));
    w >>= 8U;
  }
}

} // namespace

void fill(std::span<char> out, std::uint64_t seed, std::uint64_t position) noexcept {
  for_each(out.size(), seed, position, [out](std::size_t i, char byte) { out[i] = byte; });
}

bool fits(std::span<const char> bytes, std::uint64_t seed, std::uint64_t position) noexcept {
  bool good = true;
  for_each(bytes.size(), seed, position,
           [bytes, &good](std::size_t i, char byte) { good &= bytes[i] == byte; });
  return good;
}

} // namespace soak
