// SPDX-License-Identifier: BSL-1.0
// A generator of OpenSSL's that anybody can predict.
#include "fixed_random.hpp"

// OpenSSL 3.0 calls these functions deprecated; providers, which it wants instead, need a library of their
// own.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>

#include <stdexcept>

namespace tlsmode::test {
namespace {

std::uint64_t state = 0;

std::uint64_t next() noexcept { // splitmix64
  std::uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

int fill(unsigned char* to, int n) noexcept {
  for (int i = 0; i < n; i += 8) {
    std::uint64_t bits = next();
    for (int k = i; k < n && k < i + 8; ++k, bits >>= 8) to[k] = static_cast<unsigned char>(bits);
  }
  return 1;
}

int ready() noexcept { return 1; }

} // namespace

void fix_openssl_random(std::uint64_t seed) {
  static const RAND_METHOD method{nullptr, &fill, nullptr, nullptr, &fill, &ready};
  state = seed;
  static const bool installed = RAND_set_rand_method(&method) == 1;
  if (!installed) throw std::runtime_error("OpenSSL keeps its random numbers");
}

} // namespace tlsmode::test
