// SPDX-License-Identifier: BSL-1.0
// How a WebSocket of Beast closes a stream of ours: TLS first, then what is below. Beast finds these
// functions by argument-dependent lookup; its headers are not needed.
#ifndef TLSMODE_ASIO_DETAIL_TEARDOWN_HPP
#define TLSMODE_ASIO_DETAIL_TEARDOWN_HPP

#include <tlsmode/engine.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/detail/handler_tracking.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <memory>
#include <type_traits>
#include <utility>

namespace boost::beast {
enum class role_type; // as Beast declares it: client, then server
} // namespace boost::beast

namespace tlsmode {
namespace net = boost::asio;

template <class NextLayer>
class stream;

namespace detail {

using beast_role = boost::beast::role_type;
constexpr auto beast_client = static_cast<beast_role>(0);

// Not is_plain_socket: a socket that is used through memory is closed in the same way, and Beast's own
// functions for it are in a namespace where nothing leads to from here.
template <class T>
struct is_stream_socket : std::false_type {};
template <class Protocol, class Executor>
struct is_stream_socket<net::basic_stream_socket<Protocol, Executor>> : std::true_type {};

// What a socket still receives before the peer closes is dropped: closing it with bytes unread would reset
// the connection and could destroy what the peer has not read yet. Up to this much.
constexpr std::size_t most_dropped = 1024 * 1024;

// RFC 6455, section 7.1.1: the server ends the TCP connection first, so that the waiting for stray segments
// afterwards is not the client's, who may want to connect again. A client that finds TLS gone wrong does not
// leave that to the server.
[[nodiscard]] inline bool ends_first(beast_role role, const boost::system::error_code& tls) noexcept {
  return role != beast_client || tls;
}

// Once both sides have said by TLS that they are done nothing can be lost any more, however the connection
// below ends. A peer that closed at once makes it end with a reset.
[[nodiscard]] inline boost::system::error_code worse(const boost::system::error_code& tls,
                                                     const boost::system::error_code& below) noexcept {
  if (tls) return tls;
  const bool harmless = below == net::error::eof || below == net::error::connection_reset ||
                        below == net::error::broken_pipe || below == net::error::not_connected;
  return harmless ? boost::system::error_code() : below;
}

// Closes the first layer, from here on down, that can be closed.
template <class Layer>
void close_quietly(Layer& layer) {
  boost::system::error_code ignored;
  if constexpr (requires { layer.close(ignored); })
    layer.close(ignored);
  else if constexpr (requires { layer.close(); })
    layer.close();
  else if constexpr (requires { layer.next_layer(); })
    close_quietly(layer.next_layer());
}

template <class NextLayer>
class teardown_op {
 public:
  teardown_op(beast_role role, stream<NextLayer>& s) : stream_(s), role_(role) {}

  template <class Self>
  void operator()(Self& self, boost::system::error_code ec = {}, std::size_t n = 0) {
    auto& next = stream_.next_layer();
    switch (std::exchange(phase_, phase_ == phase::begin ? phase::tls : phase::below)) {
    case phase::begin: {
      self.reset_cancellation_state(net::enable_total_cancellation());
      BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, "async_teardown"));
      return stream_.async_shutdown(shutdown_form::drain, std::move(self));
    }
    case phase::tls:
      result_ = ec;
      if (given_up(self, ec)) break;
      if constexpr (on_socket) {
        if (ends_first(role_, result_)) next.shutdown(net::socket_base::shutdown_send, ec);
        dropped_ = std::make_unique<std::array<char, 4096>>();
        return receive(self, next);
      } else {
        return async_teardown(role_, next, std::move(self));
      }
    case phase::below:
      if constexpr (on_socket) {
        total_ += n;
        if (!ec && total_ < most_dropped && !given_up(self, ec)) return receive(self, next);
        close_quietly(next); // ends our side too, if that is still open
      }
    }
    dropped_.reset();
    self.complete(worse(result_, ec));
  }

 private:
  enum class phase : unsigned char { begin, tls, below };
  static constexpr bool on_socket = is_stream_socket<std::remove_reference_t<NextLayer>>::value;

  // A cancelled operation does not begin to wait for something else.
  template <class Self>
  bool given_up(Self& self, boost::system::error_code& ec) {
    const auto types =
        self.cancelled() & (net::cancellation_type::terminal | net::cancellation_type::partial);
    if (ec != net::error::operation_aborted && types == net::cancellation_type::none) return false;
    ec = result_ = net::error::operation_aborted;
    close_quietly(stream_.next_layer());
    return true;
  }

  template <class Self, class Socket>
  void receive(Self& self, Socket& socket) {
    const auto room = net::buffer(*dropped_);
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, "async_teardown"));
    socket.async_read_some(room, std::move(self));
  }

  stream<NextLayer>& stream_;
  beast_role role_;
  std::unique_ptr<std::array<char, 4096>> dropped_;
  std::size_t total_ = 0;
  boost::system::error_code result_;
  phase phase_ = phase::begin;
};

} // namespace detail

/// Ends a WebSocket's transport: a draining TLS shutdown, then the next layer, which must be a stream socket
/// or have a teardown of its own. Found by Beast's websocket::stream. Errors: those of the shutdown, else
/// those of the next layer, if anything can have been lost by them.
template <class NextLayer>
void teardown(detail::beast_role role, stream<NextLayer>& s, boost::system::error_code& ec) {
  auto& next = s.next_layer();
  s.shutdown(shutdown_form::drain, ec);
  boost::system::error_code below;
  if constexpr (detail::is_stream_socket<std::remove_reference_t<NextLayer>>::value) {
    if (detail::ends_first(role, ec)) next.shutdown(net::socket_base::shutdown_send, below);
    std::array<char, 4096> dropped;
    for (std::size_t total = 0; !below && total < detail::most_dropped;)
      total += next.read_some(net::buffer(dropped), below);
    detail::close_quietly(next);
  } else {
    teardown(role, next, below);
  }
  ec = detail::worse(ec, below);
}

/// The same without waiting; the handler has the signature void(error_code). Cancellation: terminal and
/// partial at any time, total until close_notify is sent; the next layer is closed then.
template <class NextLayer, class Handler>
void async_teardown(detail::beast_role role, stream<NextLayer>& s, Handler&& handler) {
  net::async_compose<Handler, void(boost::system::error_code)>(detail::teardown_op<NextLayer>(role, s),
                                                               handler, s);
}

} // namespace tlsmode

#endif
