// SPDX-License-Identifier: BSL-1.0
// Lets every allocation fail from a chosen one on, where heap_counter.hpp lets a single one fail.
#ifndef TLSMODE_TESTS_SUPPORT_MEMORY_SHORTAGE_HPP
#define TLSMODE_TESTS_SUPPORT_MEMORY_SHORTAGE_HPP

#include "heap_counter.hpp"

namespace tlsmode::test {

/// An allocation_fault after which nothing is left for `who` on this thread while it lives.
class memory_shortage : public allocation_fault {
 public:
  memory_shortage(heap_user who, long number) noexcept;
};

} // namespace tlsmode::test

#endif
