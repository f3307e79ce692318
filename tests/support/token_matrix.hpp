// SPDX-License-Identifier: BSL-1.0
// One row of the matrix operation x completion token: every initiating function of a stream, one that fails
// among them, started with a token that the test brings along.
#ifndef TLSMODE_TESTS_SUPPORT_TOKEN_MATRIX_HPP
#define TLSMODE_TESTS_SUPPORT_TOKEN_MATRIX_HPP

#include "asio_fixture.hpp"
#include "conformance.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <functional>
#include <utility>
#include <vector>

namespace tlsmode::test {

/// What a token made of the result, however it delivers it.
struct seen {
  int calls = 0;
  error_code ec;
  std::size_t bytes = 0;
  std::function<void()> poll; ///< called until the result is there, if nobody calls
  void operator()(error_code e, std::size_t n = 0) {
    ++calls;
    ec = e;
    bytes = n;
  }
};

/// An operation that begins when it is called with a token; what the token makes of that is returned.
template <class Signature, class Function>
class initiation {
 public:
  using signature = Signature;
  explicit initiation(Function f) : function_(std::move(f)) {}
  template <class Token>
  decltype(auto) operator()(Token&& token) const {
    return function_(std::forward<Token>(token));
  }

 private:
  Function function_;
};

using no_bytes = void(error_code);
using with_bytes = void(error_code, std::size_t);

/// A stream under test and a stock stream that follows. Derived from tls_pair: our_client or our_server.
template <class Pair, class Make>
class matrix_row : public Pair {
 public:
  explicit matrix_row(Make make) : make_(std::move(make)) {}

 protected:
  /// Names the operation that comes next.
  const char* begin(const char* name) { return operation_name_ = name; }
  /// Starts the operation and runs until it and the peer's are over.
  template <class Signature, class Function>
  void run(Function f, error_code expected = {}) {
    result_ = {};
    make_(this->io, result_, initiation<Signature, Function>(std::move(f)));
    run_until(this->io, [&] {
      if (result_.poll && result_.calls == 0) result_.poll();
      return result_.calls != 0 && (peer_idle_ || peer_.done());
    });
    settle(this->io);
    BOOST_TEST(result_.calls == 1);
    BOOST_TEST(result_.ec == expected);
    peer_idle_ = true;
    conforms("tokens", case_in_words(), operation_name_);
  }
  void peer_does(operation op) {
    peer_ = std::move(op);
    peer_idle_ = false;
  }
  seen result_;

 private:
  Make make_;
  operation peer_;
  bool peer_idle_ = true;
  const char* operation_name_ = "";
};

template <class Make>
class client_row : public matrix_row<our_client, Make> {
 public:
  using matrix_row<our_client, Make>::matrix_row;
  void run_all(bool choose_form) {
    auto& c = this->client;
    std::array<char, 10> room{}, peer_room{};
    const net::mutable_buffer to = net::buffer(room);
    const net::const_buffer ping("ping", 4), pong("pong", 4);
    BOOST_TEST_CONTEXT(this->begin("read that fails")) {
      this->template run<with_bytes>(
          [&c, to](auto&& t) { return c.async_read_some(to, std::forward<decltype(t)>(t)); },
          error::handshake_needed);
    }
    BOOST_TEST_CONTEXT(this->begin("handshake")) {
      this->peer_does(start_handshake(this->server, as_server));
      this->template run<no_bytes>(
          [&c](auto&& t) { return c.async_handshake(as_client, std::forward<decltype(t)>(t)); });
    }
    BOOST_TEST_CONTEXT(this->begin("wait for writing")) {
      this->template run<no_bytes>([&c](auto&& t) {
        return c.async_wait(net::socket_base::wait_write, std::forward<decltype(t)>(t));
      });
    }
    BOOST_TEST_CONTEXT(this->begin("write")) {
      this->peer_does(start_read(this->server, net::buffer(peer_room)));
      this->template run<with_bytes>(
          [&c, ping](auto&& t) { return c.async_write_some(ping, std::forward<decltype(t)>(t)); });
      BOOST_TEST(this->result_.bytes == 4U);
      BOOST_TEST(std::string_view(peer_room.data(), 4) == "ping");
    }
    BOOST_TEST_CONTEXT(this->begin("wait for reading")) {
      this->peer_does(start_write(this->server, pong));
      this->template run<no_bytes>(
          [&c](auto&& t) { return c.async_wait(net::socket_base::wait_read, std::forward<decltype(t)>(t)); });
      BOOST_TEST(c.pending() == 4U);
    }
    BOOST_TEST_CONTEXT(this->begin("read")) {
      this->template run<with_bytes>(
          [&c, to](auto&& t) { return c.async_read_some(to, std::forward<decltype(t)>(t)); });
      BOOST_TEST(std::string_view(room.data(), this->result_.bytes) == "pong");
    }
    BOOST_TEST_CONTEXT(this->begin("shutdown")) {
      this->peer_does(start_shutdown(this->server));
      if (choose_form)
        this->template run<no_bytes>(
            [&c](auto&& t) { return c.async_shutdown(shutdown_form::drain, std::forward<decltype(t)>(t)); });
      else
        this->template run<no_bytes>(
            [&c](auto&& t) { return c.async_shutdown(std::forward<decltype(t)>(t)); });
      BOOST_TEST((c.state() == connection_state::closed));
    }
  }
};

template <class Make>
class server_row : public matrix_row<our_server, Make> {
 public:
  using matrix_row<our_server, Make>::matrix_row;
  void run_buffered_handshake() {
    auto& s = this->server;
    this->peer_does(start_handshake(this->client, as_client));
    tcp_socket& socket = s.next_layer();
    poll_until_readable(socket);
    std::vector<char> hello(socket.available());
    hello.resize(socket.read_some(net::buffer(hello)));
    const net::const_buffer begun = net::buffer(hello);
    BOOST_TEST_CONTEXT(this->begin("handshake that has begun")) {
      this->template run<with_bytes>([&s, begun](auto&& t) {
        return s.async_handshake(as_server, begun, std::forward<decltype(t)>(t));
      });
      BOOST_TEST(this->result_.bytes == hello.size());
    }
  }

 private:
  void poll_until_readable(tcp_socket& socket) {
    run_until(this->io, [&] { return socket.available() != 0; });
  }
};

/// `make(io, seen, initiation)` starts the operation with its token, and sees to it that `seen` is called
/// with the result, or is told how to poll for it.
template <class Make>
void every_operation(Make make) {
  client_row<Make>(make).run_all(false);
  client_row<Make>(make).run_all(true);
  server_row<Make>(make).run_buffered_handshake();
}

} // namespace tlsmode::test

#endif
