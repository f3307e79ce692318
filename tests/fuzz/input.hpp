// SPDX-License-Identifier: BSL-1.0
// The bytes of a fuzzer as decisions, and how a target says that a property does not hold.
#ifndef TLSMODE_TESTS_FUZZ_INPUT_HPP
#define TLSMODE_TESTS_FUZZ_INPUT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

/// What libFuzzer calls with each input, and replay.cpp with each file of the corpus.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace tlsmode::fuzz {

/// Ends the process, which libFuzzer takes for a find, unless the property holds.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

/// Reads an input from its beginning; behind the end there are zeros.
class input {
 public:
  input(const std::uint8_t* data, std::size_t size) noexcept : rest_(data, size) {}

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  std::uint8_t byte() noexcept {
    if (rest_.empty()) return 0;
    const std::uint8_t b = rest_.front();
    rest_ = rest_.subspan(1);
    return b;
  }
  std::size_t number() noexcept { // up to 65535
    const std::size_t high = byte();
    return high << 8 | byte();
  }
  /// A size: mostly small, at times up to 64 times as large.
  std::size_t size() noexcept {
    const std::size_t n = number();
    return n % 4 == 0 ? n : n / 64;
  }
  std::span<const std::byte> take(std::size_t n) noexcept {
    const auto taken = rest_.first(std::min(n, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return std::as_bytes(taken);
  }
  std::span<const std::byte> all() noexcept { return take(rest_.size()); }
  std::string_view text() noexcept {
    const auto bytes = all();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  std::span<const std::uint8_t> rest_;
};

} // namespace tlsmode::fuzz

#endif
