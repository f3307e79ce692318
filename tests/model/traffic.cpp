// SPDX-License-Identifier: BSL-1.0
// Bytes by position.
#include "traffic.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace tlsmode::model {

traffic::traffic(std::uint64_t seed) : bytes_(period + longest) {
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < period; ++i) bytes_[i] = static_cast<std::byte>(random());
  std::copy_n(bytes_.begin(), longest, bytes_.begin() + static_cast<std::ptrdiff_t>(period));
}

bool traffic::matches(std::uint64_t position, const_buffer got) const noexcept {
  while (!got.empty()) {
    const std::size_t n = std::min(got.size(), longest);
    if (std::memcmp(piece(position, n).data(), got.data(), n) != 0) return false;
    position += n;
    got = got.subspan(n);
  }
  return true;
}

} // namespace tlsmode::model
