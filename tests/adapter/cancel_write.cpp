// SPDX-License-Identifier: BSL-1.0
// What is left behind by a blocked write that is cancelled? Exactly the n bytes that it reports reach the
// peer, no more and no fewer, in front of what is written later, and the session goes on.
#define BOOST_TEST_MODULE adapter_cancellation
#include "asio_fixture.hpp"
#include "conformance.hpp"

#include <boost/test/unit_test.hpp>

#include <array>

BOOST_AUTO_TEST_SUITE(cancelled_write)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

enum point { nothing_sealed, some_sealed, all_sealed };
constexpr net::cancellation_type types[] = {net::cancellation_type::terminal, net::cancellation_type::partial,
                                            net::cancellation_type::total};

// A client whose peer does not read, with a write that cannot go on.
struct blocked : open_pair<our_client> {
  explicit blocked(point at, bool partial = true, int buffer = tiny)
      : open_pair({TLS1_3_VERSION, buffer}), seals(at) {
    if (!partial) client.clear_mode(mode::enable_partial_write);
    if (at == nothing_sealed) leave_output_behind();
    if (at == all_sealed) {
      // Small writes until one of them does not fit; it is one record.
      do start(random_bytes(1000, expected.size()));
      while (write.done());
    } else {
      start(random_bytes(1 << 20, 7));
      // A peer's kernel may find room when it is probed, just now.
      const auto fits = [&] { return !write.done() && (at != nothing_sealed || sealed_now == 0); };
      for (int again = 0; !fits() && again < 50; ++again) {
        if (!write.done()) write.cancel();
        run_until(io, [&] { return write.done(); });
        start(random_bytes(1 << 20, 7));
      }
    }
    BOOST_REQUIRE(!write.done());
  }

  void start(std::string bytes) {
    if (write.done()) expected += content.substr(0, write.bytes());
    content = std::move(bytes);
    const std::uint64_t before = client.stats().plain_written;
    write = start_write(client, net::buffer(content));
    settle(io);
    sealed_now = client.stats().plain_written - before;
  }

  // A cancelled write before the one under test: its ciphertext waits in front.
  void leave_output_behind() {
    start(random_bytes(200000, 6));
    write.cancel();
    run_until(io, [&] { return write.done(); });
    BOOST_REQUIRE(write.bytes() != 0);
  }

  // The bytes that the write under test reported are those that the peer must see.
  void end_write() {
    run_until(io, [&] { return write.done(); });
    expected += content.substr(0, write.bytes());
  }

  void check_aborted() {
    end_write();
    BOOST_TEST(write.aborted());
    BOOST_TEST(write.calls() == 1);
    if (seals == nothing_sealed) BOOST_TEST(write.bytes() == 0U);
    if (seals == some_sealed) BOOST_TEST((write.bytes() != 0 && write.bytes() < content.size()));
    if (seals == all_sealed) BOOST_TEST(write.bytes() == content.size());
  }

  void check_usable() {
    const std::string tail = random_bytes(100000, 9);
    expected += tail;
    sender out(client, tail);
    receiver in(server);
    out.start();
    in.start(expected.size());
    run_until(io, [&] { return out.done() && in.done(); });
    BOOST_TEST(in.ec() == error_code());
    BOOST_TEST((in.data() == expected), "the reported bytes and those of the next write, and no others");
    const std::string answer = random_bytes(50000, 10);
    sender back(server, answer);
    receiver at_client(client);
    back.start();
    at_client.start(answer.size());
    run_until(io, [&] { return at_client.done(); });
    BOOST_TEST((at_client.data() == answer));
    const operation bye = start_shutdown(client);
    receiver end(server);
    end.start();
    run_until(io, [&] { return end.done(); });
    BOOST_TEST(end.ec() == net::error::eof);
    BOOST_TEST(end.data().empty());
    const operation bye_too = start_shutdown(server);
    run_until(io, [&] { return bye.done() && bye_too.done(); });
    BOOST_TEST(bye.ec() == error_code());
  }

  point seals;
  std::string content;          // of the write under test
  std::string expected;         // all that the peer must see
  std::uint64_t sealed_now = 0; // by the write that was started last
  operation write;
};

} // namespace

void check_cancelling(point at, net::cancellation_type type, bool partial) {
  blocked b(at, partial);
  b.write.cancel(type);
  if (type != net::cancellation_type::total || at == nothing_sealed) {
    b.check_aborted();
    b.check_usable();
    conforms("cancellation", at == nothing_sealed ? "write, nothing sealed" : "write, for room",
             name_of(type));
    return;
  }
  settle(b.io);
  BOOST_TEST(!b.write.done(), "total cancellation is ignored once anything is sealed");
  receiver in(b.server);
  in.start();
  b.end_write();
  BOOST_TEST(b.write.ec() == error_code());
  if (!partial) BOOST_TEST(b.write.bytes() == b.content.size());
  conforms("cancellation", "write, for room", name_of(type));
}

BOOST_AUTO_TEST_CASE(reports_what_is_sealed_and_the_session_goes_on) {
  for (const point at : {nothing_sealed, some_sealed, all_sealed})
    for (const auto type : types)
      for (const bool partial : {true, false})
        BOOST_TEST_CONTEXT("point " << at << ", type " << static_cast<unsigned>(type) << ", partial "
                                    << partial)
  check_cancelling(at, type, partial);
}

BOOST_AUTO_TEST_CASE(a_read_outstanding_is_enough_to_send_the_sealed_bytes) {
  for (const point at : {some_sealed, all_sealed}) {
    blocked b(at);
    std::array<char, 100> room{};
    const operation read = start_read(b.client, net::buffer(room));
    b.write.cancel();
    b.check_aborted();
    receiver in(b.server);
    in.start(b.expected.size());
    run_until(b.io, [&] { return in.done(); });
    BOOST_TEST((in.data() == b.expected));
    BOOST_TEST(!read.done());
    b.expected.clear();
    const operation reply = start_write(b.server, net::buffer("x", 1));
    run_until(b.io, [&] { return read.done() && reply.done(); });
    BOOST_TEST(read.bytes() == 1U);
    b.check_usable();
  }
}

// Also if the reads come one after the other: an echo client that always has one outstanding.
BOOST_AUTO_TEST_CASE(sealed_bytes_go_out_under_a_chain_of_reads) {
  blocked b(some_sealed);
  std::array<char, 100> room{};
  operation next;
  const operation read = start_read(b.client, net::buffer(room),
                                    [&](auto, auto) { next = start_read(b.client, net::buffer(room)); });
  b.write.cancel();
  b.check_aborted();
  settle(b.io);
  const operation reply = start_write(b.server, net::buffer("x", 1));
  run_until(b.io, [&] { return read.done() && reply.done(); });
  receiver in(b.server);
  in.start(b.expected.size());
  run_until(b.io, [&] { return in.done(); });
  BOOST_TEST((in.data() == b.expected));
  next.cancel();
  run_until(b.io, [&] { return next.done(); });
  b.expected.clear();
  b.check_usable();
}

BOOST_AUTO_TEST_CASE(a_late_signal_is_harmless) {
  open_pair<our_client> p;
  const std::string text = random_bytes(1000, 1);
  operation write = start_write(p.client, net::buffer(text));
  run_until(p.io, [&] { return write.done(); });
  for (const auto type :
       {net::cancellation_type::terminal, net::cancellation_type::partial, net::cancellation_type::total})
    write.cancel(type);
  settle(p.io);
  BOOST_TEST(write.calls() == 1);
  BOOST_TEST(write.good());
  receiver in(p.server);
  in.start(text.size());
  run_until(p.io, [&] { return in.done(); });
  BOOST_TEST((in.data() == text));
}

// Writes of random sizes, cancelled or not at random, while the peer reads at random: what the completions
// say is what the peer gets.
void check_random_cancellations(int version, bool partial) {
  open_pair<our_client> p({version, tiny});
  if (!partial) p.client.clear_mode(mode::enable_partial_write);
  std::mt19937 random(static_cast<unsigned>(version));
  std::string expected;
  receiver in(p.server);
  std::array<char, 10> room{};
  operation read;
  for (int i = 0; i < 300; ++i) {
    const std::string content = random_bytes(1 + random() % 60000, random());
    operation write = start_write(p.client, net::buffer(content));
    if (random() % 2 == 0) settle(p.io);
    if (random() % 3 == 0)
      write.cancel(random() % 2 == 0 ? net::cancellation_type::partial : net::cancellation_type::terminal);
    if (random() % 3 == 0 && (i == 0 || read.done())) read = start_read(p.client, net::buffer(room));
    if (random() % 3 == 0) read.cancel();
    if (random() % 2 == 0) in.start(in.data().size() + random() % 30000);
    settle(p.io);
    if (!write.done()) write.cancel();
    run_until(p.io, [&] { return write.done(); });
    BOOST_REQUIRE((write.good() || write.aborted()));
    expected += content.substr(0, write.bytes());
  }
  const std::string end = random_bytes(3, 77);
  expected += end;
  const operation last = start_write(p.client, net::buffer(end));
  in.start(expected.size());
  run_until(p.io, [&] { return last.done() && in.done(); });
  BOOST_TEST((in.data() == expected));
}

BOOST_AUTO_TEST_CASE(random_cancellations_keep_the_byte_stream_exact) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    for (const bool partial : {true, false}) check_random_cancellations(version, partial);
}

BOOST_AUTO_TEST_SUITE_END()
