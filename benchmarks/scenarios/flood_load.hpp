// SPDX-License-Identifier: BSL-1.0
// What goes on on the server's loop besides the handshakes of the flood.
#ifndef TLSMODE_BENCH_SCENARIOS_FLOOD_LOAD_HPP
#define TLSMODE_BENCH_SCENARIOS_FLOOD_LOAD_HPP

#include <chrono>
#include <cstddef>

namespace bench {

// So many connections that none has its next message before the one before came back: a message waits for the
// loop, not for others.
constexpr std::size_t flood_echoes = 32;
constexpr double flood_messages_per_second = 1000; // on all of them together
constexpr std::chrono::milliseconds flood_tick{1}; // of the timer

} // namespace bench

#endif
