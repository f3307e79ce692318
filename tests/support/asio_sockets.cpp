// SPDX-License-Identifier: BSL-1.0
// Connecting pairs of sockets.
#include "asio_sockets.hpp"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/local/connect_pair.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace tlsmode::test {

std::pair<tcp_socket, tcp_socket> tcp_pair(const net::any_io_executor& client,
                                           const net::any_io_executor& server, int buffer) {
  using net::ip::tcp;
  // Before connecting: later the window is no longer made smaller. Receiving gets more than sending, or TCP
  // goes on in tiny segments, one each time that its persist timer expires.
  const auto limit = [buffer](auto& socket) {
    if (buffer == 0) return;
    socket.set_option(net::socket_base::receive_buffer_size(8 * buffer));
    socket.set_option(net::socket_base::send_buffer_size(buffer));
  };
  tcp::acceptor acceptor(server, tcp::v4());
  limit(acceptor);
  acceptor.bind({net::ip::address_v4::loopback(), 0});
  acceptor.listen(1);
  tcp_socket a(client, tcp::v4());
  limit(a);
  a.connect(acceptor.local_endpoint());
  tcp_socket b = acceptor.accept();
  a.set_option(tcp::no_delay(true));
  b.set_option(tcp::no_delay(true));
  return {std::move(a), std::move(b)};
}

std::pair<local_socket, local_socket> local_pair(const net::any_io_executor& ex) {
  local_socket a(ex);
  local_socket b(ex);
  net::local::connect_pair(a, b);
  return {std::move(a), std::move(b)};
}

void wait_for_bytes(tcp_socket& socket, std::size_t size) {
  for (int i = 0; socket.available() < size; ++i) {
    if (i == 200000) throw std::runtime_error("what was sent does not arrive");
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

void until_full(const std::function<std::uint64_t()>& turn) {
  std::uint64_t before = turn();
  int times = 0;
  for (int quiet = 0; quiet < 25; ++quiet) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (const std::uint64_t now = turn(); now != std::exchange(before, now)) quiet = -1;
    if (++times == 2000) throw std::runtime_error("the kernel goes on taking data");
  }
}

} // namespace tlsmode::test
