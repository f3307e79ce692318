// SPDX-License-Identifier: BSL-1.0
// Whole transfers, instantiated once for each stream type.
#include "asio_transfer.hpp"

namespace tlsmode::test {
std::string random_bytes(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  std::uint64_t x = seed * 0x9E3779B97F4A7C15U + 1;
  for (char& c : bytes) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    c = static_cast<char>(x >> 32);
  }
  return bytes;
}

template class sender<tls_stream>;
template class sender<asio_stream>;
template class receiver<tls_stream>;
template class receiver<asio_stream>;
template struct tls_pair<tls_stream, asio_stream>;
template struct tls_pair<asio_stream, tls_stream>;
template struct tls_pair<tls_stream, tls_stream>;
template struct tls_pair<asio_stream, asio_stream>;

} // namespace tlsmode::test
