// SPDX-License-Identifier: BSL-1.0
// Which next layers are plain stream sockets on a reactor, whose descriptor can be used directly.
#ifndef TLSMODE_ASIO_DETAIL_PLAIN_SOCKET_HPP
#define TLSMODE_ASIO_DETAIL_PLAIN_SOCKET_HPP

#include <tlsmode/asio/detail/asio_compat.hpp>

#include <boost/asio/basic_stream_socket.hpp>

#include <type_traits>

namespace tlsmode::detail {

template <class T>
struct is_plain_socket : std::false_type {};

template <class Protocol, class Executor>
struct is_plain_socket<boost::asio::basic_stream_socket<Protocol, Executor>>
    : std::bool_constant<sockets_have_readiness> {};

} // namespace tlsmode::detail

#endif
