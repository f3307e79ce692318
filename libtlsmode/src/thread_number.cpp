// SPDX-License-Identifier: BSL-1.0
// The numbers of the threads.
#include "thread_number.hpp"

#include <atomic>

namespace tlsmode::detail {

std::uint64_t thread_number() noexcept {
  static std::atomic<std::uint64_t> last{0};
  static thread_local const std::uint64_t mine = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return mine;
}

} // namespace tlsmode::detail
