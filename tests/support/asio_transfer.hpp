// SPDX-License-Identifier: BSL-1.0
// The definitions of sender and receiver, for tests that use them with streams of their own.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_TRANSFER_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_TRANSFER_HPP

#include "asio_fixture.hpp"

#include <algorithm>

namespace tlsmode::test {

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

} // namespace tlsmode::test

#endif
