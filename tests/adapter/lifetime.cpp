// SPDX-License-Identifier: BSL-1.0
// May a stream be destroyed, moved, reused, or lose its socket at any time? And does that cost no memory
// (D10)?
#define BOOST_TEST_MODULE adapter_lifetime
#include "asio_counters.hpp"
#include "asio_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <optional>

BOOST_AUTO_TEST_SUITE(lifetime)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

// Streams move as the next layer does.
static_assert(std::is_nothrow_move_constructible_v<tls_stream> ==
              std::is_nothrow_move_constructible_v<tcp_socket>);
static_assert(std::is_nothrow_move_assignable_v<tls_stream> == std::is_nothrow_move_assignable_v<tcp_socket>);
static_assert(std::is_nothrow_move_constructible_v<stream<tcp_socket&>>);
static_assert(std::is_move_assignable_v<tls_stream>);
static_assert(tls_stream::client == asio_stream::client && tls_stream::server == asio_stream::server);
static_assert(std::is_same_v<tls_stream::handshake_type, asio_stream::handshake_type>);
static_assert(std::is_same_v<tls_stream::native_handle_type, asio_stream::native_handle_type>);
static_assert(std::is_same_v<tls_stream::lowest_layer_type, asio_stream::lowest_layer_type>);
static_assert(std::is_same_v<tls_stream::executor_type, asio_stream::executor_type>);
static_assert(std::is_same_v<tls_stream::next_layer_type, tcp_socket>);
static_assert(!std::is_copy_constructible_v<tls_stream> && !std::is_copy_assignable_v<tls_stream>);

// A client that can be destroyed before the test ends.
struct mortal {
  mortal(int buffer = 0) : sockets(tcp_pair(io.get_executor(), io.get_executor(), buffer)) {
    client.emplace(std::move(sockets.first), client_settings);
    server.emplace(std::move(sockets.second), server_settings);
  }
  void handshake() {
    const operation c = start_handshake(*client, as_client);
    const operation s = start_handshake(*server, as_server);
    run_until(io, [&] { return c.good() && s.good(); });
  }
  net::io_context io;
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  std::pair<tcp_socket, tcp_socket> sockets;
  std::optional<tls_stream> client;
  std::optional<asio_stream> server;
};

// Two reads, two writes and a shutdown, all of them waiting.
struct crowd {
  explicit crowd(tls_stream& s)
      : all{start_read(s, net::buffer(room)), start_read(s, net::buffer(room)),
            start_write(s, net::buffer(text)), start_write(s, net::buffer(text)), start_shutdown(s)} {}
  void check_waiting() const {
    for (const operation& op : all) BOOST_TEST(!op.done());
  }
  void check_aborted() const {
    for (const operation& op : all) {
      BOOST_TEST(op.calls() == 1);
      BOOST_TEST(op.aborted());
    }
  }
  std::array<char, 10> room{};
  std::string text = random_bytes(500000, 1);
  std::array<operation, 5> all;
};

} // namespace

BOOST_AUTO_TEST_CASE(destroying_the_stream_aborts_what_is_outstanding) {
  mortal p(tiny);
  p.handshake();
  const crowd waiting(*p.client);
  settle(p.io);
  waiting.check_waiting();
  p.client.reset();
  for (const operation& op : waiting.all) BOOST_TEST(!op.done(), "not from inside the destructor");
  run_out(p.io);
  waiting.check_aborted();
}

BOOST_AUTO_TEST_CASE(destroying_the_stream_aborts_a_handshake) {
  mortal p;
  const operation c = start_handshake(*p.client, as_client);
  const operation queued = start_handshake(*p.client, as_client);
  settle(p.io);
  p.client.reset();
  run_out(p.io);
  BOOST_TEST(c.aborted());
  BOOST_TEST(queued.aborted());
}

BOOST_AUTO_TEST_CASE(destroying_a_stream_with_bytes_left_to_flush_is_clean) {
  mortal p(tiny);
  p.handshake();
  const std::string text = random_bytes(500000, 1);
  std::array<char, 10> room{};
  operation write = start_write(*p.client, net::buffer(text));
  const operation read = start_read(*p.client, net::buffer(room));
  settle(p.io);
  write.cancel();
  settle(p.io);
  BOOST_TEST(write.aborted());
  p.client.reset();
  run_out(p.io);
  BOOST_TEST(read.aborted());
}

BOOST_AUTO_TEST_CASE(closing_the_socket_under_operations_aborts_them) {
  mortal p(tiny);
  p.handshake();
  const crowd waiting(*p.client);
  settle(p.io);
  waiting.check_waiting();
  p.client->lowest_layer().close();
  run_until(p.io, [&] {
    return std::all_of(waiting.all.begin(), waiting.all.end(), [](const operation& op) { return op.done(); });
  });
  run_out(p.io);
  for (const operation& op : waiting.all) {
    BOOST_TEST(op.calls() == 1);
    BOOST_TEST(bool(op.ec()));
  }
  BOOST_TEST(waiting.all[0].aborted());
  BOOST_TEST(waiting.all[2].aborted());
  // And operations on the closed socket say so.
  std::array<char, 10> room{};
  const operation late = start_read(*p.client, net::buffer(room));
  run_out(p.io);
  BOOST_TEST(late.ec() == net::error::bad_descriptor);
}

BOOST_AUTO_TEST_CASE(cancelling_the_socket_aborts_and_the_session_goes_on) {
  mortal p(tiny);
  p.handshake();
  const std::string text = random_bytes(200000, 1);
  std::array<char, 10> room{};
  const operation write = start_write(*p.client, net::buffer(text));
  const operation read = start_read(*p.client, net::buffer(room));
  settle(p.io);
  p.client->lowest_layer().cancel();
  run_out(p.io);
  BOOST_TEST(write.aborted());
  BOOST_TEST(read.aborted());
  const operation end = start_write(*p.client, net::buffer("end", 3));
  receiver in(*p.server);
  in.start(write.bytes() + 3);
  run_until(p.io, [&] { return end.done() && in.done(); });
  BOOST_TEST((in.data().substr(0, write.bytes()) == text.substr(0, write.bytes())));
  BOOST_TEST(in.data().substr(write.bytes()) == "end");
}

BOOST_AUTO_TEST_CASE(a_moved_stream_goes_on_where_it_was) {
  open_pair<our_client> p;
  std::array<char, 5> room{};
  const operation reply = start_write(p.server, net::buffer("0123456789", 10));
  const operation first = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return first.done(); });
  tls_stream constructed(std::move(p.client));
  const operation second = start_read(constructed, net::buffer(room)); // decrypted before the move
  run_until(p.io, [&] { return second.done(); });
  BOOST_TEST(std::string_view(room.data(), second.bytes()) == "56789");
  tls_stream assigned(tcp_socket(p.io), p.client_settings);
  assigned = std::move(constructed);
  const operation write = start_write(assigned, net::buffer("hello", 5));
  receiver in(p.server);
  in.start(5);
  run_until(p.io, [&] { return write.done() && in.done(); });
  BOOST_TEST(in.data() == "hello");
  const operation bye = start_shutdown(assigned);
  const operation bye_too = start_shutdown(p.server);
  run_until(p.io, [&] { return bye.done() && bye_too.done(); });
  BOOST_TEST(bye.ec() == error_code());
}

// The handler of the last operation moves the stream away and destroys it at its new place, while the wait of
// bytes that are left to flush is still on its way out.
BOOST_AUTO_TEST_CASE(a_stream_with_bytes_left_to_flush_may_be_moved) {
  for (const bool keep : {true, false}) {
    mortal p(tiny);
    p.handshake();
    const std::string text = random_bytes(500000, 1);
    std::array<char, 10> room{};
    std::optional<tls_stream> moved;
    operation write = start_write(*p.client, net::buffer(text));
    settle(p.io);
    const operation read = start_read(*p.client, net::buffer(room), [&](auto, auto) {
      moved.emplace(std::move(*p.client));
      p.client.reset();
      if (!keep) moved.reset();
    });
    write.cancel();
    settle(p.io);
    BOOST_TEST(write.aborted());
    const operation reply = start_write(*p.server, net::buffer("hello", 5));
    run_until(p.io, [&] { return read.done() && reply.done(); });
    settle(p.io);
    if (!keep) continue;
    receiver in(*p.server);
    in.start(write.bytes());
    const operation next = start_read(*moved, net::buffer(room));
    run_until(p.io, [&] { return in.done(); });
    BOOST_TEST((in.data() == text.substr(0, write.bytes())));
  }
}

BOOST_AUTO_TEST_CASE(assigning_over_a_stream_aborts_what_is_outstanding_on_it) {
  mortal p(tiny);
  p.handshake();
  const crowd waiting(*p.client);
  settle(p.io);
  *p.client = tls_stream(tcp_socket(p.io), p.client_settings);
  run_out(p.io);
  waiting.check_aborted();
}

BOOST_AUTO_TEST_CASE(d10_reuse_by_move_assignment_keeps_the_heap_constant) {
  both_ours p;
  const auto reuse = [&] {
    auto sockets = tcp_pair(p.io.get_executor(), p.io.get_executor());
    p.client = tls_stream(std::move(sockets.first), p.client_settings);
    p.server = tls_stream(std::move(sockets.second), p.server_settings);
    p.handshake();
    const operation write = start_write(p.client, net::buffer("hello", 5));
    std::array<char, 10> room{};
    const operation read = start_read(p.server, net::buffer(room));
    run_until(p.io, [&] { return write.done() && read.done(); });
  };
  for (int i = 0; i < 50; ++i) reuse(); // until the io_context and OpenSSL have grown
  const long early = live_blocks();
  BOOST_REQUIRE(early > 100);
  for (int i = 0; i < 1000; ++i) reuse();
  const long late = live_blocks();
  BOOST_TEST(late < early + 50, early << " blocks became " << late);
}

BOOST_AUTO_TEST_SUITE_END()
