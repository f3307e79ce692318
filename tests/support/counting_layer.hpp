// SPDX-License-Identifier: BSL-1.0
// A next layer that is not a plain socket: it passes everything on to a TCP socket and counts what it is
// asked for, and how much of it is under way at the same time.
#ifndef TLSMODE_TESTS_SUPPORT_COUNTING_LAYER_HPP
#define TLSMODE_TESTS_SUPPORT_COUNTING_LAYER_HPP

#include "asio_sockets.hpp"

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace tlsmode::test {

/// What a counting_layer was asked for.
struct layer_counts {
  int reads = 0;             ///< async_read_some and read_some
  int writes = 0;            ///< async_write_some and write_some
  int reads_at_once = 0;     ///< under way now
  int writes_at_once = 0;    ///< under way now
  int most_reads = 0;        ///< most at one time
  int most_writes = 0;       ///< most at one time
  std::size_t last_room = 0; ///< size of the last read's buffer
};

/// It has no lowest_layer_type, and no more of a socket's interface than a stream must have.
class counting_layer {
 public:
  using executor_type = tcp_socket::executor_type;

  explicit counting_layer(tcp_socket socket)
      : socket_(std::move(socket)), counts_(std::make_shared<layer_counts>()) {}

  [[nodiscard]] executor_type get_executor() noexcept { return socket_.get_executor(); }
  [[nodiscard]] tcp_socket& socket() noexcept { return socket_; }
  [[nodiscard]] const layer_counts& counts() const noexcept { return *counts_; }
  /// What is under way stays counted.
  void clear_counts() noexcept {
    const layer_counts was = std::exchange(*counts_, {});
    counts_->reads_at_once = counts_->most_reads = was.reads_at_once;
    counts_->writes_at_once = counts_->most_writes = was.writes_at_once;
  }

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    ++counts_->reads;
    counts_->last_room = boost::asio::buffer_size(buffers);
    counts_->most_reads = std::max(counts_->most_reads, ++counts_->reads_at_once);
    socket_.async_read_some(buffers, wrapped<std::decay_t<Handler>>{std::forward<Handler>(handler), counts_,
                                                                    &layer_counts::reads_at_once});
  }
  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    ++counts_->writes;
    counts_->most_writes = std::max(counts_->most_writes, ++counts_->writes_at_once);
    socket_.async_write_some(buffers, wrapped<std::decay_t<Handler>>{std::forward<Handler>(handler), counts_,
                                                                     &layer_counts::writes_at_once});
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& ec) {
    ++counts_->reads;
    return socket_.read_some(buffers, ec);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code& ec) {
    ++counts_->writes;
    return socket_.write_some(buffers, ec);
  }

 private:
  template <class Handler>
  struct wrapped {
    using executor_type = net::associated_executor_t<Handler, tcp_socket::executor_type>;
    using allocator_type = net::associated_allocator_t<Handler>;
    using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;
    Handler handler;
    std::shared_ptr<layer_counts> counts;
    int layer_counts::*under_way;

    [[nodiscard]] executor_type get_executor() const noexcept {
      return net::get_associated_executor(handler);
    }
    [[nodiscard]] allocator_type get_allocator() const noexcept {
      return net::get_associated_allocator(handler);
    }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
      return net::get_associated_cancellation_slot(handler);
    }
    void operator()(boost::system::error_code ec, std::size_t n) {
      --((*counts).*under_way);
      std::move(handler)(ec, n);
    }
  };

  tcp_socket socket_;
  std::shared_ptr<layer_counts> counts_;
};

} // namespace tlsmode::test

#endif
