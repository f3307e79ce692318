// SPDX-License-Identifier: BSL-1.0
// Bytes that are a function of a seed and their position, so that lost, doubled and moved ones are noticed.
#ifndef TESTS_SOAK_PATTERN_HPP
#define TESTS_SOAK_PATTERN_HPP

#include <cstddef>
#include <cstdint>
#include <span>

namespace soak {

/// Fills `out` with the bytes from `position` on.
void fill(std::span<char> out, std::uint64_t seed, std::uint64_t position) noexcept;
/// True if `bytes` are those from `position` on.
[[nodiscard]] bool fits(std::span<const char> bytes, std::uint64_t seed, std::uint64_t position) noexcept;

} // namespace soak

#endif
