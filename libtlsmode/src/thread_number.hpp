// SPDX-License-Identifier: BSL-1.0
// Telling threads apart for good. Private to the core.
#ifndef TLSMODE_SRC_THREAD_NUMBER_HPP
#define TLSMODE_SRC_THREAD_NUMBER_HPP

#include <cstdint>

namespace tlsmode::detail {

/// The number of the calling thread, never 0. Unlike std::thread::id no other thread ever has it, also not
/// after this one has ended: a job of a thread that is gone must not be taken for one's own.
[[nodiscard]] std::uint64_t thread_number() noexcept;

} // namespace tlsmode::detail

#endif
