// SPDX-License-Identifier: BSL-1.0
// Frames over a TLS stream.
#include "frames.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

net::awaitable<bytes> read_frame(tls_stream& from) {
  std::array<unsigned char, 4> header{};
  co_await net::async_read(from, net::buffer(header), net::use_awaitable);
  std::size_t n = 0;
  for (const unsigned char b : header) n = n << 8 | b;
  if (n > longest_frame) throw boost::system::system_error(net::error::message_size);
  bytes content(n);
  co_await net::async_read(from, net::buffer(content), net::use_awaitable);
  co_return content;
}

net::awaitable<void> write_frame(tls_stream& to, bytes content) {
  std::array<unsigned char, 4> header{};
  for (std::size_t i = 0; i < 4; ++i) header[i] = static_cast<unsigned char>(content.size() >> (24 - 8 * i));
  const std::array<net::const_buffer, 2> frame{net::buffer(header), net::buffer(content)};
  co_await net::async_write(to, frame, net::use_awaitable);
}
