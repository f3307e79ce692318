// SPDX-License-Identifier: BSL-1.0
// What libcrypto needs to seal and to open records, and nothing else: together with plain TCP, the least that
// a TLS stream can cost.
#ifndef TLSMODE_BENCH_AEAD_SPEED_HPP
#define TLSMODE_BENCH_AEAD_SPEED_HPP

#include "measurement.hpp"

namespace bench {

struct aead_cost { // CPU seconds per byte
  double seal = 0;
  double open = 0;
};

// Seals and opens records of that size on the calling thread, about so long each. The same calls for a record
// as libssl makes: set the nonce, give the header, the text and the tag. Throws if a record does not open.
aead_cost measure_aead(aead which, std::size_t record_size, double seconds);

} // namespace bench

#endif
