// SPDX-License-Identifier: BSL-1.0
// Which next layers are plain stream sockets on a reactor, whose descriptor can be used directly.
#ifndef TLSMODE_ASIO_DETAIL_PLAIN_SOCKET_HPP
#define TLSMODE_ASIO_DETAIL_PLAIN_SOCKET_HPP

#include <boost/asio/basic_stream_socket.hpp>

#include <type_traits>

namespace tlsmode::detail {

template <class T>
struct is_plain_socket : std::false_type {};

// io_uring as Asio's default backend has no readiness to wait for; IOCP has neither.
#if !defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT) && !defined(BOOST_ASIO_HAS_IOCP)
template <class Protocol, class Executor>
struct is_plain_socket<boost::asio::basic_stream_socket<Protocol, Executor>> : std::true_type {};
#endif

} // namespace tlsmode::detail

#endif
