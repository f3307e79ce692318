// SPDX-License-Identifier: BSL-1.0
// Does every operation work with every completion token that is not a coroutine: callbacks of all kinds,
// futures, deferred, detached, and the adaptors?
#define BOOST_TEST_MODULE adapter_handlers
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 with sanitizers takes a variable inside Boost's use_future for uninitialised.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "token_matrix.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/consign.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/prepend.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <memory>

namespace tlsmode::test {

// Starts nothing, but asks where the operation would run.
struct where_it_runs {
  net::any_io_executor* to;
};

} // namespace tlsmode::test

template <class... Signature>
class boost::asio::async_result<tlsmode::test::where_it_runs, Signature...> {
 public:
  using return_type = void;
  template <class Initiation, class... Args>
  static void initiate(const Initiation& initiation, tlsmode::test::where_it_runs token, Args&&...) {
    *token.to = get_associated_executor(initiation);
  }
};

BOOST_AUTO_TEST_SUITE(tokens)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

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

// A future's result, once it is there.
template <class T>
void take(std::shared_ptr<std::future<T>> future, seen& s) {
  s.poll = [future, &s] {
    if (future->wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
    try {
      if constexpr (std::is_void_v<T>) {
        future->get();
        s({});
      } else {
        s({}, future->get());
      }
    } catch (const boost::system::system_error& e) {
      s(e.code());
    }
  };
}

} // namespace

BOOST_AUTO_TEST_CASE(callback) {
  every_operation(
      [](net::io_context&, seen& s, auto start) { start([&s](auto... result) { s(result...); }); });
}

BOOST_AUTO_TEST_CASE(move_only_callback) {
  every_operation([](net::io_context&, seen& s, auto start) { start(move_only(s)); });
}

BOOST_AUTO_TEST_CASE(lvalue_callback_is_not_moved_from) {
  every_operation([](net::io_context&, seen& s, auto start) {
    copied callback(s);
    start(callback);
    BOOST_TEST((callback.to != nullptr));
  });
  every_operation([](net::io_context&, seen& s, auto start) {
    const copied callback(s);
    start(callback);
  });
}

BOOST_AUTO_TEST_CASE(any_completion_handler) {
  every_operation([](net::io_context&, seen& s, auto start) {
    net::any_completion_handler<typename decltype(start)::signature> handler(move_only{s});
    start(std::move(handler));
  });
}

BOOST_AUTO_TEST_CASE(use_future) {
  every_operation([](net::io_context&, seen& s, auto start) {
    auto future = start(net::use_future);
    take(std::make_shared<decltype(future)>(std::move(future)), s);
  });
}

// A future of a function's result: the function gets the error and the number itself.
BOOST_AUTO_TEST_CASE(use_future_with_a_function) {
  every_operation([](net::io_context&, seen& s, auto start) {
    auto future = start(net::use_future([&s](auto... result) { s(result...); }));
    BOOST_TEST(future.valid());
  });
}

// Neither as_tuple nor redirect_error takes a future in Boost 1.81; in coroutines they are tested elsewhere.
BOOST_AUTO_TEST_CASE(as_tuple) {
  every_operation([](net::io_context&, seen& s, auto start) {
    start(net::as_tuple([&s](const auto& result) { std::apply([&s](auto... r) { s(r...); }, result); }));
  });
}

BOOST_AUTO_TEST_CASE(redirect_error) {
  every_operation([](net::io_context&, seen& s, auto start) {
    const auto ec = std::make_shared<error_code>(net::error::eof);
    start(net::redirect_error([&s, ec](auto... n) { s(*ec, n...); }, *ec));
  });
}

BOOST_AUTO_TEST_CASE(append) {
  every_operation([](net::io_context&, seen& s, auto start) {
    start(net::append(
        [&s](error_code ec, auto... rest) {
          const auto all = std::make_tuple(std::size_t{0}, rest...); // maybe a number, the text, the pointer
          constexpr std::size_t last = sizeof...(rest);
          BOOST_TEST(std::get<last - 1>(all) == "more");
          BOOST_TEST(*std::get<last>(all) == 7);
          if constexpr (last == 3)
            s(ec, std::get<1>(all));
          else
            s(ec);
        },
        std::string("more"), std::make_shared<int>(7)));
  });
}

BOOST_AUTO_TEST_CASE(prepend) {
  every_operation([](net::io_context&, seen& s, auto start) {
    start(net::prepend(
        [&s](const std::unique_ptr<int>& first, auto... result) {
          BOOST_TEST(*first == 7);
          s(result...);
        },
        std::make_unique<int>(7)));
  });
}

// What is consigned lives until the handler has run.
BOOST_AUTO_TEST_CASE(consign) {
  every_operation([](net::io_context&, seen& s, auto start) {
    auto kept = std::make_shared<int>(7);
    const std::weak_ptr<int> watch = kept;
    start(net::consign(
        [&s, watch](auto... result) {
          BOOST_TEST(!watch.expired());
          s(result...);
        },
        std::move(kept)));
    BOOST_TEST(!watch.expired());
  });
}

BOOST_AUTO_TEST_CASE(deferred) {
  every_operation(
      [](net::io_context&, seen& s, auto start) { start(net::deferred)([&s](auto... r) { s(r...); }); });
}

BOOST_AUTO_TEST_CASE(deferred_and_composed) {
  every_operation([](net::io_context&, seen& s, auto start) {
    start(net::deferred([&s](auto... result) {
      s(result...);
      return net::deferred.values();
    }))([] {});
  });
}

// Deferred operations begin when they are launched, not before, and may be kept and moved meanwhile.
BOOST_AUTO_TEST_CASE(deferred_begins_when_it_is_launched) {
  our_client p;
  const operation peer = start_handshake(p.server, as_server);
  auto handshake = p.client.async_handshake(as_client, net::deferred);
  settle(p.io);
  BOOST_TEST(p.client.stats().cipher_written == 0U);
  auto moved = std::move(handshake);
  seen s;
  std::move(moved)(move_only(s));
  run_until(p.io, [&] { return s.calls == 1 && peer.done(); });
  BOOST_TEST(s.ec == error_code());
}

// What a token does beside the operation it can do where the stream's operations run.
BOOST_AUTO_TEST_CASE(a_token_is_told_where_the_operation_runs) {
  our_client p;
  net::any_io_executor where;
  std::array<char, 10> room{};
  const auto check = [&](const char* name) {
    BOOST_TEST((where == p.client.get_executor()), name);
    where = nullptr;
  };
  p.client.async_handshake(as_client, where_it_runs{&where});
  check("handshake");
  p.client.async_read_some(net::buffer(room), where_it_runs{&where});
  check("read");
  p.client.async_write_some(net::buffer(room), where_it_runs{&where});
  check("write");
  p.client.async_wait(net::socket_base::wait_read, where_it_runs{&where});
  check("wait");
  p.client.async_shutdown(where_it_runs{&where});
  check("shutdown");
}

// Nobody hears of the result: what the peer sees of it must do.
BOOST_AUTO_TEST_CASE(detached) {
  our_client p;
  operation peer = start_handshake(p.server, as_server);
  std::array<char, 10> room{}, peer_room{};
  p.client.async_handshake(as_client, net::detached);
  run_until(p.io, [&] { return peer.done(); });
  settle(p.io);
  p.client.async_wait(net::socket_base::wait_write, net::detached);
  settle(p.io);
  peer = start_read(p.server, net::buffer(peer_room));
  p.client.async_write_some(net::buffer("ping", 4), net::detached);
  run_until(p.io, [&] { return peer.done(); });
  BOOST_TEST(std::string_view(peer_room.data(), peer.bytes()) == "ping");
  p.client.async_wait(net::socket_base::wait_read, net::detached);
  peer = start_write(p.server, net::buffer("pong", 4));
  run_until(p.io, [&] { return p.client.pending() == 4; });
  p.client.async_read_some(net::buffer(room), net::detached);
  settle(p.io);
  BOOST_TEST(std::string_view(room.data(), 4) == "pong");
  p.client.async_shutdown(shutdown_form::drain, net::detached);
  peer = start_shutdown(p.server);
  run_until(p.io, [&] { return peer.done(); });
  BOOST_TEST(peer.ec() == error_code());
  for (const char* name : {"handshake", "wait for writing", "write", "wait for reading", "read", "shutdown"})
    conforms("tokens", "detached", name);
}

BOOST_AUTO_TEST_CASE(detached_handshake_that_has_begun) {
  our_server p;
  const operation peer = start_handshake(p.client, as_client);
  wait_for_bytes(p.server.next_layer());
  std::vector<char> hello(p.server.next_layer().available());
  p.server.next_layer().read_some(net::buffer(hello));
  p.server.async_handshake(as_server, net::buffer(hello), net::detached);
  run_until(p.io, [&] { return peer.done() && p.server.state() == connection_state::open; });
  BOOST_TEST(peer.good());
  conforms("tokens", "detached", "handshake that has begun");
}

BOOST_AUTO_TEST_SUITE_END()
