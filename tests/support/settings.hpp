// SPDX-License-Identifier: BSL-1.0
// Numbers that a test is given by its environment or its command line: what is no number is an error, never
// something else than was meant.
#ifndef TLSMODE_TESTS_SETTINGS_HPP
#define TLSMODE_TESTS_SETTINGS_HPP

#include <charconv>
#include <concepts>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace tlsmode::test {

/// The whole text as a decimal number from `least` to `most`; throws std::invalid_argument, which begins with
/// `what`.
template <std::integral T>
T number_in(std::string_view text, std::string_view what, T least = std::numeric_limits<T>::min(),
            T most = std::numeric_limits<T>::max()) {
  T n{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, n);
  if (error != std::errc() || stopped != end || n < least || n > most)
    throw std::invalid_argument(std::string(what) + " must be a number from " + std::to_string(least) +
                                " to " + std::to_string(most) + ", not '" + std::string(text) + "'");
  return n;
}

/// A number from the environment, or `otherwise` where it is not set, or empty.
template <std::integral T>
T setting(const char* name, T otherwise, T least = 0) {
  const char* const text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : number_in<T>(text, name, least);
}

} // namespace tlsmode::test

#endif
