// SPDX-License-Identifier: BSL-1.0
// Counts what the whole program holds on the heap, OpenSSL included, and lets chosen allocations fail. A
// program that links it counts from its first instruction; nothing has to be called.
#ifndef TLSMODE_TESTS_SUPPORT_HEAP_COUNTER_HPP
#define TLSMODE_TESTS_SUPPORT_HEAP_COUNTER_HPP

#include <cstddef>

namespace tlsmode::test {

/// Bytes allocated by operator new and by OpenSSL and not freed.
std::size_t heap_bytes() noexcept;
/// Blocks among them that have the size of a job's stack.
std::size_t job_stacks() noexcept;
/// False if OpenSSL had allocated before it could be counted: then no number above is right.
bool heap_is_counted() noexcept;

/// The size of a job's stack in OpenSSL 3.0 (STACKSIZE in async_posix.h).
inline constexpr std::size_t job_stack_size = 32768;

/// Whose allocations are to fail.
enum class heap_user { operator_new, openssl };
/// While one of these lives, the allocation with this number (from 1) that `who` makes on this thread fails,
/// and no other. One at a time.
class allocation_fault {
 public:
  allocation_fault(heap_user who, long number) noexcept;
  ~allocation_fault();
  allocation_fault(const allocation_fault&) = delete;
  allocation_fault& operator=(const allocation_fault&) = delete;
  /// Allocations so far, and whether one of them was made to fail.
  [[nodiscard]] static long count() noexcept;
  [[nodiscard]] static bool struck() noexcept;
};
/// Allocations during its life do not count for a fault: the test's own.
class no_allocation_fault {
 public:
  no_allocation_fault() noexcept;
  ~no_allocation_fault();
  no_allocation_fault(const no_allocation_fault&) = delete;
  no_allocation_fault& operator=(const no_allocation_fault&) = delete;
};

} // namespace tlsmode::test

#endif
