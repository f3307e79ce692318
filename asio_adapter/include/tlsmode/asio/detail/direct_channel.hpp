// SPDX-License-Identifier: BSL-1.0
// The way to the peer over a plain socket: the transport moves the bytes itself, the channel only waits until
// it can. Holds no bytes.
#ifndef TLSMODE_ASIO_DETAIL_DIRECT_CHANNEL_HPP
#define TLSMODE_ASIO_DETAIL_DIRECT_CHANNEL_HPP

#include <tlsmode/asio/error.hpp>

#include <tlsmode/asio/detail/blocking_wait.hpp>
#include <tlsmode/asio/detail/socket_transport.hpp>

#include <boost/asio/socket_base.hpp>

#include <chrono>
#include <utility>

namespace tlsmode::detail {

template <class NextLayer>
class direct_channel {
 public:
  [[nodiscard]] socket_transport transport(NextLayer& next) { return {next.native_handle(), drained_}; }

  /// Whether the channel ever holds bytes; those that it holds for the peer, and whether it is sending them;
  /// whether it is receiving into its memory; those of the peer that nobody has read.
  static constexpr bool holds_bytes = false;
  [[nodiscard]] static constexpr bool unsent() noexcept { return false; }
  [[nodiscard]] static constexpr bool sending() noexcept { return false; }
  [[nodiscard]] static constexpr bool receiving() noexcept { return false; }
  /// Why what it held could not be sent.
  [[nodiscard]] static boost::system::error_code send_error() noexcept { return {}; }
  /// Nobody waits any more for what is unsent.
  static void drop_unsent() noexcept {}
  [[nodiscard]] static const_buffer unread() noexcept { return {}; }
  /// Forgets what was: another connection begins.
  void reset() noexcept { drained_ = false; }

  /// Calls the handler when the transport has something to read, or takes something.
  template <class Handler>
  void async_receive(NextLayer& next, Handler&& handler) {
    next.async_wait(boost::asio::socket_base::wait_read, std::forward<Handler>(handler));
  }
  template <class Handler>
  void async_send(NextLayer& next, Handler&& handler) {
    next.async_wait(boost::asio::socket_base::wait_write, std::forward<Handler>(handler));
  }
  /// What these came to. An error other than a cancellation is returned and ends the operation.
  boost::system::error_code received(boost::system::error_code ec, std::size_t) noexcept {
    drained_ = false;
    return ec;
  }
  boost::system::error_code sent(boost::system::error_code ec, std::size_t) noexcept { return ec; }

  /// The same, blocking. On a socket that the user made non-blocking they give would_block.
  void receive(NextLayer& next, bool also_writable, boost::system::error_code& ec) {
    // With bytes held back the peer may wait for these before it sends anything.
    if (also_writable && !next.non_blocking())
      wait_for_socket(next.native_handle(), true, true, -1);
    else
      next.wait(boost::asio::socket_base::wait_read, ec);
    drained_ = false;
  }
  void send(NextLayer& next, boost::system::error_code& ec) {
    next.wait(boost::asio::socket_base::wait_write, ec);
  }
  /// Waits for room for the last alert, as long as it may; false if there is none then.
  static bool send_alert(NextLayer& next, std::chrono::milliseconds patience) {
    return wait_for_socket(next.native_handle(), false, true, static_cast<int>(patience.count()));
  }
  [[nodiscard]] static bool may_block(NextLayer& next) { return !next.non_blocking(); }

  /// Before a synchronous operation: whoever polls a non-blocking socket wants the kernel asked.
  void refresh() noexcept { drained_ = false; }

  [[nodiscard]] static boost::system::error_code restore(std::error_code ec) noexcept { return to_boost(ec); }

 private:
  bool drained_ = false; // see socket_transport
};

} // namespace tlsmode::detail

#endif
