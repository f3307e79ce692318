// SPDX-License-Identifier: BSL-1.0
// How the model says that the engine has broken a promise.
#ifndef TLSMODE_TESTS_MODEL_EXPECT_HPP
#define TLSMODE_TESTS_MODEL_EXPECT_HPP

#include <stdexcept>
#include <string>

namespace tlsmode::model {

struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws a violation unless the promise, said in words, is kept.
inline void expect(bool kept, const char* promise) {
  if (!kept) throw violation(promise);
}

} // namespace tlsmode::model

#endif
