// SPDX-License-Identifier: BSL-1.0
// Our stream over a layer that is no plain socket, and what a test needs to say the same thing once for both
// ways to the peer. Instantiated in the support library, as the plain ones are.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_LAYERED_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_LAYERED_HPP

#include "asio_fixture.hpp"
#include "conformance.hpp"
#include "counting_layer.hpp"

#include <tuple>

namespace tlsmode::test {

using layered_stream = stream<counting_layer>;
using layered_client = tls_pair<layered_stream, asio_stream>;
using layered_server = tls_pair<asio_stream, layered_stream>;

/// For BOOST_AUTO_TEST_CASE_TEMPLATE: a plain socket, whose bytes go straight to OpenSSL, and another layer,
/// whose bytes go through memory.
using both_channels = std::tuple<tls_stream, layered_stream>;

/// What such a stream is over, in the conformance tables.
template <class Stream>
inline constexpr const char* channel_name =
    std::is_same_v<Stream, tls_stream> ? "plain socket" : "another layer";

inline tcp_socket& socket_of(tls_stream& s) { return s.next_layer(); }
inline tcp_socket& socket_of(layered_stream& s) { return s.next_layer().socket(); }
inline tcp_socket& socket_of(asio_stream& s) { return s.next_layer(); }

/// async_wait of our streams.
template <class Stream>
operation start_wait(Stream& s, net::socket_base::wait_type what, operation::callback then = {}) {
  operation op;
  s.async_wait(what, op.make_handler(std::move(then)));
  return op;
}

extern template operation start_handshake(layered_stream&, handshake_type, operation::callback);
extern template operation start_read(layered_stream&, net::mutable_buffer, operation::callback);
extern template operation start_write(layered_stream&, net::const_buffer, operation::callback);
extern template operation start_shutdown(layered_stream&, operation::callback);
extern template operation start_shutdown_form(layered_stream&, shutdown_form, operation::callback);
extern template operation start_wait(tls_stream&, net::socket_base::wait_type, operation::callback);
extern template operation start_wait(layered_stream&, net::socket_base::wait_type, operation::callback);
extern template class sender<layered_stream>;
extern template class receiver<layered_stream>;
extern template struct tls_pair<layered_stream, asio_stream>;
extern template struct tls_pair<asio_stream, layered_stream>;

} // namespace tlsmode::test

#endif
