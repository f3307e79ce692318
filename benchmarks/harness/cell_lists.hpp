// SPDX-License-Identifier: BSL-1.0
// The parts that the list of cells is put together from.
#ifndef TLSMODE_BENCH_CELL_LISTS_HPP
#define TLSMODE_BENCH_CELL_LISTS_HPP

#include "cells.hpp"

namespace bench {

// cells_of_data.cpp
void add_bulk(std::vector<cell>& cells);
void add_pingpong(std::vector<cell>& cells);
void add_sequences(std::vector<cell>& cells);
void add_first_byte(std::vector<cell>& cells);
void add_data_tls1_2(std::vector<cell>& cells);

// cells_of_connections.cpp
void add_handshakes(std::vector<cell>& cells);
void add_jobs(std::vector<cell>& cells);
void add_floods(std::vector<cell>& cells);
void add_many(std::vector<cell>& cells);

workload pingpong(placement where, std::size_t size = 64);

// Against the baseline; with plain TCP beside, or not.
comparison with_limit();
comparison of_streams();

// The same, and beside them all the streams of other libraries that can do what the cell asks for.
comparison with_further(comparison streams, tls_version version = tls_version::tls1_3);
comparison with_further_servers(comparison streams);

// The same, and tlsmode::stream in its configurations: in all, or in those that have no thread besides the
// loop's. What such a thread does is in no count of a thread that is measured, so those are where it does
// nothing.
comparison with_configurations(comparison streams);
comparison with_configurations_on_the_loop(comparison streams);

} // namespace bench

#endif
