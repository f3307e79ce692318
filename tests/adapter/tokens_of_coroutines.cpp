// SPDX-License-Identifier: BSL-1.0
// Does every operation work with every completion token of coroutines: use_awaitable with and without
// adaptors, the awaitable operators, parallel groups, and Boost's stackful coroutines where they are
// installed?
#include "token_matrix.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#if defined(TLSMODE_TEST_YIELD)
#include <boost/asio/spawn.hpp>
#endif
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>

using namespace tlsmode;
using namespace tlsmode::test;
using namespace net::experimental::awaitable_operators;

namespace {

void tell(seen& s, error_code ec) { s(ec); }
void tell(seen& s, error_code ec, std::size_t n) { s(ec, n); }
template <class... Result>
void tell(seen& s, const std::tuple<Result...>& result) {
  std::apply(s, result);
}
void tell(seen& s, error_code, const std::tuple<error_code>& result) { s(std::get<0>(result)); }
void tell(seen& s, error_code, const std::tuple<error_code, std::size_t>& r) {
  s(std::get<0>(r), std::get<1>(r));
}

// Waits for an operation; `ec` is where its token puts the error if it does not throw.
template <class T>
net::awaitable<void> wait_for(seen& s, net::awaitable<T> what, std::shared_ptr<error_code> ec) {
  error_code thrown;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(what);
      tell(s, *ec);
    } else {
      const T result = co_await std::move(what);
      tell(s, *ec, result);
    }
    co_return;
  } catch (const boost::system::system_error& e) {
    thrown = e.code();
  }
  s(thrown);
}

template <class T>
void spawn(net::io_context& io, seen& s, net::awaitable<T> what,
           std::shared_ptr<error_code> ec = std::make_shared<error_code>()) {
  net::co_spawn(io, wait_for(s, std::move(what), std::move(ec)), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
}

// Never comes first.
net::awaitable<void> an_hour(net::io_context& io) {
  net::steady_timer timer(io, std::chrono::hours(1));
  co_await timer.async_wait(net::use_awaitable);
}
template <class T>
net::awaitable<T> race(net::io_context& io, net::awaitable<T> what) {
  auto first = co_await (std::move(what) || an_hour(io));
  BOOST_TEST(first.index() == 0U);
  if constexpr (!std::is_void_v<T>) co_return std::get<0>(first);
}

#if defined(TLSMODE_TEST_YIELD)
template <class Start>
void call(seen& s, const Start& start, net::yield_context token, const error_code& ec) {
  if constexpr (std::is_void_v<decltype(start(token))>) {
    start(token);
    s(ec);
  } else {
    const std::size_t n = start(token);
    s(ec, n);
  }
}
void rethrow(std::exception_ptr e) {
  if (e) std::rethrow_exception(e);
}
#endif

} // namespace

BOOST_AUTO_TEST_SUITE(tokens_of_coroutines)

BOOST_AUTO_TEST_CASE(use_awaitable) {
  every_operation([](net::io_context& io, seen& s, auto start) { spawn(io, s, start(net::use_awaitable)); });
}

BOOST_AUTO_TEST_CASE(use_awaitable_as_tuple) {
  every_operation([](net::io_context& io, seen& s, auto start) {
    spawn(io, s, start(net::as_tuple(net::use_awaitable)));
  });
}

BOOST_AUTO_TEST_CASE(use_awaitable_with_redirect_error) {
  every_operation([](net::io_context& io, seen& s, auto start) {
    const auto ec = std::make_shared<error_code>(net::error::eof);
    spawn(io, s, start(net::redirect_error(net::use_awaitable, *ec)), ec);
  });
}

// An operation that failed has not won: with as_tuple there is no failure.
BOOST_AUTO_TEST_CASE(one_of_two_awaitables) {
  every_operation([](net::io_context& io, seen& s, auto start) {
    spawn(io, s, race(io, start(net::as_tuple(net::use_awaitable))));
  });
}

BOOST_AUTO_TEST_CASE(both_of_two_awaitables) {
  every_operation([](net::io_context& io, seen& s, auto start) {
    spawn(io, s, start(net::use_awaitable) && net::post(io, net::use_awaitable));
  });
}

// Two operations in a group of which all are waited for, and one that ends before the other.
BOOST_AUTO_TEST_CASE(parallel_group) {
  every_operation([](net::io_context& io, seen& s, auto start) {
    const auto timer = std::make_shared<net::steady_timer>(io, std::chrono::hours(1));
    net::experimental::make_parallel_group(start(net::deferred), timer->async_wait(net::deferred))
        .async_wait(net::experimental::wait_for_one(),
                    [&s, timer](std::array<std::size_t, 2> order, error_code ec, auto... rest) {
                      BOOST_TEST(order[0] == 0U);
                      const auto all = std::make_tuple(rest...); // maybe a number, then the timer's result
                      BOOST_TEST(std::get<sizeof...(rest) - 1>(all) == net::error::operation_aborted);
                      if constexpr (sizeof...(rest) == 2)
                        s(ec, std::get<0>(all));
                      else
                        s(ec);
                    });
  });
}

#if defined(TLSMODE_TEST_YIELD)
BOOST_AUTO_TEST_CASE(yield_context) {
  every_operation([](net::io_context& io, seen& s, auto start) {
    net::spawn(
        io,
        [&s, start](net::yield_context yield) {
          error_code thrown;
          try {
            return call(s, start, yield, {});
          } catch (const boost::system::system_error& e) {
            thrown = e.code();
          }
          s(thrown);
        },
        rethrow);
  });
}

BOOST_AUTO_TEST_CASE(yield_context_with_an_error_code) {
  every_operation([](net::io_context& io, seen& s, auto start) {
    net::spawn(
        io,
        [&s, start](net::yield_context yield) {
          error_code ec = net::error::eof;
          call(s, start, yield[ec], ec);
        },
        rethrow);
  });
}
#endif

BOOST_AUTO_TEST_SUITE_END()
