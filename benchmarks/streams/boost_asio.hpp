// SPDX-License-Identifier: BSL-1.0
// The parts of an adapter that all streams on Boost.Asio share: the loop, the coroutine type, reading and
// writing.
#ifndef TLSMODE_BENCH_STREAMS_BOOST_ASIO_HPP
#define TLSMODE_BENCH_STREAMS_BOOST_ASIO_HPP

#include "adapter.hpp"
#include "asio_loop.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <stdexcept>

namespace bench {

struct boost_asio : asio_loop<boost::asio::io_context> {
  template <class T>
  using task = boost::asio::awaitable<T>;
  using socket = boost::asio::ip::tcp::socket;

  static socket adopt(loop& owner, unique_fd fd) {
    return socket(owner.io, boost::asio::ip::tcp::v4(), fd.release());
  }

  template <class Connection>
  static task<std::size_t> read_some(Connection& connection, std::span<std::byte> to) {
    return connection.async_read_some(boost::asio::buffer(to.data(), to.size()), boost::asio::use_awaitable);
  }

  template <class Connection>
  static task<std::size_t> write_all(Connection& connection, std::span<const std::byte> from) {
    return boost::asio::async_write(connection, boost::asio::buffer(from.data(), from.size()),
                                    boost::asio::use_awaitable);
  }

  // What a program writes that has its buffers in an array: one gathered write, and nothing on the heap.
  template <class Connection>
  static task<std::size_t> write_sequence(Connection& connection,
                                          std::span<const std::span<const std::byte>> from) {
    std::array<boost::asio::const_buffer, most_buffers> buffers;
    if (from.size() > buffers.size()) throw std::logic_error("too many buffers");
    for (std::size_t i = 0; i < from.size(); ++i)
      buffers[i] = boost::asio::buffer(from[i].data(), from[i].size());
    co_return co_await boost::asio::async_write(
        connection, std::span<const boost::asio::const_buffer>(buffers.data(), from.size()),
        boost::asio::use_awaitable);
  }
  static constexpr std::size_t most_buffers = 16;

  using acceptor = boost::asio::ip::tcp::acceptor;
  static acceptor listen(loop& owner, unique_fd fd) {
    return acceptor(owner.io, boost::asio::ip::tcp::v4(), fd.release());
  }

  static task<void> sleep_until(loop& owner, std::chrono::steady_clock::time_point time) {
    boost::asio::steady_timer timer(owner.io, time);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }

  // One type of handler for all: instantiating co_spawn is what takes the compiler longest.
  static void spawn(loop& where, task<void> what, std::function<void(std::exception_ptr)> done) {
    boost::asio::co_spawn(where.io, std::move(what), std::move(done));
  }
};

// A stream with the interface of boost::asio::ssl::stream, over an asio::ssl::context.
template <class Stream>
struct boost_asio_tls : boost_asio {
  using connection = Stream;

  struct context {
    boost::asio::ssl::context value;
    explicit context(role side, const tls_parameters& tls = {})
        : value(side == role::server ? boost::asio::ssl::context::tls_server
                                     : boost::asio::ssl::context::tls_client) {
      configure(value.native_handle(), side, tls);
    }
  };

  static connection open(loop& where, context& settings, unique_fd fd) {
    return connection(adopt(where, std::move(fd)), settings.value);
  }
  static task<connection> accept(loop&, context& settings, acceptor& from) {
    socket accepted = co_await from.async_accept(boost::asio::use_awaitable);
    accepted.set_option(boost::asio::ip::tcp::no_delay(true));
    co_return connection(std::move(accepted), settings.value);
  }
  static task<void> handshake(connection& stream, role side) {
    return stream.async_handshake(side == role::server ? boost::asio::ssl::stream_base::server
                                                       : boost::asio::ssl::stream_base::client,
                                  boost::asio::use_awaitable);
  }
  static SSL* native(connection& stream) { return stream.native_handle(); }
  static void check(connection& stream) { check_session(stream.native_handle()); }
};

} // namespace bench

#endif
