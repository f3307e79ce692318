// SPDX-License-Identifier: BSL-1.0
// The second part of tlsmode_demo: a flood of handshakes, and what it does to everybody else on the loop.
#ifndef TLSMODE_BENCH_DEMO_FLOOD_HPP
#define TLSMODE_BENCH_DEMO_FLOOD_HPP

#include "harness/machine.hpp"

namespace bench {

// Measures for about 15 seconds and prints a table and a sentence. Throws if anything could not be measured.
void demo_flood(const watchdog& guard);

} // namespace bench

#endif
