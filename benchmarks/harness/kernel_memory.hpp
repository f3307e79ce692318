// SPDX-License-Identifier: BSL-1.0
// What the kernel itself uses, of the whole machine: only differences that are large beside what goes on
// meanwhile say anything.
#ifndef TLSMODE_BENCH_KERNEL_MEMORY_HPP
#define TLSMODE_BENCH_KERNEL_MEMORY_HPP

#include <cstdint>
#include <optional>

namespace bench {

// Bytes in the kernel's slabs (sockets, files, and what belongs to them) and in TCP's buffers, from
// /proc/meminfo and /proc/net/sockstat. Empty where these cannot be read.
std::optional<std::int64_t> kernel_bytes();

} // namespace bench

#endif
