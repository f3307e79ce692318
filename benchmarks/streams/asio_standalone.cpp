// SPDX-License-Identifier: BSL-1.0
// asio::ssl::stream of standalone Asio, which is another version than Boost's and needs no Boost.
#include "adapter.hpp"
#include "asio_loop.hpp"
#include "registry.hpp"
#include "scenarios/run.hpp"

#define ASIO_STANDALONE
#include <array>
#include <asio.hpp>
#include <asio/ssl.hpp>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

struct asio_standalone : asio_loop<asio::io_context> {
  template <class T>
  using task = asio::awaitable<T>;
  using socket = asio::ip::tcp::socket;
  using connection = asio::ssl::stream<socket>;

  struct context {
    asio::ssl::context value;
    explicit context(role side, const tls_parameters& tls = {})
        : value(side == role::server ? asio::ssl::context::tls_server : asio::ssl::context::tls_client) {
      configure(value.native_handle(), side, tls);
    }
  };

  static connection open(loop& where, context& settings, unique_fd fd) {
    return connection(socket(where.io, asio::ip::tcp::v4(), fd.release()), settings.value);
  }
  static task<void> handshake(connection& stream, role side) {
    return stream.async_handshake(side == role::server ? asio::ssl::stream_base::server
                                                       : asio::ssl::stream_base::client,
                                  asio::use_awaitable);
  }
  static task<std::size_t> read_some(connection& from, std::span<std::byte> to) {
    return from.async_read_some(asio::buffer(to.data(), to.size()), asio::use_awaitable);
  }
  static task<std::size_t> write_all(connection& to, std::span<const std::byte> from) {
    return asio::async_write(to, asio::buffer(from.data(), from.size()), asio::use_awaitable);
  }
  static task<std::size_t> write_sequence(connection& to, std::span<const std::span<const std::byte>> from) {
    std::array<asio::const_buffer, 16> buffers;
    if (from.size() > buffers.size()) throw std::logic_error("too many buffers");
    for (std::size_t i = 0; i < from.size(); ++i) buffers[i] = asio::buffer(from[i].data(), from[i].size());
    co_return co_await asio::async_write(to, std::span<const asio::const_buffer>(buffers.data(), from.size()),
                                         asio::use_awaitable);
  }
  static SSL* native(connection& stream) { return stream.native_handle(); }
  static void check(connection& stream) { check_session(stream.native_handle()); }

  static void spawn(loop& where, task<void> what, std::function<void(std::exception_ptr)> done) {
    asio::co_spawn(where.io, std::move(what), std::move(done));
  }

  using acceptor = asio::ip::tcp::acceptor;
  static acceptor listen(loop& owner, unique_fd fd) {
    return acceptor(owner.io, asio::ip::tcp::v4(), fd.release());
  }
  static task<connection> accept(loop&, context& settings, acceptor& from) {
    socket accepted = co_await from.async_accept(asio::use_awaitable);
    accepted.set_option(asio::ip::tcp::no_delay(true));
    co_return connection(std::move(accepted), settings.value);
  }
  static task<void> sleep_until(loop& owner, std::chrono::steady_clock::time_point time) {
    asio::steady_timer timer(owner.io, time);
    co_await timer.async_wait(asio::use_awaitable);
  }
};

std::string library() {
  return "Asio " + std::to_string(ASIO_VERSION / 100'000) + "." + std::to_string(ASIO_VERSION / 100 % 1000) +
         "." + std::to_string(ASIO_VERSION % 100);
}

} // namespace

const stream_type asio_standalone_stream{"asio-standalone",
                                         "standalone asio::ssl",
                                         run<asio_standalone>,
                                         false,
                                         server_adapter<asio_standalone>,
                                         library};

} // namespace bench
