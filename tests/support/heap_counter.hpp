// SPDX-License-Identifier: BSL-1.0
// Counts what the whole program holds on the heap, OpenSSL included. A program that links it counts from its
// first instruction; nothing has to be called.
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

} // namespace tlsmode::test

#endif
