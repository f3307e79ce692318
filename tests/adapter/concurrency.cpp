// SPDX-License-Identifier: BSL-1.0
// Can operations be outstanding together, as many as one likes, without corrupting, starving or losing one
// another? D1 to D4 are the defects of boost::asio::ssl::stream by these names.
#define BOOST_TEST_MODULE adapter_concurrency
#include "asio_fixture.hpp"
#include "conformance.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <deque>

BOOST_AUTO_TEST_SUITE(concurrency)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr net::cancellation_type types[] = {net::cancellation_type::terminal, net::cancellation_type::partial,
                                            net::cancellation_type::total};

struct crowded : open_pair<our_client> {
  explicit crowded(int buffer = tiny) : open_pair({TLS1_3_VERSION, buffer}), in(server) {
    client.clear_mode(mode::enable_partial_write); // each write is all or nothing: easy to add up
  }
  operation& write(std::size_t size) {
    contents.push_back(random_bytes(size, contents.size() + 1));
    writes.push_back(start_write(client, net::buffer(contents.back())));
    return writes.back();
  }
  void check_arrived() {
    std::string expected;
    for (std::size_t i = 0; i < writes.size(); ++i) expected += contents[i].substr(0, writes[i].bytes());
    in.start(expected.size());
    run_until(io, [&] { return in.done(); });
    BOOST_TEST((in.data() == expected));
  }
  [[nodiscard]] bool all_done() const {
    return std::all_of(writes.begin(), writes.end(), [](const operation& op) { return op.done(); });
  }
  std::deque<std::string> contents;
  std::deque<operation> writes;
  receiver<asio_stream> in;
};

} // namespace

BOOST_AUTO_TEST_CASE(d1_two_reads_and_60_kb) {
  for (const std::size_t count : {2U, 10U}) {
    for (const std::size_t room : {1000U, 30000U, 60000U}) {
      open_pair<our_client> p;
      const std::string text = random_bytes(60000, 1);
      std::vector<std::string> rooms(count, std::string(room, '\0'));
      std::vector<operation> reads;
      for (std::string& r : rooms) reads.push_back(start_read(p.client, net::buffer(r)));
      sender out(p.server, text);
      out.start();
      run_until(p.io, [&] { return out.done(); });
      settle(p.io);
      std::string got;
      for (std::size_t i = 0; i < count; ++i) {
        BOOST_TEST(reads[i].ec() == error_code());
        if (i != 0)
          BOOST_TEST(reads[i].done() <= reads[i - 1].done(), "reads end in the order of their start");
        got += rooms[i].substr(0, reads[i].bytes());
        reads[i].cancel();
      }
      receiver rest(p.client);
      rest.start(text.size() - got.size());
      run_until(p.io, [&] { return rest.done(); });
      BOOST_TEST(rest.ec() == error_code());
      BOOST_TEST((got + rest.data() == text));
    }
  }
}

BOOST_AUTO_TEST_CASE(d2_writes_started_while_others_are_in_flight_arrive_in_order) {
  crowded p;
  for (const std::size_t size : {100000U, 100U, 1U, 16384U, 50000U, 0U, 7U}) p.write(size);
  settle(p.io);
  BOOST_TEST(!p.writes[1].done(), "the peer does not read: nothing can be done yet");
  p.in.start();
  run_until(p.io, [&] { return p.all_done(); });
  for (std::size_t i = 0; i < p.writes.size(); ++i) {
    BOOST_TEST(p.writes[i].ec() == error_code());
    BOOST_TEST(p.writes[i].bytes() == p.contents[i].size());
  }
  p.check_arrived();
}

BOOST_AUTO_TEST_CASE(d2_writes_that_fit_at_once_arrive_in_order_too) {
  crowded p(0);
  for (int i = 0; i < 50; ++i) p.write(100);
  run_until(p.io, [&] { return p.all_done(); });
  p.check_arrived();
}

BOOST_AUTO_TEST_CASE(d3_shutdown_during_a_blocked_write_completes_once_the_peer_drains) {
  crowded p;
  operation& write = p.write(500000);
  const operation bye = start_shutdown(p.client);
  settle(p.io);
  BOOST_TEST(!write.done());
  BOOST_TEST(!bye.done());
  p.in.start();
  run_until(p.io, [&] { return p.in.done(); });
  BOOST_TEST(p.in.ec() == net::error::eof);
  BOOST_TEST((p.in.data() == p.contents[0]));
  const operation peer = start_shutdown(p.server);
  run_until(p.io, [&] { return bye.done() && peer.done(); });
  BOOST_TEST(write.good());
  BOOST_TEST(bye.ec() == error_code());
}

BOOST_AUTO_TEST_CASE(d4_cancelling_a_waiting_write_disturbs_nobody) {
  for (const auto type : types) {
    crowded p;
    p.write(200000);
    for (const std::size_t size : {3000U, 4000U, 5000U}) p.write(size);
    settle(p.io);
    p.writes[2].cancel(type);
    run_until(p.io, [&] { return p.writes[2].done(); });
    BOOST_TEST(p.writes[2].aborted());
    BOOST_TEST(p.writes[2].bytes() == 0U);
    settle(p.io);
    BOOST_TEST(!p.writes[0].done());
    BOOST_TEST(!p.writes[1].done(), "the gate stays shut");
    p.in.start();
    run_until(p.io, [&] { return p.all_done(); });
    for (const int i : {0, 1, 3}) BOOST_TEST(p.writes[static_cast<std::size_t>(i)].good());
    p.check_arrived();
    conforms("cancellation", "write, behind a write", name_of(type));
  }
}

BOOST_AUTO_TEST_CASE(d4_cancelling_a_waiting_read_disturbs_nobody) {
  for (const auto type : types) {
    open_pair<our_client> p;
    std::array<std::array<char, 10>, 3> rooms{};
    std::array<operation, 3> reads;
    for (std::size_t i = 0; i < 3; ++i) reads[i] = start_read(p.client, net::buffer(rooms[i]));
    settle(p.io);
    reads[1].cancel(type);
    run_until(p.io, [&] { return reads[1].done(); });
    BOOST_TEST(reads[1].aborted());
    settle(p.io);
    BOOST_TEST(!reads[0].done());
    BOOST_TEST(!reads[2].done());
    sender out(p.server, "0123456789abcdefghij");
    out.start();
    run_until(p.io, [&] { return reads[0].done() && reads[2].done(); });
    BOOST_TEST(reads[0].good());
    BOOST_TEST(reads[2].good());
    std::string got(rooms[0].data(), reads[0].bytes());
    got.append(rooms[2].data(), reads[2].bytes());
    BOOST_TEST(std::string_view("0123456789abcdefghij").starts_with(got));
    conforms("cancellation", "read, behind a read", name_of(type));
  }
}

BOOST_AUTO_TEST_CASE(a_read_a_write_and_a_shutdown_together) {
  crowded p;
  std::array<char, 100> room{};
  const operation read = start_read(p.client, net::buffer(room));
  operation& write = p.write(300000);
  const operation bye = start_shutdown(p.client);
  settle(p.io);
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] { return read.done() && reply.done(); });
  BOOST_TEST(read.bytes() == 5U, "a blocked write does not keep a read from its data");
  BOOST_TEST(!write.done());
  p.in.start();
  run_until(p.io, [&] { return p.in.done(); });
  BOOST_TEST(p.in.ec() == net::error::eof);
  const operation peer = start_shutdown(p.server);
  run_until(p.io, [&] { return bye.done() && peer.done(); });
  BOOST_TEST(write.good());
  BOOST_TEST(bye.ec() == error_code());
  BOOST_TEST((p.in.data() == p.contents[0]));
}

// A handshake needs both directions; a second one, which has nothing to do, must not close them.
BOOST_AUTO_TEST_CASE(a_second_handshake_holds_up_nobody) {
  open_pair<our_client> p;
  std::array<char, 100> room{};
  const operation read = start_read(p.client, net::buffer(room));
  const operation second = start_handshake(p.client, as_client);
  const operation write = start_write(p.client, net::buffer("ping", 4));
  run_until(p.io, [&] { return second.done() && write.done(); });
  BOOST_TEST(second.ec() == error_code());
  BOOST_TEST(!read.done());
  const operation reply = start_write(p.server, net::buffer("pong", 4));
  run_until(p.io, [&] { return read.done() && reply.done(); });
  BOOST_TEST(read.good());
}

// Data operations started before the handshake is over wait for it, in order.
BOOST_AUTO_TEST_CASE(operations_started_during_the_handshake_follow_it) {
  both_ours p;
  std::array<char, 100> room{};
  const operation c = start_handshake(p.client, as_client);
  const operation write = start_write(p.client, net::buffer("early", 5));
  const operation twice = start_handshake(p.client, as_client);
  const operation s = start_handshake(p.server, as_server);
  const operation read = start_read(p.server, net::buffer(room));
  run_until(p.io, [&] { return write.done() && read.done() && twice.done(); });
  BOOST_TEST(c.good());
  BOOST_TEST(s.good());
  BOOST_TEST(twice.good());
  BOOST_TEST(std::string_view(room.data(), read.bytes()) == "early");
  const operation more = start_write(p.client, net::buffer("more", 4));
  run_until(p.io, [&] { return more.done(); });
  BOOST_TEST(more.good());
}

BOOST_AUTO_TEST_SUITE_END()
