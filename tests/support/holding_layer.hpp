// SPDX-License-Identifier: BSL-1.0
// A next layer whose writes the test holds back, and which, as many layers do, takes terminal cancellation
// for the end of itself. It passes everything on to a TCP socket.
#ifndef TLSMODE_TESTS_SUPPORT_HOLDING_LAYER_HPP
#define TLSMODE_TESTS_SUPPORT_HOLDING_LAYER_HPP

#include "asio_sockets.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace tlsmode::test {

class holding_layer {
 public:
  using executor_type = tcp_socket::executor_type;

  explicit holding_layer(tcp_socket socket) : socket_(std::move(socket)), state_(std::make_shared<state>()) {}

  [[nodiscard]] executor_type get_executor() noexcept { return socket_.get_executor(); }
  [[nodiscard]] tcp_socket& socket() noexcept { return socket_; }

  /// Whether writes that begin from now on are held back.
  void hold(bool on) noexcept { state_->holding = on; }
  /// True while a write is held back.
  [[nodiscard]] bool holds_a_write() const noexcept { return state_->held != nullptr; }
  /// Lets the write that is held back go out.
  void release() {
    if (const auto held = std::move(state_->held)) held->run(socket_);
  }
  /// All types of cancellation that writes were told while they were held back.
  [[nodiscard]] net::cancellation_type cancelled_with() const noexcept { return state_->cancelled_with; }

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& ec) {
    return socket_.read_some(buffers, ec);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& ec) {
    return socket_.write_some(buffers, ec);
  }
  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return socket_.async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    if (!state_->holding) return socket_.async_write_some(buffers, std::forward<Handler>(handler));
    if (auto slot = net::get_associated_cancellation_slot(handler); slot.is_connected())
      slot.assign([s = state_](net::cancellation_type type) { s->cancelled_with |= type; });
    state_->held =
        std::make_unique<held_write<Buffers, std::decay_t<Handler>>>(buffers, std::forward<Handler>(handler));
  }

 private:
  struct write {
    virtual ~write() = default;
    virtual void run(tcp_socket& socket) = 0;
  };
  template <class Buffers, class Handler>
  struct held_write final : write {
    held_write(const Buffers& b, Handler h) : buffers(b), handler(std::move(h)) {}
    void run(tcp_socket& socket) override { socket.async_write_some(buffers, std::move(handler)); }
    Buffers buffers;
    Handler handler;
  };
  struct state {
    bool holding = false;
    std::unique_ptr<write> held;
    net::cancellation_type cancelled_with = net::cancellation_type::none;
  };

  tcp_socket socket_;
  std::shared_ptr<state> state_;
};

} // namespace tlsmode::test

#endif
