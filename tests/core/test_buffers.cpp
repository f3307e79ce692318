// SPDX-License-Identifier: BSL-1.0
// Invariant 7: does an idle connection hold no buffer, and a slow peer only a small one?
#include "counting_transport.hpp"
#include "heap_counter.hpp"
#include "memory_pair.hpp"
#include "memory_shortage.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <utility>

BOOST_AUTO_TEST_SUITE(buffers)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// OpenSSL's smallest read buffer, and its write buffer: one record each.
constexpr std::size_t one_record = 16'384;
constexpr std::size_t most_for_one_record = 17 * 1024;

// Two sides that can be destroyed one by one.
struct two_sides {
  explicit two_sides(int version = TLS1_3_VERSION, bool reads = true) {
    SSL_CTX_set_max_proto_version(server_ctx.native_handle(), version);
    BOOST_REQUIRE(!client->tls.set_host(server_name));
    for (int i = 0; i < 10; ++i) {
      client->last = client->handshake();
      deliver(*client, *server);
      server->last = server->handshake();
      deliver(*server, *client);
    }
    BOOST_REQUIRE(completes(client->last));
    BOOST_REQUIRE(completes(server->last));
    if (reads) become_idle();
  }
  void become_idle() {
    BOOST_REQUIRE(client->read_all().empty());
    BOOST_REQUIRE(server->read_all().empty());
  }
  // A request of `size` bytes and a short answer.
  void round(std::size_t size) {
    const std::string data = pattern(size);
    std::string got;
    for (std::string_view rest = data; !rest.empty();) {
      const step s = client->write(rest);
      BOOST_REQUIRE(!s.error);
      rest.remove_prefix(s.bytes);
      deliver(*client, *server);
      got += server->read_all();
    }
    BOOST_REQUIRE(same_bytes(got, data));
    BOOST_REQUIRE(completes(server->write("ok"), 2));
    deliver(*server, *client);
    BOOST_REQUIRE(client->read_all() == "ok");
    become_idle();
  }

  context client_ctx = client_context();
  context server_ctx = server_context();
  std::unique_ptr<endpoint> client = std::make_unique<endpoint>(client_ctx, role::client);
  std::unique_ptr<endpoint> server = std::make_unique<endpoint>(server_ctx, role::server);
};

std::size_t bytes_held_by(std::unique_ptr<endpoint> e) {
  const std::size_t before = heap_bytes();
  e.reset();
  return before - heap_bytes();
}

// Gives the server `n` bytes of `record` and lets it read; returns by how much the heap grew.
std::size_t growth_by_a_piece(two_sides& pair, std::string_view record) {
  const std::size_t before = heap_bytes();
  BOOST_REQUIRE(pair.server->wire.feed(bytes_of(record)));
  std::string room(10, '\0');
  BOOST_REQUIRE(stops(pair.server->read(room), suspend::want_read));
  return heap_bytes() - before;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_heap_is_counted) { BOOST_REQUIRE(heap_is_counted()); }

BOOST_AUTO_TEST_CASE(an_idle_connection_is_small) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::size_t size : {0u, 100u, 50'000u, 1'000'000u}) {
      two_sides pair(version);
      if (size != 0) pair.round(size);
      BOOST_TEST(bytes_held_by(std::move(pair.server)) <= 16'000u);
      BOOST_TEST(bytes_held_by(std::move(pair.client)) <= 20'000u); // it keeps the server's certificate, too
    }
  }
}

BOOST_AUTO_TEST_CASE(a_connection_that_nobody_reads_after_the_handshake_is_small) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    two_sides pair(version, false);
    BOOST_TEST(bytes_held_by(std::move(pair.server)) <= 16'000u);
  }
}

BOOST_AUTO_TEST_CASE(a_thousand_rounds_leave_nothing_behind) {
  two_sides pair;
  for (int i = 0; i < 3; ++i) pair.round(100'000);
  const std::size_t before = heap_bytes();
  for (int i = 0; i < 1000; ++i) {
    pair.round(1 + static_cast<std::size_t>(i) % 40 * 500);
    BOOST_REQUIRE(heap_bytes() == before);
  }
  BOOST_TEST(pair.server->tls.stats().buffers_released >= 1000u);
}

BOOST_AUTO_TEST_CASE(reading_needs_a_buffer_and_waiting_does_not) {
  two_sides pair;
  const std::size_t idle = heap_bytes();
  BOOST_REQUIRE(completes(pair.client->write(pattern(2000)), 2000));
  deliver(*pair.client, *pair.server);
  std::string room(1000, '\0');
  BOOST_REQUIRE(completes(pair.server->read(room), 1000)); // there is more
  BOOST_TEST(heap_bytes() > idle + one_record);
  BOOST_REQUIRE(completes(pair.server->read(room), 1000));
  BOOST_REQUIRE(stops(pair.server->read(room), suspend::want_read));
  pair.client->read_all();
  BOOST_TEST(heap_bytes() < idle + room.capacity() + 100);
}

BOOST_AUTO_TEST_CASE(what_was_held_back_is_freed_when_the_peer_takes_it) {
  two_sides pair;
  const std::string data = pattern(16'384);
  const std::size_t before = heap_bytes();
  pair.client->wire.set_capacity(0);
  BOOST_TEST(stops(pair.client->write(data), suspend::want_write));
  BOOST_TEST(pair.client->tls.cancel_write() == data.size());
  pair.client->read_all(); // as idle as it can be
  BOOST_TEST(heap_bytes() >= before + data.size());
  BOOST_TEST(heap_bytes() <= before + data.size() + 100); // the record, and no buffer beside it
  pair.client->wire.set_capacity(no_limit);
  BOOST_TEST(completes(pair.client->flush()));
  pair.client->wire.consume(pair.client->wire.output().size());
  BOOST_TEST(heap_bytes() == before);
}

BOOST_AUTO_TEST_CASE(half_a_record_keeps_its_buffer) {
  two_sides pair;
  const std::string data = pattern(5000);
  BOOST_REQUIRE(completes(pair.client->write(data), data.size()));
  const std::string record = text_of(pair.client->wire.output());
  const std::uint64_t released = pair.server->tls.stats().buffers_released;
  const std::size_t growth = growth_by_a_piece(pair, std::string_view(record).substr(0, 2000));
  BOOST_TEST(growth > one_record);
  BOOST_TEST(growth < most_for_one_record);
  BOOST_TEST(pair.server->tls.stats().buffers_released == released);
  BOOST_REQUIRE(pair.server->wire.feed(bytes_of(record).subspan(2000)));
  BOOST_TEST(same_bytes(pair.server->read_all(), data));
  BOOST_TEST(pair.server->tls.stats().buffers_released == released + 1);
}

BOOST_AUTO_TEST_CASE(one_byte_from_a_stranger_pins_one_small_buffer) {
  const context server = server_context();
  endpoint e(server, role::server);
  e.handshake(); // waits for a ClientHello
  const std::size_t before = heap_bytes();
  BOOST_REQUIRE(e.wire.feed(bytes_of("\x16")));
  BOOST_TEST(stops(e.handshake(), suspend::want_read));
  BOOST_TEST(heap_bytes() - before < most_for_one_record);
}

BOOST_AUTO_TEST_CASE(read_ahead_grows_under_load_and_shrinks_again) {
  two_sides pair;
  const auto sealed_byte = [&] {
    BOOST_REQUIRE(completes(pair.client->write("x"), 1));
    const std::string record = text_of(pair.client->wire.output());
    pair.client->wire.consume(record.size());
    return record;
  };
  // Slow: one byte of a record pins one small buffer.
  for (int i = 0; i < 3; ++i) {
    const std::string record = sealed_byte();
    BOOST_TEST(growth_by_a_piece(pair, record.substr(0, 1)) < most_for_one_record);
    BOOST_REQUIRE(pair.server->wire.feed(bytes_of(record).subspan(1)));
    BOOST_TEST(pair.server->read_all() == "x");
  }
  // Busy: a megabyte at once is read in big pieces.
  pair.client->tls.set_batch_limit(2'000'000);
  const std::string data = pattern(1'000'000);
  BOOST_REQUIRE(completes(pair.client->write(data), data.size()));
  deliver(*pair.client, *pair.server);
  const std::uint64_t reads = pair.server->tls.stats().transport_reads;
  BOOST_TEST(same_bytes(pair.server->read_all(), data));
  BOOST_TEST(pair.server->tls.stats().transport_reads - reads < 20u);
  // Slow again: after one burst that a small buffer would have held, the next one is small.
  for (int i = 0; i < 3; ++i) {
    const std::string record = sealed_byte();
    const std::size_t growth = growth_by_a_piece(pair, record.substr(0, 1));
    if (i > 0) BOOST_TEST(growth < most_for_one_record);
    BOOST_REQUIRE(pair.server->wire.feed(bytes_of(record).subspan(1)));
    BOOST_TEST(pair.server->read_all() == "x");
  }
}

// Where two records come at a time, only the first of these bursts is read in pieces.
BOOST_AUTO_TEST_CASE(a_burst_after_a_burst_is_read_at_once) {
  two_sides pair;
  const std::string data = pattern(2 * 16'384);
  for (int i = 0; i < 4; ++i) {
    BOOST_REQUIRE(completes(pair.client->write(data), data.size()));
    deliver(*pair.client, *pair.server);
    const std::uint64_t reads = pair.server->tls.stats().transport_reads;
    BOOST_TEST(same_bytes(pair.server->read_all(), data));
    const std::uint64_t tries = pair.server->tls.stats().transport_reads - reads;
    BOOST_TEST(tries == (i == 0 ? 4u : 3u), "burst " << i << ": " << tries); // the last two find nothing
  }
}

BOOST_AUTO_TEST_CASE(the_read_ahead_stays_below_its_limit_and_begins_small) {
  for (const std::size_t limit :
       {std::size_t{0}, std::size_t{1000}, std::size_t{40'000}, std::size_t{200'000}}) {
    two_sides pair;
    pair.server->tls.set_read_ahead(limit);
    pair.client->tls.set_batch_limit(2'000'000);
    const std::string data = pattern(1'000'000);
    BOOST_REQUIRE(completes(pair.client->write(data), data.size()));
    deliver(*pair.client, *pair.server);
    counting_transport t(pair.server->wire);
    std::string room(10'000, '\0');
    std::string got;
    while (got.size() < data.size()) {
      const mutable_buffer b = room_in(room);
      const step s = pair.server->tls.read(t, {&b, 1});
      BOOST_REQUIRE(s.bytes > 0u);
      if (got.empty()) BOOST_TEST(t.largest_read < most_for_one_record);
      got.append(room, 0, s.bytes);
    }
    BOOST_TEST(same_bytes(got, data));
    BOOST_TEST(t.largest_read <= std::max(most_for_one_record, limit));
    if (limit > one_record) BOOST_TEST(t.largest_read > limit - 100); // and the limit is made use of
  }
}

BOOST_AUTO_TEST_CASE(release_buffers_frees_them_even_while_nobody_reads) {
  for (const bool release : {false, true}) {
    two_sides pair;
    const std::size_t before = heap_bytes();
    if (release) pair.client->tls.set_mode(mode::release_buffers);
    BOOST_TEST((SSL_get_mode(pair.client->native()) & SSL_MODE_RELEASE_BUFFERS) ==
               (release ? SSL_MODE_RELEASE_BUFFERS : 0));
    BOOST_REQUIRE(completes(pair.client->write("x"), 1));
    pair.client->wire.consume(pair.client->wire.output().size());
    BOOST_TEST((heap_bytes() >= before + one_record) == !release);
    pair.client->tls.clear_mode(mode::release_buffers);
    BOOST_TEST((SSL_get_mode(pair.client->native()) & SSL_MODE_RELEASE_BUFFERS) == 0);
    pair.client->read_all();
    BOOST_TEST(heap_bytes() == before);
  }
}

// Two buffers of a record, and no allocation of them for every message; what a burst has grown goes back.
BOOST_AUTO_TEST_CASE(buffers_that_are_kept_stay_and_are_no_larger_than_a_record) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    std::array<std::size_t, 2> held{};
    std::array<long, 2> allocations{};
    for (const bool keep : {false, true}) {
      two_sides pair(version);
      pair.server->tls.set_keep_buffers(keep);
      for (int i = 0; i < 3; ++i) pair.round(200'000);
      pair.round(100);
      const std::uint64_t released = pair.server->tls.stats().buffers_released;
      {
        const allocation_fault counter(heap_user::openssl, 1'000'000);
        for (int i = 0; i < 100; ++i) pair.round(100);
        allocations[keep] = allocation_fault::count();
      }
      BOOST_TEST((pair.server->tls.stats().buffers_released == released) == keep);
      held[keep] = bytes_held_by(std::move(pair.server));
    }
    BOOST_TEST(held[1] > held[0] + 2 * one_record);
    BOOST_TEST(held[1] < held[0] + 2 * most_for_one_record + 500);
    BOOST_TEST(allocations[1] <= allocations[0] - 200);
  }
}

// The header is sealed and waits for the next record when OpenSSL runs out of memory for that: it is sent, or
// the peer would find a record missing.
BOOST_AUTO_TEST_CASE(a_header_is_sent_though_there_is_no_memory_for_what_follows) {
  const std::string data = pattern(64 + 16'384);
  const auto [header, body] = std::pair{bytes_of(data).first(64), bytes_of(data).subspan(64)};
  bool struck = true, header_alone = false;
  for (long number = 1; struck; ++number) {
    BOOST_REQUIRE(number < 100);
    two_sides pair;
    step s;
    {
      const memory_shortage shortage(heap_user::openssl, number);
      s = pair.client->tls.write(pair.client->wire, std::array{header, body});
      struck = allocation_fault::struck();
    }
    BOOST_TEST((struck || completes(s, data.size())));
    deliver(*pair.client, *pair.server);
    const std::string got = pair.server->read_all();
    BOOST_TEST((got.empty() || got == data.substr(0, 64) || got == data));
    BOOST_TEST(pair.server->last.why == suspend::want_read);
    BOOST_TEST(pair.client->tls.stats().cipher_written == pair.server->tls.stats().cipher_read);
    header_alone = header_alone || got.size() == 64;
  }
  BOOST_TEST(header_alone);
}

BOOST_AUTO_TEST_SUITE_END()
