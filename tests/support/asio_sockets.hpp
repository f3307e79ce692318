// SPDX-License-Identifier: BSL-1.0
// Connected pairs of real sockets.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_SOCKETS_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_SOCKETS_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <cstdint>
#include <functional>
#include <utility>

namespace tlsmode {
namespace net = boost::asio;

namespace test {

using tcp_socket = net::ip::tcp::socket;
using local_socket = net::local::stream_protocol::socket;

/// Two TCP sockets connected over loopback, client and server. `buffer`, if not 0, is the size asked for the
/// kernel's send buffers, an eighth of that of its receive buffers: a writer soon has to wait for the reader.
[[nodiscard]] std::pair<tcp_socket, tcp_socket> tcp_pair(const net::any_io_executor& client,
                                                         const net::any_io_executor& server, int buffer = 0);
[[nodiscard]] std::pair<local_socket, local_socket> local_pair(const net::any_io_executor& ex);

/// Waits until so many bytes can be read: even loopback takes its time. Throws if they do not come.
void wait_for_bytes(tcp_socket& socket, std::size_t size = 1);
/// Runs `turn`, which must write as much as a socket takes and say how much that is in all, until the kernel
/// has taken no more for a while: a peer's kernel may find room when it is probed, which is after 200 ms at
/// first.
void until_full(const std::function<std::uint64_t()>& turn);

} // namespace test
} // namespace tlsmode

#endif
