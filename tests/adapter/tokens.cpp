// SPDX-License-Identifier: BSL-1.0
// Does every operation work with every completion token that is not a coroutine: callbacks of all kinds,
// futures, deferred, detached, and the adaptors?
#define BOOST_TEST_MODULE adapter_handlers
#include "asio_fixture.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <memory>

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

// A client under test and a peer that follows: handshake, "ping" to it, "pong" back, close.
struct script : our_client {
  std::array<char, 10> room{};
  std::array<char, 10> peer_room{};
  std::array<char, 4> pong{'p', 'o', 'n', 'g'};
  operation peer;

  net::mutable_buffer to() { return net::buffer(room); }
  static net::const_buffer from() { return {"ping", 4}; }

  void peer_shakes_hands() { peer = start_handshake(server, as_server); }
  void peer_sends() { peer = start_write(server, net::buffer(pong)); }
  void peer_closes() { peer = start_shutdown(server); }
  void peer_gets_ping() {
    const operation read = start_read(server, net::buffer(peer_room));
    run_until(io, [&] { return read.done(); });
    BOOST_TEST(std::string_view(peer_room.data(), read.bytes()) == "ping");
  }
  void check_pong(std::size_t n) { BOOST_TEST(std::string_view(room.data(), n) == "pong"); }
};

// What a callback saw.
struct seen {
  int calls = 0;
  error_code ec;
  std::size_t bytes = 0;
  void operator()(error_code e, std::size_t n = 0) {
    ++calls;
    ec = e;
    bytes = n;
  }
};

struct move_only {
  std::unique_ptr<seen*> to;
  explicit move_only(seen& s) : to(std::make_unique<seen*>(&s)) {}
  void operator()(error_code e, std::size_t n = 0) const { (**to)(e, n); }
};

struct copied {
  std::shared_ptr<seen*> to;
  explicit copied(seen& s) : to(std::make_shared<seen*>(&s)) {}
  void operator()(error_code e, std::size_t n = 0) const { (**to)(e, n); }
};

// Runs the four operations with callbacks made by `make`.
template <class Make>
void run_with_callbacks(Make make) {
  script p;
  seen s;
  const auto finished = [&](int calls) {
    run_until(p.io, [&] { return s.calls == calls && p.peer.done(); });
    BOOST_TEST(s.ec == error_code());
  };
  p.peer_shakes_hands();
  make(s, [&](auto&& token) { p.client.async_handshake(as_client, std::forward<decltype(token)>(token)); });
  finished(1);
  make(s, [&](auto&& token) { p.client.async_write_some(p.from(), std::forward<decltype(token)>(token)); });
  finished(2);
  BOOST_TEST(s.bytes == 4U);
  p.peer_gets_ping();
  p.peer_sends();
  make(s, [&](auto&& token) { p.client.async_read_some(p.to(), std::forward<decltype(token)>(token)); });
  finished(3);
  p.check_pong(s.bytes);
  p.peer_closes();
  make(s, [&](auto&& token) { p.client.async_shutdown(std::forward<decltype(token)>(token)); });
  finished(4);
}

// Runs the four operations with use_future.
void run_with_futures() {
  constexpr auto token = net::use_future;
  script p;
  const auto result = [&](auto future) {
    run_until(p.io, [&] {
      return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready && p.peer.done();
    });
    return future;
  };
  p.peer_shakes_hands();
  result(p.client.async_handshake(as_client, token)).get();
  BOOST_TEST(result(p.client.async_write_some(p.from(), token)).get() == 4U);
  p.peer_gets_ping();
  p.peer_sends();
  p.check_pong(result(p.client.async_read_some(p.to(), token)).get());
  p.peer_closes();
  result(p.client.async_shutdown(token)).get();
}

} // namespace

BOOST_AUTO_TEST_SUITE(tokens)

BOOST_AUTO_TEST_CASE(move_only_callback) {
  run_with_callbacks([](seen& s, auto start) { start(move_only(s)); });
}

BOOST_AUTO_TEST_CASE(lvalue_callback_is_not_moved_from) {
  run_with_callbacks([](seen& s, auto start) {
    copied callback(s);
    start(callback);
    BOOST_TEST((callback.to != nullptr));
  });
  run_with_callbacks([](seen& s, auto start) {
    const copied callback(s);
    start(callback);
  });
}

BOOST_AUTO_TEST_CASE(use_future) { run_with_futures(); }

BOOST_AUTO_TEST_CASE(use_future_reports_errors_as_exceptions) {
  script p;
  auto future = p.client.async_read_some(p.to(), net::use_future);
  run_until(p.io, [&] { return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
  BOOST_CHECK_EXCEPTION(future.get(), boost::system::system_error, [](const auto& e) {
    return e.code() == tlsmode::error::handshake_needed;
  });
}

// Neither as_tuple nor redirect_error takes a future in Boost 1.81; in coroutines they are tested elsewhere.
BOOST_AUTO_TEST_CASE(as_tuple) {
  run_with_callbacks([](seen& s, auto start) {
    start(net::as_tuple([&s](const auto& result) { std::apply([&s](auto... r) { s(r...); }, result); }));
  });
}

BOOST_AUTO_TEST_CASE(redirect_error) {
  error_code ec = net::error::eof;
  run_with_callbacks([&](seen& s, auto start) {
    start(net::redirect_error([&](auto... n) { s(ec, n...); }, ec));
  });
  BOOST_TEST(ec == error_code());
}

// Deferred operations begin when they are launched, not before, and may be kept and moved meanwhile.
BOOST_AUTO_TEST_CASE(deferred) {
  script p;
  seen s;
  const auto finished = [&](int calls) {
    run_until(p.io, [&] { return s.calls == calls && p.peer.done(); });
    BOOST_TEST(s.ec == error_code());
  };
  p.peer_shakes_hands();
  auto handshake = p.client.async_handshake(as_client, net::deferred);
  settle(p.io);
  BOOST_TEST(p.client.stats().cipher_written == 0U);
  std::move(handshake)(move_only(s));
  finished(1);
  auto write = p.client.async_write_some(p.from(), net::deferred);
  std::move(write)(move_only(s));
  finished(2);
  p.peer_gets_ping();
  p.peer_sends();
  p.client.async_read_some(p.to(), net::deferred)(move_only(s));
  finished(3);
  p.check_pong(s.bytes);
  p.peer_closes();
  p.client.async_shutdown(net::deferred)(move_only(s));
  finished(4);
}

BOOST_AUTO_TEST_CASE(detached) {
  script p;
  p.peer_shakes_hands();
  p.client.async_handshake(as_client, net::detached);
  run_until(p.io, [&] { return p.peer.done(); });
  settle(p.io);
  p.client.async_write_some(p.from(), net::detached);
  p.peer_gets_ping();
  p.peer_sends();
  p.client.async_read_some(p.to(), net::detached);
  settle(p.io);
  p.check_pong(4);
  p.client.async_shutdown(net::detached);
  p.peer_closes();
  run_until(p.io, [&] { return p.peer.done(); });
  BOOST_TEST(p.peer.ec() == error_code());
}

BOOST_AUTO_TEST_SUITE_END()
