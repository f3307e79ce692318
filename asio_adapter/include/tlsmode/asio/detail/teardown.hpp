// SPDX-License-Identifier: BSL-1.0
// How a WebSocket of Beast closes a stream of ours: TLS first, then what is below. Beast finds these
// functions by argument-dependent lookup; its headers are not needed.
#ifndef TLSMODE_ASIO_DETAIL_TEARDOWN_HPP
#define TLSMODE_ASIO_DETAIL_TEARDOWN_HPP

#include <tlsmode/engine.hpp>

#include <tlsmode/asio/detail/plain_socket.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <memory>
#include <type_traits>
#include <utility>

namespace boost::beast {
enum class role_type; // as Beast declares it
} // namespace boost::beast

namespace tlsmode {
namespace net = boost::asio;

template <class NextLayer>
class stream;

namespace detail {

using beast_role = boost::beast::role_type;

// What a socket still receives before the peer closes is dropped: closing it with bytes unread would reset
// the connection and could destroy what the peer has not read yet. Up to this much.
constexpr std::size_t most_dropped = 1024 * 1024;

template <class Socket>
void close_quietly(Socket& socket) {
  boost::system::error_code ignored;
  socket.close(ignored);
}

template <class NextLayer>
class teardown_op {
 public:
  teardown_op(beast_role role, stream<NextLayer>& s) : stream_(s), role_(role) {}

  template <class Self>
  void operator()(Self& self, boost::system::error_code ec = {}, std::size_t n = 0) {
    auto& next = stream_.next_layer();
    using next_type = std::remove_reference_t<decltype(next)>;
    switch (std::exchange(phase_, phase_ == phase::begin ? phase::tls : phase::below)) {
    case phase::begin:
      self.reset_cancellation_state(net::enable_total_cancellation());
      return stream_.async_shutdown(shutdown_form::drain, std::move(self));
    case phase::tls:
      result_ = ec;
      if constexpr (is_plain_socket<next_type>::value) {
        next.shutdown(net::socket_base::shutdown_send, ec);
        dropped_ = std::make_unique<std::array<char, 4096>>();
        return receive(self, next);
      } else {
        return async_teardown(role_, next, std::move(self));
      }
    case phase::below:
      if constexpr (is_plain_socket<next_type>::value) {
        total_ += n;
        if (!ec && total_ < most_dropped) return receive(self, next);
        if (ec == net::error::eof) ec = {};
        close_quietly(next);
      }
      dropped_.reset();
      return self.complete(result_ ? result_ : ec);
    }
  }

 private:
  enum class phase : unsigned char { begin, tls, below };

  template <class Self, class Socket>
  void receive(Self& self, Socket& socket) {
    const auto room = net::buffer(*dropped_);
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

/// Ends a WebSocket's transport: a draining TLS shutdown, then the next layer. Found by Beast's
/// websocket::stream. Errors: those of the shutdown, else those of the next layer.
template <class NextLayer>
void teardown(detail::beast_role role, stream<NextLayer>& s, boost::system::error_code& ec) {
  auto& next = s.next_layer();
  s.shutdown(shutdown_form::drain, ec);
  boost::system::error_code below;
  if constexpr (detail::is_plain_socket<std::remove_reference_t<decltype(next)>>::value) {
    next.shutdown(net::socket_base::shutdown_send, below);
    std::array<char, 4096> dropped;
    for (std::size_t total = 0; !below && total < detail::most_dropped;)
      total += next.read_some(net::buffer(dropped), below);
    if (below == net::error::eof) below = {};
    detail::close_quietly(next);
  } else {
    teardown(role, next, below);
  }
  if (!ec) ec = below;
}

/// The same without waiting; the handler has the signature void(error_code).
template <class NextLayer, class Handler>
void async_teardown(detail::beast_role role, stream<NextLayer>& s, Handler&& handler) {
  net::async_compose<Handler, void(boost::system::error_code)>(detail::teardown_op<NextLayer>(role, s),
                                                               handler, s);
}

} // namespace tlsmode

#endif
