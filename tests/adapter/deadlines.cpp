// SPDX-License-Identifier: BSL-1.0
// Does a time limit end every kind of operation, wherever it waits, with timed_out and otherwise as a
// cancellation would? And nothing but that operation?
#define BOOST_TEST_MODULE adapter_deadlines
#include "asio_layered.hpp"
#include "asio_pausing.hpp"
#include "asio_relay.hpp"
#include "asio_session.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>

BOOST_AUTO_TEST_SUITE(deadlines)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

using clock_type = std::chrono::steady_clock;
constexpr auto soon = std::chrono::milliseconds(5);
constexpr auto late = std::chrono::hours(1);

template <class Stream>
using client_pair = open_pair<tls_pair<Stream, asio_stream>>;

void check_timed_out(const operation& op) {
  BOOST_TEST(op.ec() == net::error::timed_out);
  BOOST_TEST(op.calls() == 1);
}

// The session is whole, now without a limit. What the server has sent before is `unread`.
template <class Pair>
void check_session(Pair& p, std::string_view unread = {}) {
  p.client.expires_never();
  test::check_session(p.io, p.client, p.server, unread);
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(of_a_handshake, Stream, both_channels) {
  tls_pair<Stream, asio_stream> p;
  p.client.expires_after(soon);
  const operation c = start_handshake(p.client, as_client);
  run_until(p.io, [&] { return c.done(); });
  check_timed_out(c);
  BOOST_TEST(socket_of(p.client).is_open());
  p.client.expires_never();
  p.handshake(); // goes on where it was
  check_session(p);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_a_buffered_handshake, Stream, both_channels) {
  relayed_pair<asio_stream, Stream> p;
  const operation c = start_handshake(p.client, as_client);
  const std::string hello = p.next_from_client();
  p.server.expires_after(soon);
  operation s;
  p.server.async_handshake(as_server, net::buffer(hello, 50), s.make_handler());
  run_until(p.io, [&] { return s.done(); });
  check_timed_out(s);
  BOOST_TEST(s.bytes() == 50U);
  p.server.expires_after(late);
  s = start_handshake(p.server, as_server);
  p.send_to_server(std::string_view(hello).substr(50));
  p.run_until([&] { return c.done() && s.done(); });
  BOOST_TEST(c.good());
  BOOST_TEST(s.good());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_a_read, Stream, both_channels) {
  for (const bool half_a_record : {false, true}) {
    relayed_pair<Stream, asio_stream> p;
    p.handshake();
    std::array<char, 10> room{};
    p.client.expires_after(soon);
    const operation read = start_read(p.client, net::buffer(room));
    const operation reply = start_write(p.server, net::buffer("hello", 5));
    run_until(p.io, [&] { return reply.done(); });
    if (half_a_record) p.send_to_client(p.next_from_server(15));
    run_until(p.io, [&] { return read.done(); });
    check_timed_out(read);
    BOOST_TEST(read.bytes() == 0U);
    p.client.expires_never();
    p.send_to_client(p.next_from_server());
    const operation next = start_read(p.client, net::buffer(room));
    p.run_until([&] { return next.done(); });
    BOOST_TEST(std::string_view(room.data(), next.bytes()) == "hello", "nothing is lost");
  }
}

// n is the bytes that are sealed, and they arrive.
BOOST_AUTO_TEST_CASE_TEMPLATE(of_a_blocked_write, Stream, both_channels) {
  for (const bool partial : {true, false}) {
    client_pair<Stream> p({TLS1_3_VERSION, tiny});
    if (!partial) p.client.clear_mode(mode::enable_partial_write);
    const std::string text = random_bytes(200000, 1);
    p.client.expires_after(soon);
    const operation write = start_write(p.client, net::buffer(text));
    run_until(p.io, [&] { return write.done(); });
    check_timed_out(write);
    BOOST_TEST(write.bytes() > 0U);
    BOOST_TEST(write.bytes() < text.size());
    p.client.expires_never();
    const operation end = start_write(p.client, net::buffer("end", 3));
    receiver in(p.server);
    in.start(write.bytes() + 3);
    run_until(p.io, [&] { return end.done() && in.done(); });
    BOOST_TEST((in.data() == text.substr(0, write.bytes()) + "end"));
    check_session(p);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_operations_that_wait_behind_others, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  const std::string text = random_bytes(200000, 1);
  std::array<std::array<char, 10>, 2> rooms{};
  operation read = start_read(p.client, net::buffer(rooms[0]));
  const operation write = start_write(p.client, net::buffer(text));
  p.client.expires_after(soon);
  const operation second_read = start_read(p.client, net::buffer(rooms[1]));
  const operation wait = start_wait(p.client, net::socket_base::wait_read);
  const operation second_write = start_write(p.client, net::buffer(text));
  const operation bye = start_shutdown(p.client);
  const operation ops[] = {second_read, wait, second_write, bye};
  run_until(p.io,
            [&] { return std::all_of(std::begin(ops), std::end(ops), [](auto& o) { return o.done(); }); });
  for (const operation& op : ops) {
    check_timed_out(op);
    BOOST_TEST(op.bytes() == 0U);
  }
  BOOST_TEST(!read.done(), "it has no limit");
  BOOST_TEST(!write.done());
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  receiver in(p.server);
  in.start();
  run_until(p.io, [&] { return read.done() && write.done() && reply.done(); });
  BOOST_TEST(read.good());
  BOOST_TEST(write.good());
  run_until(p.io, [&] { return in.data().size() == write.bytes(); });
  settle(p.io);
  BOOST_TEST((in.data() == text.substr(0, write.bytes())));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_a_shutdown, Stream, both_channels) {
  for (const auto form : {shutdown_form::wait_for_peer, shutdown_form::drain}) {
    client_pair<Stream> p;
    p.client.expires_after(soon);
    const operation bye = start_shutdown_form(p.client, form);
    run_until(p.io, [&] { return bye.done(); });
    check_timed_out(bye);
    BOOST_TEST((p.client.state() == connection_state::close_sent));
    p.client.expires_never();
    const operation again = start_shutdown_form(p.client, form);
    const operation answer = start_shutdown(p.server);
    run_until(p.io, [&] { return again.done() && answer.done(); });
    BOOST_TEST(again.good());
    BOOST_TEST(answer.good());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_waiting_for_readiness, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  p.client.expires_after(soon);
  const operation wait = start_wait(p.client, net::socket_base::wait_read);
  run_until(p.io, [&] { return wait.done(); });
  check_timed_out(wait);
  p.client.expires_never();
  const std::string text = random_bytes(200000, 1);
  operation write = start_write(p.client, net::buffer(text));
  settle(p.io);
  write.cancel();
  run_until(p.io, [&] { return write.done(); });
  p.client.expires_after(soon);
  const operation room = start_wait(p.client, net::socket_base::wait_write);
  run_until(p.io, [&] { return room.done(); });
  check_timed_out(room);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_a_paused_job, Stream, both_channels) {
  for (const waking how : {waking::callback, waking::descriptor, waking::nothing}) {
    tls_pair<asio_stream, Stream> p;
    pausing key(how);
    key.install(p.server.native_handle());
    p.server.set_mode(mode::async);
    p.server.expires_after(std::chrono::milliseconds(200)); // enough to come to the pause, and no harm if not
    const operation c = start_handshake(p.client, as_client);
    operation s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return s.done(); });
    check_timed_out(s);
    p.server.expires_never();
    s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return key.pauses() == 1; });
    key.release();
    run_until(p.io, [&] { return c.done() && s.done(); });
    BOOST_TEST(c.good());
    BOOST_TEST(s.good());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_limit_that_has_passed, Stream, both_channels) {
  client_pair<Stream> p;
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  const operation wait = start_wait(p.client, net::socket_base::wait_read);
  run_until(p.io, [&] { return reply.done() && wait.done(); });
  p.client.expires_at(clock_type::now() - late);
  std::array<char, 10> room{};
  const operation read = start_read(p.client, net::buffer(room));
  const operation write = start_write(p.client, net::buffer("no", 2));
  const operation bye = start_shutdown(p.client);
  const operation nothing = start_read(p.client, net::mutable_buffer());
  BOOST_TEST(!read.done(), "not from inside the call");
  run_until(p.io, [&] { return read.done() && write.done() && bye.done() && nothing.done(); });
  check_timed_out(read);
  check_timed_out(write);
  check_timed_out(bye);
  BOOST_TEST(nothing.good(), "there is nothing to wait for");
  BOOST_TEST(write.bytes() == 0U);
  error_code ec;
  BOOST_TEST(p.client.write_some(net::buffer("sync", 4), ec) == 4U, "no limit for these");
  BOOST_TEST(ec == error_code());
  receiver in(p.server);
  in.start(4);
  run_until(p.io, [&] { return in.done(); });
  BOOST_TEST(in.data() == "sync");
  check_session(p, "hello");
}

// Each operation has the limit that was set when it began.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_new_limit_is_for_new_operations, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  const std::string text = random_bytes(200000, 1);
  std::array<char, 10> room{};
  p.client.expires_after(soon);
  const operation read = start_read(p.client, net::buffer(room));
  p.client.expires_never();
  operation write = start_write(p.client, net::buffer(text));
  run_until(p.io, [&] { return read.done(); });
  check_timed_out(read);
  settle(p.io);
  BOOST_TEST(!write.done());
  p.client.expires_after(late);
  operation slow = start_read(p.client, net::buffer(room));
  p.client.expires_after(soon); // before the one that is waited for
  const operation quick = start_write(p.client, net::buffer(text));
  run_until(p.io, [&] { return quick.done(); });
  check_timed_out(quick);
  settle(p.io);
  BOOST_TEST(!slow.done());
  BOOST_TEST(!write.done());
  slow.cancel();
  write.cancel();
  run_out(p.io);
  BOOST_TEST(slow.aborted());
  BOOST_TEST(write.aborted());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_limit_for_several_operations, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  const std::string text = random_bytes(200000, 1);
  std::array<char, 10> room{};
  p.client.expires_after(soon);
  const operation read = start_read(p.client, net::buffer(room));
  const operation second = start_read(p.client, net::buffer(room));
  const operation write = start_write(p.client, net::buffer(text));
  const operation behind = start_write(p.client, net::buffer(text));
  run_out(p.io);
  for (const operation& op : {read, second, write, behind}) check_timed_out(op);
  BOOST_TEST(write.bytes() > 0U);
  BOOST_TEST(behind.bytes() == 0U);
}

// The longest limit there is must not overflow into the past.
BOOST_AUTO_TEST_CASE_TEMPLATE(for_ever, Stream, both_channels) {
  client_pair<Stream> p;
  for (int i = 0; i < 2; ++i) {
    if (i == 0)
      p.client.expires_after(clock_type::duration::max());
    else
      p.client.expires_at(clock_type::time_point::max());
    const operation write = start_write(p.client, net::buffer("x", 1));
    run_out(p.io);
    BOOST_TEST(write.good());
  }
  p.client.expires_after(clock_type::duration::min());
  const operation none = start_write(p.client, net::buffer("x", 1));
  run_out(p.io);
  check_timed_out(none);
}

// The user's own cancellation is told from the limit, and means what it means without one.
BOOST_AUTO_TEST_CASE_TEMPLATE(cancellation_under_a_limit, Stream, both_channels) {
  for (const auto type :
       {net::cancellation_type::terminal, net::cancellation_type::partial, net::cancellation_type::total}) {
    client_pair<Stream> p({TLS1_3_VERSION, tiny});
    std::array<char, 10> room{};
    p.client.expires_after(late);
    operation read = start_read(p.client, net::buffer(room));
    operation behind = start_read(p.client, net::buffer(room));
    settle(p.io);
    behind.cancel(type);
    read.cancel(type);
    run_until(p.io, [&] { return read.done() && behind.done(); });
    BOOST_TEST(read.aborted());
    BOOST_TEST(behind.aborted());
    read.cancel(type); // too late, and harmless

    const std::string text = random_bytes(200000, 1);
    operation write = start_write(p.client, net::buffer(text));
    settle(p.io);
    write.cancel(type);
    settle(p.io);
    const bool total = type == net::cancellation_type::total;
    BOOST_TEST(write.done() == !total);
    write.cancel(net::cancellation_type::partial);
    run_until(p.io, [&] { return write.done(); });
    BOOST_TEST(write.aborted());
    BOOST_TEST(write.bytes() > 0U);
    receiver in(p.server);
    in.start(write.bytes());
    const operation flush = start_write(p.client, net::buffer("x", 1));
    run_until(p.io, [&] { return in.done() && flush.done(); });
    BOOST_TEST((in.data() == text.substr(0, write.bytes())));
    run_out(p.io); // nothing waits for the limit any more
  }
}

BOOST_AUTO_TEST_SUITE_END()
