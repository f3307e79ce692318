// SPDX-License-Identifier: BSL-1.0
// F, the fraction of the machine's own limit that a TLS stream reaches.
//
// Each byte must be sealed once, opened once, and carried by TCP, so its least cost is
//     1/G_seal + 1/G_open + 1/G_tcp
// with G_seal and G_open of libcrypto in this round (records as large as the cell's), and G_tcp of the plain
// TCP stream in the same cell and round, all in bytes per CPU second, and G_tcp of both ends together. A
// stream that moves G bytes per CPU second of both ends has F = G * (1/G_seal + 1/G_open + 1/G_tcp).
//
// For a round trip the same is said of its time: F = (t_tcp + 2 * (t_seal + t_open)) / t, with medians.
#ifndef TLSMODE_BENCH_LIMIT_HPP
#define TLSMODE_BENCH_LIMIT_HPP

#include "runner.hpp"

namespace bench {

// Measures libcrypto and adds F to the samples of this round. Does nothing where plain TCP was not measured
// or the cell is not one of those.
void add_fraction_of_limit(cell_result& result, unsigned round);

} // namespace bench

#endif
