// SPDX-License-Identifier: BSL-1.0
// Picks the way to the peer for a next layer.
#ifndef TLSMODE_ASIO_DETAIL_CHANNEL_HPP
#define TLSMODE_ASIO_DETAIL_CHANNEL_HPP

#include <tlsmode/asio/detail/buffered_channel.hpp>
#include <tlsmode/asio/detail/direct_channel.hpp>
#include <tlsmode/asio/detail/plain_socket.hpp>

#include <type_traits>

namespace tlsmode::detail {

template <class NextLayer>
using channel_for = std::conditional_t<is_plain_socket<NextLayer>::value, direct_channel<NextLayer>,
                                       buffered_channel<NextLayer>>;

} // namespace tlsmode::detail

#endif
