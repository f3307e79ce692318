// SPDX-License-Identifier: BSL-1.0
// The short samples of docs/*.md, so that they compile. A test compares them; nothing here runs.
#include <tlsmode/asio/stream.hpp>
#include <tlsmode/context.hpp>
#include <tlsmode/signer.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>

namespace net = boost::asio;
namespace beast = boost::beast;
using tcp = net::ip::tcp;

// ---- docs/migrating.md ----

namespace the_alias {
// was: template <class NextLayer> using tls_stream = boost::asio::ssl::stream<NextLayer>;
template <class NextLayer>
using tls_stream = tlsmode::stream<NextLayer>;
} // namespace the_alias

namespace the_alias_for_beast {
// was: using https_stream = beast::ssl_stream<beast::tcp_stream>;
using https_stream = tlsmode::stream<beast::tcp_stream>;
using secure_websocket = beast::websocket::stream<https_stream>; // needs no <boost/beast/websocket/ssl.hpp>
} // namespace the_alias_for_beast

net::awaitable<void> cancelled_write(tlsmode::stream<tcp::socket>& tls, const std::string& data) {
  using namespace net::experimental::awaitable_operators;
  using namespace std::chrono_literals;
  net::steady_timer timer(tls.get_executor(), 1s);
  auto write = tls.async_write_some(net::buffer(data), net::as_tuple(net::use_awaitable));
  co_await (std::move(write) || timer.async_wait(net::use_awaitable));
}

net::awaitable<void> deadlines(tlsmode::stream<tcp::socket>& tls) {
  using namespace std::chrono_literals;
  tls.expires_after(10s);
  co_await tls.async_handshake(tls.server, net::use_awaitable); // timed_out after 10 seconds
  tls.expires_never();
}

net::awaitable<void> readiness(tlsmode::stream<tcp::socket>& tls) {
  co_await tls.async_wait(tcp::socket::wait_read, net::use_awaitable); // no buffer is tied up meanwhile
  std::string data(tls.pending(), '\0');
  data.resize(co_await tls.async_read_some(net::buffer(data), net::use_awaitable));
}

net::awaitable<void> again(tlsmode::stream<tcp::socket>& tls, const tcp::endpoint& server) {
  tls.next_layer().close();
  tls.reset(); // host name, verification and modes stay
  co_await tls.next_layer().async_connect(server, net::use_awaitable);
  co_await tls.async_handshake(tls.client, net::use_awaitable);
}

net::awaitable<void> leave(tlsmode::stream<tcp::socket> tls) {
  tls.set_read_ahead(0); // before the handshake: nothing beyond TLS is to be read
  co_await tls.async_handshake(tls.server, net::use_awaitable);
  co_await tls.async_shutdown(net::use_awaitable);
  auto [socket, unread] = tls.release();
  std::cout << socket.is_open() << unread.size();
}

net::awaitable<void> of_its_own_context(const tcp::endpoint& server) {
  auto context = tlsmode::context::client(); // TLS 1.2 or newer, verifies, wants a host name
  if (auto ec = context.trust_system()) throw std::system_error(ec);
  tlsmode::stream<tcp::socket> tls(co_await net::this_coro::executor, context);
  tls.set_host("example.com"); // SNI, and the check of the certificate
  co_await tls.next_layer().async_connect(server, net::use_awaitable);
  co_await tls.async_handshake(tls.client, net::use_awaitable);
}

net::awaitable<void> say_why(tlsmode::stream<tcp::socket>& tls) {
  auto [ec] = co_await tls.async_handshake(tls.client, net::as_tuple(net::use_awaitable));
  if (ec)
    std::cerr << tls.last_failure().to_string() << '\n'; // the reason why the certificate was refused, too
}

void modes_of_the_stream(tlsmode::stream<tcp::socket>& tls) {
  // was: SSL_set_mode(tls.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  tls.set_mode(tlsmode::mode::release_buffers);
}

// ---- docs/modes.md ----

void modes(tlsmode::stream<tcp::socket>& tls) {
  tls.set_mode(tlsmode::mode::async | tlsmode::mode::release_buffers); // those set earlier stay
  tls.clear_mode(tlsmode::mode::enable_partial_write);
  std::cout << to_string(tls.mode()); // "accept_moving_write_buffer,auto_retry,release_buffers,async"
  auto from_config = tlsmode::parse_modes("enable_partial_write|SSL_MODE_ASYNC");
  if (from_config) tls.set_mode(*from_config);
}

// ---- docs/cancellation.md ----

net::awaitable<void> limits(tlsmode::stream<tcp::socket>& tls, net::mutable_buffer buffer) {
  using namespace std::chrono_literals;
  tls.expires_after(10s);
  co_await tls.async_handshake(tls.server,
                               net::use_awaitable); // boost::asio::error::timed_out if it takes longer
  tls.expires_after(60s);
  std::size_t n = co_await tls.async_read_some(buffer, net::use_awaitable);
  tls.expires_never();
  std::cout << n;
}

// ---- docs/shutdown.md ----

net::awaitable<void> forms(tlsmode::stream<tcp::socket>& tls, net::use_awaitable_t<> token) {
  co_await tls.async_shutdown(tlsmode::shutdown_form::send_only, token);
  co_await tls.async_shutdown(tlsmode::shutdown_form::wait_for_peer, token); // also: async_shutdown(token)
  co_await tls.async_shutdown(tlsmode::shutdown_form::drain, token);
}

// ---- docs/async.md ----

namespace a_key_on_a_thread_of_its_own {
net::awaitable<void> serve(tlsmode::stream<tcp::socket> tls) {
  co_await tls.async_handshake(tls.server, net::use_awaitable); // suspended while the signature is made
  co_await tls.async_shutdown(net::use_awaitable);
}

net::awaitable<void> listen(tcp::acceptor& acceptor) {
  net::ssl::context ctx(net::ssl::context::tls_server);
  ctx.use_certificate_chain_file("chain.pem");
  const auto pool =
      std::make_shared<tlsmode::thread_pool_signer>(tlsmode::load_private_key_file("key.pem"), 1);
  if (auto ec = tlsmode::use_signer(ctx.native_handle(), pool)) throw std::system_error(ec);
  for (;;) {
    tlsmode::stream<tcp::socket> tls(co_await acceptor.async_accept(net::use_awaitable), ctx);
    net::co_spawn(acceptor.get_executor(), serve(std::move(tls)), net::detached);
  }
}
} // namespace a_key_on_a_thread_of_its_own
