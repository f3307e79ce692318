// SPDX-License-Identifier: BSL-1.0
// A server and a client of coroutines: use_awaitable as the token that is meant when none is given, as_tuple
// in its place, and both spelled out. Written for boost::asio::ssl::stream; only the alias below tells which
// stream it is built with.
#include TLS_STREAM_HEADER
template <class NextLayer>
using tls_stream = TLS_STREAM<NextLayer>;

#include "program.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ssl.hpp>

#include <array>
#include <chrono>
#include <string>

namespace {

namespace net = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using namespace net::experimental::awaitable_operators;
using namespace std::chrono_literals;

using default_token = net::as_tuple_t<net::use_awaitable_t<>>;
using tcp_acceptor = default_token::as_default_on_t<net::ip::tcp::acceptor>;
using tcp_socket = default_token::as_default_on_t<net::ip::tcp::socket>;
using throwing_socket = net::use_awaitable_t<>::as_default_on_t<net::ip::tcp::socket>;
using tcp = net::ip::tcp;

constexpr int connections = 3;

// Says what it gets, until the end; gives up on those who say nothing for too long.
net::awaitable<void> echo(tls_stream<tcp_socket> stream) {
  auto [e1] = co_await stream.async_handshake(ssl::stream_base::server);
  say("handshake", text(e1));
  if (e1) co_return;
  std::array<char, 10'000> data{};
  net::steady_timer timer(stream.get_executor());
  std::size_t total = 0;
  error_code ended;
  while (!ended) {
    timer.expires_after(20s);
    const auto either =
        co_await (stream.async_read_some(net::buffer(data), net::as_tuple(net::use_awaitable)) ||
                  timer.async_wait(net::use_awaitable));
    if (either.index() == 1) {
      say("silence");
      co_return;
    }
    const auto [e2, n] = std::get<0>(either);
    total += n;
    ended = e2;
    if (ended) continue;
    const auto [e3, written] = co_await net::async_write(stream, net::buffer(data, n));
    if (e3) say("write", text(e3));
  }
  say("read", text(ended));
  say("echoed", std::to_string(total));
  if (ended != net::error::eof) co_return;
  auto [e4] = co_await stream.async_shutdown();
  say("shutdown", text(e4));
}

net::awaitable<void> listen(const arguments& args) {
  ssl::context ctx(ssl::context::tls_server);
  ctx.use_certificate_chain_file(args.certificate);
  ctx.use_private_key_file(args.key, ssl::context::pem);
  tcp_acceptor acceptor(co_await net::this_coro::executor, {net::ip::address_v4::loopback(), 0});
  say("port", std::to_string(acceptor.local_endpoint().port()));
  for (int i = 0; i < connections; ++i) {
    auto [ec, socket] = co_await acceptor.async_accept();
    if (ec) co_return say("accept", text(ec));
    co_await echo(tls_stream<tcp_socket>(std::move(socket), ctx));
  }
}

net::awaitable<void> talk(const arguments& args, ssl::context& ctx, bool half) {
  tls_stream<throwing_socket> stream(co_await net::this_coro::executor, ctx);
  stream.set_verify_callback(ssl::host_name_verification("localhost"));
  co_await stream.lowest_layer().async_connect({net::ip::address_v4::loopback(), args.port});
  co_await stream.async_handshake(tls_stream<throwing_socket>::client);

  const std::string there = made_up(half ? 100 : 200'000, 7);
  std::string back(there.size(), '\0');
  co_await (net::async_write(stream, net::buffer(there)) && net::async_read(stream, net::buffer(back)));
  say(there == back ? "same" : "different", brief(back));
  if (half) {
    stream.lowest_layer().shutdown(tcp::socket::shutdown_send);
    error_code ec;
    const std::size_t n =
        co_await stream.async_read_some(net::buffer(back), net::redirect_error(net::use_awaitable, ec));
    say("after that", std::to_string(n) + ' ' + text(ec));
  }
  co_await stream.async_shutdown();
  say("closed");
}

net::awaitable<void> client(const arguments& args) {
  ssl::context trusting(ssl::context::tls_client);
  trusting.load_verify_file(args.authority);
  trusting.set_verify_mode(ssl::verify_peer);
  ssl::context distrusting(ssl::context::tls_client);
  distrusting.set_verify_mode(ssl::verify_peer);
  for (int i = 0; i < connections; ++i) {
    try {
      co_await talk(args, i == 1 ? distrusting : trusting, i == 2);
    } catch (const boost::system::system_error& e) {
      say("failed:", text(e.code()));
    }
  }
}

void run(net::awaitable<void> what) {
  net::io_context io(1);
  net::co_spawn(io, std::move(what), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  io.run();
}

void run_server(const arguments& args) { run(listen(args)); }
void run_client(const arguments& args) { run(client(args)); }

} // namespace

int main(int argc, char** argv) { return run_program(argc, argv, run_server, run_client); }
