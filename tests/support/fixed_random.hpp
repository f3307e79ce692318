// SPDX-License-Identifier: BSL-1.0
// Makes OpenSSL's random numbers repeat: keys, nonces and tickets depend on a seed alone, so that a failing
// sequence fails again. For test programs only, and for all of their process.
#ifndef TLSMODE_TESTS_SUPPORT_FIXED_RANDOM_HPP
#define TLSMODE_TESTS_SUPPORT_FIXED_RANDOM_HPP

#include <cstdint>

namespace tlsmode::test {

/// Begins the sequence of `seed`; the first call takes OpenSSL's own generator away.
void fix_openssl_random(std::uint64_t seed);

} // namespace tlsmode::test

#endif
