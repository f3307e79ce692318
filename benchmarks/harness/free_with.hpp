// SPDX-License-Identifier: BSL-1.0
// A deleter for the objects of C libraries.
#ifndef TLSMODE_BENCH_FREE_WITH_HPP
#define TLSMODE_BENCH_FREE_WITH_HPP

namespace bench {

template <auto Free>
struct free_with {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

} // namespace bench

#endif
