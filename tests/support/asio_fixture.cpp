// SPDX-License-Identifier: BSL-1.0
// Whole transfers, instantiated once for each stream type.
#include "asio_fixture.hpp"

#include <algorithm>

namespace tlsmode::test {
namespace {

// Cuts `size` bytes from `first` into up to four buffers, some of them small and some of them empty.
template <class Buffer, class Byte>
std::vector<Buffer> cut(Byte* first, std::size_t size, std::mt19937& random) {
  std::vector<Buffer> buffers;
  while (size != 0 && buffers.size() < 3) {
    const std::size_t n = std::min<std::size_t>(size, random() % 4 == 0 ? random() % 8 : random() % 20000);
    buffers.emplace_back(first, n);
    first += n;
    size -= n;
  }
  if (size != 0) buffers.emplace_back(first, size);
  return buffers;
}

} // namespace

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

template <class Stream>
void sender<Stream>::start() {
  if (left_.empty()) return;
  const std::size_t size = std::min<std::size_t>(left_.size(), 1 + random_() % 100000);
  stream_.async_write_some(cut<net::const_buffer>(left_.data(), size, random_),
                           [this](error_code ec, std::size_t n) {
                             ec_ = ec;
                             left_.remove_prefix(n);
                             if (!done()) start();
                           });
}

template <class Stream>
void receiver<Stream>::start(std::size_t want) {
  want_ = want;
  if (!reading_ && !done()) next();
}

template <class Stream>
void receiver<Stream>::next() {
  reading_ = true;
  memory_.resize(1 + random_() % 100000);
  const std::size_t size = std::min(memory_.size(), want_ - data_.size());
  stream_.async_read_some(cut<net::mutable_buffer>(memory_.data(), size, random_),
                          [this](error_code ec, std::size_t n) {
                            reading_ = false;
                            ec_ = ec;
                            data_.append(memory_.data(), n);
                            if (!done()) next();
                          });
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
