// SPDX-License-Identifier: BSL-1.0
// The way to the peer over any other next layer: ciphertext goes through memory, and the channel moves it
// with the layer's own read and write operations. At most one of each is under way.
#ifndef TLSMODE_ASIO_DETAIL_BUFFERED_CHANNEL_HPP
#define TLSMODE_ASIO_DETAIL_BUFFERED_CHANNEL_HPP

#include <tlsmode/asio/error.hpp>
#include <tlsmode/memory_transport.hpp>

#include <tlsmode/asio/detail/blocking_wait.hpp>

#include <boost/asio/append.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

template <class NextLayer>
class buffered_channel {
 public:
  buffered_channel() { memory_.set_capacity(output_limit); }

  [[nodiscard]] std::reference_wrapper<memory_transport> transport(NextLayer&) noexcept { return memory_; }

  static constexpr bool holds_bytes = true;
  [[nodiscard]] bool unsent() const noexcept { return !memory_.output().empty(); }
  [[nodiscard]] bool sending() const noexcept { return sending_; }
  [[nodiscard]] bool receiving() const noexcept { return receiving_; }
  [[nodiscard]] const boost::system::error_code& send_error() const noexcept { return write_error_; }
  void drop_unsent() noexcept {
    given_up_ = true;
    if (!sending_) memory_.consume(memory_.output().size());
  }
  [[nodiscard]] bool given_up() const noexcept { return given_up_; }

  [[nodiscard]] tlsmode::const_buffer unread() const noexcept { return memory_.input(); }
  /// Precondition: nothing is being sent or received.
  void reset() noexcept {
    memory_ = {};
    memory_.set_capacity(output_limit);
    read_error_ = write_error_ = {};
    block_size_ = idle_block;
    given_up_ = false;
  }

  template <class Handler>
  void async_receive(NextLayer& next, Handler&& handler) {
    receiving_ = true; // the layer writes to the input: nothing else may be put there now
    const net::mutable_buffer room = input();
    if (room.size() == 0) // the layer would complete at once, with nothing
      return net::post(next.get_executor(), net::append(std::forward<Handler>(handler), no_memory(), 0U));
    next.async_read_some(room, std::forward<Handler>(handler));
  }
  template <class Handler>
  void async_send(NextLayer& next, Handler&& handler) {
    sending_ = true;
    memory_.set_capacity(0); // the layer reads from the output: nothing may move it now
    next.async_write_some(output(), std::forward<Handler>(handler));
  }

  // An error of the layer reaches the operation through the engine, after what came before it.
  boost::system::error_code received(boost::system::error_code ec, std::size_t n) noexcept {
    receiving_ = false;
    memory_.commit(n);
    if (n == block_size_)
      block_size_ = std::min(block_size_ * 4, largest_block);
    else if (n < block_size_ / 4)
      block_size_ = idle_block;
    if (ec == net::error::operation_aborted) return ec;
    if (ec == net::error::eof) {
      memory_.feed_eof();
    } else if (ec) {
      read_error_ = ec;
      memory_.fail_reads(ec);
    }
    return {};
  }
  boost::system::error_code sent(boost::system::error_code ec, std::size_t n) noexcept {
    sending_ = false;
    memory_.set_capacity(output_limit);
    memory_.consume(n);
    if (!ec || ec == net::error::operation_aborted) return ec;
    write_error_ = ec;
    memory_.fail_writes(ec);
    memory_.consume(memory_.output().size());
    return ec;
  }

  void receive(NextLayer& next, bool, boost::system::error_code& ec) {
    if (receiving_) { // an asynchronous operation has the input now
      ec = to_boost(error::operation_in_progress);
      return;
    }
    // The peer may wait for this before it sends what we wait for; but who may not block reads all the same.
    // That it can no longer be sent is for those to hear who send.
    while (unsent() && !sending_ && !ec) send(next, ec);
    ec = {};
    const net::mutable_buffer room = input();
    if (room.size() == 0) return void(ec = no_memory());
    const std::size_t n = next.read_some(room, ec);
    ec = is_would_block(ec) ? received(net::error::operation_aborted, n), ec : received(ec, n);
  }
  void send(NextLayer& next, boost::system::error_code& ec) {
    if (sending_) { // an asynchronous operation has the output now
      ec = to_boost(error::operation_in_progress);
      return;
    }
    const std::size_t n = next.write_some(output(), ec);
    if (is_would_block(ec))
      memory_.consume(n);
    else
      ec = sent(ec, n);
  }
  /// Sends the last alert; the patience is that of the layer.
  bool send_alert(NextLayer& next, std::chrono::milliseconds) {
    boost::system::error_code ec;
    while (unsent() && !ec) send(next, ec);
    return !ec;
  }
  /// Whether the layer's operations wait. One that cannot be asked does.
  [[nodiscard]] static bool may_block(NextLayer& next) { return layer_may_block(next); }
  static void refresh() noexcept {}

  /// The engine hands a layer's error back as it came from the layer.
  [[nodiscard]] boost::system::error_code restore(std::error_code ec) const noexcept {
    for (const boost::system::error_code& own : {read_error_, write_error_})
      if (own && static_cast<std::error_code>(own) == ec) return own;
    return to_boost(ec);
  }

 private:
  static constexpr std::size_t idle_block = 4 * 1024;
  static constexpr std::size_t largest_block = 64 * 1024;
  static constexpr std::size_t output_limit = 64 * 1024;

  template <class Layer>
  static bool layer_may_block(Layer& next) {
    if constexpr (requires { next.non_blocking(); })
      return !next.non_blocking();
    else if constexpr (requires { next.socket().non_blocking(); })
      return !next.socket().non_blocking();
    else if constexpr (requires { next.next_layer(); })
      return layer_may_block(next.next_layer());
    else
      return true;
  }
  static boost::system::error_code no_memory() noexcept { return net::error::no_memory; }
  [[nodiscard]] net::mutable_buffer input() noexcept {
    const mutable_buffer room = memory_.prepare(block_size_);
    return {room.data(), room.size()};
  }
  [[nodiscard]] net::const_buffer output() const noexcept {
    const const_buffer bytes = memory_.output();
    return {bytes.data(), bytes.size()};
  }

  memory_transport memory_;
  boost::system::error_code read_error_;
  boost::system::error_code write_error_;
  std::size_t block_size_ = idle_block;
  bool sending_ = false;
  bool receiving_ = false;
  bool given_up_ = false;
};

} // namespace detail
} // namespace tlsmode

#endif
