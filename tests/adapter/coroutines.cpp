// SPDX-License-Identifier: BSL-1.0
// Does the stream work in coroutines: use_awaitable with and without adaptors, as the default token of its
// executor, and raced against a timer with the awaitable operators?
#include "asio_fixture.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <exception>

BOOST_AUTO_TEST_SUITE(coroutines)

using namespace tlsmode;
using namespace tlsmode::test;
using namespace net::experimental::awaitable_operators;

namespace {

// Runs coroutines to their end; what they throw is thrown here.
class session {
 public:
  explicit session(net::io_context& io) : io_(io) {}
  void add(net::awaitable<void> what) {
    ++running_;
    net::co_spawn(io_, std::move(what), [this](std::exception_ptr e) {
      --running_;
      if (e && !thrown_) thrown_ = e;
    });
  }
  void run() {
    run_until(io_, [&] { return running_ == 0 || thrown_; });
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  net::io_context& io_;
  int running_ = 0;
  std::exception_ptr thrown_;
};

// The peer: sends back what it gets, until the end.
net::awaitable<void> echo(asio_stream& s) {
  co_await s.async_handshake(as_server, net::use_awaitable);
  std::array<char, 1000> room{};
  for (;;) {
    const auto [ec, n] = co_await s.async_read_some(net::buffer(room), net::as_tuple(net::use_awaitable));
    if (ec) break;
    co_await net::async_write(s, net::buffer(room, n), net::use_awaitable);
  }
  co_await s.async_shutdown(net::use_awaitable);
}

net::awaitable<void> pause(net::io_context& io) {
  net::steady_timer timer(io, std::chrono::milliseconds(1));
  co_await timer.async_wait(net::use_awaitable);
}

using default_socket = net::use_awaitable_t<>::as_default_on_t<tcp_socket>;
static_assert(std::is_same_v<stream<tcp_socket>::rebind_executor<default_socket::executor_type>::other,
                             stream<default_socket>>);

} // namespace

BOOST_AUTO_TEST_CASE(all_operations_with_use_awaitable) {
  our_client p;
  session all(p.io);
  all.add(echo(p.server));
  all.add([](tls_stream& s) -> net::awaitable<void> {
    co_await s.async_handshake(as_client, net::use_awaitable);
    const std::string text = random_bytes(100000, 1);
    std::string back(text.size(), '\0');
    co_await (net::async_write(s, net::buffer(text), net::use_awaitable) &&
              net::async_read(s, net::buffer(back), net::use_awaitable));
    BOOST_TEST((back == text));
    co_await s.async_shutdown(net::use_awaitable);
  }(p.client));
  all.run();
}

BOOST_AUTO_TEST_CASE(adaptors_on_use_awaitable) {
  our_client p;
  session all(p.io);
  all.add(echo(p.server));
  all.add([](tls_stream& s) -> net::awaitable<void> {
    error_code ec = net::error::eof;
    co_await s.async_handshake(as_client, net::redirect_error(net::use_awaitable, ec));
    BOOST_TEST(ec == error_code());
    const auto [we, written] =
        co_await s.async_write_some(net::buffer("hello", 5), net::as_tuple(net::use_awaitable));
    BOOST_TEST(we == error_code());
    BOOST_TEST(written == 5U);
    std::array<char, 10> room{};
    const std::size_t n =
        co_await s.async_read_some(net::buffer(room), net::redirect_error(net::use_awaitable, ec));
    BOOST_TEST(std::string_view(room.data(), n) == "hello");
    const auto [se] = co_await s.async_shutdown(net::as_tuple(net::use_awaitable));
    BOOST_TEST(se == error_code());
    try {
      co_await s.async_write_some(net::buffer("late", 4), net::use_awaitable);
      BOOST_ERROR("a write after shutdown must fail");
    } catch (const boost::system::system_error& e) {
      BOOST_TEST(e.code() == tlsmode::error::write_after_shutdown);
    }
  }(p.client));
  all.run();
}

BOOST_AUTO_TEST_CASE(as_the_default_token) {
  net::io_context io;
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor());
  stream<default_socket> client(std::move(sockets.first), client_settings);
  asio_stream server(std::move(sockets.second), server_settings);
  session all(io);
  all.add(echo(server));
  all.add([](stream<default_socket>& s) -> net::awaitable<void> {
    co_await s.async_handshake(as_client);
    std::array<char, 4> room{'p', 'i', 'n', 'g'};
    co_await s.async_write_some(net::buffer(room));
    BOOST_TEST(co_await s.async_read_some(net::buffer(room)) == 4U);
    co_await s.async_shutdown();
  }(client));
  all.run();
}

BOOST_AUTO_TEST_CASE(a_read_that_lost_to_a_timer_has_lost_nothing) {
  our_client p;
  session all(p.io);
  all.add(echo(p.server));
  all.add([](net::io_context& io, tls_stream& s) -> net::awaitable<void> {
    co_await s.async_handshake(as_client, net::use_awaitable);
    std::array<char, 10> room{};
    for (int i = 0; i < 20; ++i) {
      const auto first = co_await (s.async_read_some(net::buffer(room), net::use_awaitable) || pause(io));
      BOOST_TEST(first.index() == 1U);
    }
    co_await s.async_write_some(net::buffer("hello", 5), net::use_awaitable);
    const auto second = co_await (s.async_read_some(net::buffer(room), net::use_awaitable) || pause(io));
    const std::size_t n = second.index() == 0
                              ? std::get<0>(second)
                              : co_await s.async_read_some(net::buffer(room), net::use_awaitable);
    BOOST_TEST(std::string_view(room.data(), n) == "hello");
    co_await s.async_shutdown(net::use_awaitable);
  }(p.io, p.client));
  all.run();
}

BOOST_AUTO_TEST_CASE(a_handshake_that_lost_to_a_timer_is_gone_on_with) {
  our_client p;
  session all(p.io);
  all.add([](net::io_context& io, tls_stream& s) -> net::awaitable<void> {
    const auto first = co_await (s.async_handshake(as_client, net::use_awaitable) || pause(io));
    BOOST_TEST(first.index() == 1U, "the peer is silent");
  }(p.io, p.client));
  all.run();
  all.add(echo(p.server));
  all.add([](tls_stream& s) -> net::awaitable<void> {
    co_await s.async_handshake(as_client, net::use_awaitable);
    co_await s.async_shutdown(net::use_awaitable);
  }(p.client));
  all.run();
}

BOOST_AUTO_TEST_CASE(a_blocked_write_loses_to_a_timer_and_the_session_goes_on) {
  open_pair<our_client> p({TLS1_3_VERSION, tiny});
  const std::string text = random_bytes(500000, 1);
  std::size_t sent = 0;
  session all(p.io);
  all.add([](open_pair<our_client>& pair, const std::string& bytes, std::size_t& n) -> net::awaitable<void> {
    const auto write = [](tls_stream& s, const std::string& b, std::size_t& done) -> net::awaitable<void> {
      const auto [ec, k] = co_await s.async_write_some(net::buffer(b), net::as_tuple(net::use_awaitable));
      BOOST_TEST(ec == net::error::operation_aborted);
      done = k;
    };
    const auto first = co_await (pause(pair.io) || write(pair.client, bytes, n));
    BOOST_TEST(first.index() == 0U);
  }(p, text, sent));
  all.run();
  BOOST_TEST(sent != 0U);
  receiver in(p.server);
  in.start(sent + 3);
  const operation end = start_write(p.client, net::buffer("end", 3));
  run_until(p.io, [&] { return end.done() && in.done(); });
  BOOST_TEST((in.data().substr(0, sent) == text.substr(0, sent)));
  BOOST_TEST(in.data().substr(sent) == "end");
}

BOOST_AUTO_TEST_SUITE_END()
