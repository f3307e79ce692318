// SPDX-License-Identifier: BSL-1.0
// Does a program with BOOST_ASIO_ENABLE_HANDLER_TRACKING build? Compiling this is the test: the macro changes
// Asio's types, so it cannot be linked with code that was compiled without it.
#define BOOST_ASIO_ENABLE_HANDLER_TRACKING
#include <tlsmode/asio/stream.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>

namespace tlsmode::test {

void start_everything(stream<net::ip::tcp::socket>& s, std::array<char, 10>& room);
void start_everything(stream<net::ip::tcp::socket>& s, std::array<char, 10>& room) {
  s.async_handshake(net::ssl::stream_base::client, [](auto) {});
  s.async_write_some(net::buffer(room), [](auto, auto) {});
  s.async_read_some(net::buffer(room), [](auto, auto) {});
  s.async_shutdown([](auto) {});
}

net::awaitable<void> run_everything(stream<net::ip::tcp::socket>& s, std::array<char, 10>& room);
net::awaitable<void> run_everything(stream<net::ip::tcp::socket>& s, std::array<char, 10>& room) {
  co_await s.async_handshake(net::ssl::stream_base::client, net::use_awaitable);
  co_await s.async_read_some(net::buffer(room), net::use_awaitable);
}

} // namespace tlsmode::test
