// SPDX-License-Identifier: BSL-1.0
// Do the synchronous operations block, refuse to block, and mix with asynchronous ones as they should? D9: on
// a non-blocking socket would_block comes with n = 0, and the same call goes on.
#define BOOST_TEST_MODULE adapter_sync
#include "asio_relay.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <poll.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(synchronous)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

// Runs a blocking peer in a thread of its own; what it throws is thrown at the end.
class peer_thread {
 public:
  template <class Function>
  explicit peer_thread(Function f)
      : thread_([this, f] {
          try {
            f();
          } catch (...) {
            thrown_ = std::current_exception();
          }
        }) {}
  ~peer_thread() {
    if (thread_.joinable()) thread_.join();
  }
  void join() {
    thread_.join();
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::exception_ptr thrown_;
  std::thread thread_;
};

// Calls of poll(2) that may wait, since the last look.
std::atomic<int> waiting_polls{0};

std::vector<int> descriptors(auto& p) {
  return {p.client.lowest_layer().native_handle(), p.server.lowest_layer().native_handle()};
}

// Repeats `call` as the user of a non-blocking socket does, and lets the peer run meanwhile.
template <class Call>
auto persist(net::io_context& io, error_code& ec, Call call) {
  for (int i = 0; i < 100000; ++i) {
    const std::size_t n = call(ec);
    if (ec != net::error::would_block) return n;
    BOOST_REQUIRE(n == 0);
    io.restart();
    io.poll();
  }
  throw std::runtime_error("it would block for ever");
}

} // namespace

// Stands in for the C library's, so that a test sees who waits.
extern "C" int poll(pollfd* fds, nfds_t n, int timeout) {
  if (timeout != 0) ++waiting_polls;
  return static_cast<int>(::syscall(SYS_poll, fds, n, timeout));
}

BOOST_AUTO_TEST_CASE(a_blocking_session) {
  for (const int version : versions) {
    our_client p({version, tiny});
    const watchdog guard(descriptors(p));
    const std::string text = random_bytes(300000, 1);
    peer_thread peer([&] {
      p.server.handshake(as_server);
      std::string got(text.size(), '\0');
      net::read(p.server, net::buffer(got));
      net::write(p.server, net::buffer(got));
      p.server.shutdown();
    });
    p.client.handshake(as_client);
    BOOST_TEST(net::write(p.client, net::buffer(text)) == text.size());
    std::string back(text.size(), '\0');
    BOOST_TEST(net::read(p.client, net::buffer(back)) == text.size());
    BOOST_TEST((back == text));
    char one = 0;
    error_code ec;
    BOOST_TEST(p.client.read_some(net::buffer(&one, 1), ec) == 0U);
    BOOST_TEST(ec == net::error::eof);
    p.client.shutdown();
    peer.join();
    BOOST_TEST(!guard.fired());
  }
}

BOOST_AUTO_TEST_CASE(a_blocking_session_with_our_server_and_errors_as_exceptions) {
  our_server p({TLS1_3_VERSION});
  const watchdog guard(descriptors(p));
  peer_thread peer([&] {
    p.client.handshake(as_client);
    net::write(p.client, net::buffer("hello", 5));
    p.client.shutdown();
  });
  const auto fails_with = [](const auto& code) {
    return [code](const boost::system::system_error& e) { return e.code() == code; };
  };
  std::array<char, 10> room{};
  BOOST_CHECK_EXCEPTION(p.server.read_some(net::buffer(room)), boost::system::system_error,
                        fails_with(tlsmode::error::handshake_needed));
  BOOST_CHECK_EXCEPTION(p.server.write_some(net::buffer(room)), boost::system::system_error,
                        fails_with(tlsmode::error::handshake_needed));
  BOOST_CHECK_EXCEPTION(p.server.shutdown(), boost::system::system_error,
                        fails_with(tlsmode::error::handshake_needed));
  p.server.handshake(as_server);
  BOOST_CHECK_EXCEPTION(p.server.handshake(as_client), boost::system::system_error,
                        fails_with(tlsmode::error::wrong_role));
  BOOST_TEST(p.server.read_some(net::buffer(room)) == 5U);
  BOOST_CHECK_EXCEPTION(p.server.read_some(net::buffer(room)), boost::system::system_error,
                        fails_with(net::error::eof));
  p.server.shutdown(shutdown_form::drain);
  BOOST_CHECK_EXCEPTION(p.server.write_some(net::buffer(room)), boost::system::system_error,
                        fails_with(tlsmode::error::write_after_shutdown));
  peer.join();
}

BOOST_AUTO_TEST_CASE(d9_a_non_blocking_session) {
  for (const int version : versions) {
    for (const bool partial : {true, false}) {
      our_client p({version, tiny});
      if (!partial) p.client.clear_mode(mode::enable_partial_write);
      p.client.lowest_layer().non_blocking(true);
      waiting_polls = 0;
      error_code ec;
      const operation peer_handshake = start_handshake(p.server, as_server);
      persist(p.io, ec, [&](error_code& e) {
        p.client.handshake(as_client, e);
        return std::size_t(0);
      });
      BOOST_TEST(ec == error_code());
      run_until(p.io, [&] { return peer_handshake.done(); });

      std::array<char, 10> room{};
      p.client.read_some(net::buffer(room), ec); // takes the tickets, if any
      BOOST_TEST(ec == net::error::would_block);

      const std::string text = random_bytes(500000, 1);
      // Without a reader it would block, again and again, and n stays 0.
      net::const_buffer left = net::buffer(text);
      for (int i = 0; i < 1000; ++i) {
        const std::size_t n = p.client.write_some(left, ec);
        if (!ec) left += n;
        if (ec == net::error::would_block) BOOST_REQUIRE(n == 0);
      }
      BOOST_TEST(ec == net::error::would_block);
      receiver in(p.server);
      in.start(text.size());
      while (left.size() != 0) {
        left += persist(p.io, ec, [&](error_code& e) { return p.client.write_some(left, e); });
        BOOST_REQUIRE(!ec);
      }
      run_until(p.io, [&] { return in.done(); });
      BOOST_TEST((in.data() == text));

      sender out(p.server, text);
      out.start();
      std::string got;
      while (got.size() < text.size()) {
        std::array<char, 7000> some{};
        const std::size_t n =
            persist(p.io, ec, [&](error_code& e) { return p.client.read_some(net::buffer(some), e); });
        BOOST_REQUIRE(!ec);
        got.append(some.data(), n);
      }
      BOOST_TEST((got == text));

      const operation peer_bye = start_shutdown(p.server);
      persist(p.io, ec, [&](error_code& e) {
        p.client.shutdown(e);
        return std::size_t(0);
      });
      BOOST_TEST(ec == error_code());
      run_until(p.io, [&] { return peer_bye.done(); });
      BOOST_TEST(peer_bye.ec() == error_code());
      BOOST_TEST(p.client.lowest_layer().non_blocking());
      BOOST_TEST(waiting_polls == 0);
    }
  }
}

// A write that would block is not over: what comes in between is refused, and nothing is lost by that.
BOOST_AUTO_TEST_CASE(nothing_gets_in_between_a_write_that_would_block_and_its_repetition) {
  open_pair<our_client> p({TLS1_3_VERSION, tiny});
  p.client.lowest_layer().non_blocking(true);
  const std::string text = random_bytes(100000, 1);
  error_code ec;
  BOOST_TEST(p.client.write_some(net::buffer(text), ec) == 0U);
  BOOST_TEST(ec == net::error::would_block);
  p.client.shutdown(shutdown_form::send_only, ec);
  BOOST_TEST(ec == tlsmode::error::operation_in_progress);
  BOOST_TEST(p.client.write_some(net::buffer(text, 5), ec) == 0U);
  BOOST_TEST(ec == tlsmode::error::write_retry_too_short);
  receiver in(p.server);
  in.start();
  const std::size_t n =
      persist(p.io, ec, [&](error_code& e) { return p.client.write_some(net::buffer(text), e); });
  BOOST_TEST(ec == error_code());
  run_until(p.io, [&] { return in.data().size() >= n; });
  settle(p.io);
  BOOST_TEST((in.data() == text.substr(0, n)));
}

BOOST_AUTO_TEST_CASE(without_moving_buffers_a_repetition_must_come_from_the_same_address) {
  open_pair<our_client> p({TLS1_3_VERSION, tiny});
  p.client.clear_mode(mode::accept_moving_write_buffer);
  p.client.lowest_layer().non_blocking(true);
  const std::string text = random_bytes(100000, 1);
  const std::string copy = text;
  error_code ec;
  p.client.write_some(net::buffer(text), ec);
  BOOST_TEST(ec == net::error::would_block);
  BOOST_TEST(p.client.write_some(net::buffer(copy), ec) == 0U);
  BOOST_TEST(ec == tlsmode::error::write_buffer_moved);
  receiver in(p.server);
  in.start();
  const std::size_t n =
      persist(p.io, ec, [&](error_code& e) { return p.client.write_some(net::buffer(text), e); });
  BOOST_TEST(ec == error_code());
  run_until(p.io, [&] { return in.data().size() >= n; });
  BOOST_TEST((in.data() == text.substr(0, n)));
}

// The peer does not read, so the alert of the failure cannot go out; nobody waits for that.
BOOST_AUTO_TEST_CASE(a_failure_on_a_non_blocking_socket_is_reported_at_once) {
  relayed_pair<tls_stream, asio_stream> p(TLS1_3_VERSION, tiny);
  p.handshake();
  p.client.lowest_layer().non_blocking(true);
  const std::string text = random_bytes(100000, 1);
  error_code ec;
  p.client.write_some(net::buffer(text), ec);
  BOOST_TEST(ec == net::error::would_block);
  p.send_to_client("this is no TLS record");
  wait_for_bytes(p.client.next_layer());
  waiting_polls = 0;
  std::array<char, 10> room{};
  BOOST_TEST(p.client.read_some(net::buffer(room), ec) == 0U);
  BOOST_TEST((ec.category() == net::error::get_ssl_category()));
  BOOST_TEST(waiting_polls == 0);
  const error_code first = ec;
  p.client.write_some(net::buffer(text), ec);
  BOOST_TEST(ec == first);
}

BOOST_AUTO_TEST_CASE(synchronous_and_asynchronous_operations_mix) {
  open_pair<our_client> p;
  const watchdog guard(descriptors(p));
  std::array<char, 10> room{};
  error_code ec;
  const operation read = start_read(p.client, net::buffer(room));
  settle(p.io);
  BOOST_TEST(p.client.write_some(net::buffer("hello", 5), ec) == 5U);
  BOOST_TEST(ec == error_code());
  std::array<char, 10> other{};
  BOOST_TEST(p.client.read_some(net::buffer(other), ec) == 0U);
  BOOST_TEST(ec == tlsmode::error::operation_in_progress);
  p.client.shutdown(ec); // its first half is done: close_notify is out
  BOOST_TEST(ec == tlsmode::error::operation_in_progress);
  receiver in(p.server);
  in.start();
  run_until(p.io, [&] { return in.done(); });
  BOOST_TEST(in.data() == "hello");
  BOOST_TEST(in.ec() == net::error::eof);
  const operation reply = start_write(p.server, net::buffer("reply", 5));
  run_until(p.io, [&] { return read.done() && reply.done(); });
  BOOST_TEST(read.bytes() == 5U);
  const operation bye = start_shutdown(p.server);
  settle(p.io);
  p.client.shutdown(ec);
  BOOST_TEST(ec == error_code());
  run_until(p.io, [&] { return bye.done(); });
}

BOOST_AUTO_TEST_CASE(a_synchronous_write_is_refused_while_an_asynchronous_one_is_outstanding) {
  open_pair<our_client> p({TLS1_3_VERSION, tiny});
  const watchdog guard(descriptors(p));
  const std::string text = random_bytes(100000, 1);
  const operation write = start_write(p.client, net::buffer(text));
  settle(p.io);
  BOOST_TEST(!write.done());
  error_code ec;
  BOOST_TEST(p.client.write_some(net::buffer(text), ec) == 0U);
  BOOST_TEST(ec == tlsmode::error::operation_in_progress);
  p.client.shutdown(ec);
  BOOST_TEST(ec == tlsmode::error::operation_in_progress);
  receiver in(p.server);
  in.start();
  run_until(p.io, [&] { return write.done(); });
  run_until(p.io, [&] { return in.data().size() >= write.bytes(); });
  settle(p.io);
  BOOST_TEST((in.data() == text.substr(0, write.bytes())));
}

// The peer answers only when it has all that a cancelled write has sealed; a blocking read must send it.
BOOST_AUTO_TEST_CASE(a_blocking_read_sends_what_a_cancelled_write_left_behind) {
  open_pair<our_client> p({TLS1_3_VERSION, tiny});
  const watchdog guard(descriptors(p));
  const std::string text = random_bytes(300000, 1);
  operation write = start_write(p.client, net::buffer(text));
  settle(p.io);
  write.cancel();
  run_until(p.io, [&] { return write.done(); });
  const std::size_t sealed = write.bytes();
  BOOST_REQUIRE(sealed != 0);
  std::string got(sealed, '\0');
  peer_thread peer([&] {
    net::read(p.server, net::buffer(got));
    net::write(p.server, net::buffer("hello", 5));
  });
  std::array<char, 10> room{};
  BOOST_TEST(p.client.read_some(net::buffer(room)) == 5U);
  peer.join();
  BOOST_TEST((got == text.substr(0, sealed)));
  BOOST_TEST(!guard.fired());
}

// Asynchronous operations leave the user's flag alone, and the blocking ones follow it.
BOOST_AUTO_TEST_CASE(asynchronous_operations_do_not_make_the_socket_non_blocking) {
  open_pair<our_client> p;
  const watchdog guard(descriptors(p));
  BOOST_TEST(!p.client.lowest_layer().non_blocking());
  peer_thread peer([&] {
    std::array<char, 5> question{};
    net::read(p.server, net::buffer(question));
    net::write(p.server, net::buffer("hello", 5));
  });
  BOOST_TEST(p.client.write_some(net::buffer("query", 5)) == 5U);
  std::array<char, 10> room{};
  BOOST_TEST(p.client.read_some(net::buffer(room)) == 5U, "it waits");
  peer.join();
}

BOOST_AUTO_TEST_SUITE_END()
