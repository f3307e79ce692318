// SPDX-License-Identifier: BSL-1.0
// Do reads and writes use the whole of a buffer sequence: small buffers in one record, many records in one
// read?
#include "counting_transport.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(buffer_sequences)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

struct connected : memory_pair {
  connected() { BOOST_REQUIRE(connect()); }
  void server_sends(std::string_view data) {
    BOOST_REQUIRE(completes(server.write(data), data.size()));
    deliver(server, client);
  }
};

// `data` cut into pieces of `size` bytes.
std::vector<const_buffer> pieces(const std::string& data, std::size_t size) {
  std::vector<const_buffer> all;
  for (const_buffer rest = bytes_of(data); !rest.empty();) {
    const std::size_t n = std::min(size, rest.size());
    all.push_back(rest.first(n));
    rest = rest.subspan(n);
  }
  return all;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_read_fills_every_buffer) {
  connected pair;
  const std::string data = pattern(8192);
  pair.server_sends(data);
  std::string a(10, '\0');
  std::string b(8000, '\0');
  BOOST_TEST(completes(pair.client.read({room_in(a), room_in(b)}), 8010));
  BOOST_TEST(same_bytes(a + b, data.substr(0, 8010)));
  BOOST_TEST(pair.client.tls.pending() == 182u);
  BOOST_TEST(same_bytes(pair.client.read_all(), data.substr(8010)));
}

BOOST_AUTO_TEST_CASE(a_read_takes_all_the_records_that_are_there) {
  connected pair;
  std::string data;
  for (unsigned i = 0; i < 100; ++i) {
    data += pattern(10 + i, i);
    pair.server_sends(std::string_view(data).substr(data.size() - 10 - i));
  }
  counting_transport t(pair.client.wire);
  std::string room(20'000, '\0');
  const mutable_buffer b = room_in(room);
  BOOST_TEST(completes(pair.client.tls.read(t, {&b, 1}), data.size()));
  BOOST_TEST(same_bytes(room.substr(0, data.size()), data));
  BOOST_TEST(t.reads <= 2); // the records, and their end
}

// So that one busy connection does not keep a thread to itself.
BOOST_AUTO_TEST_CASE(a_read_takes_about_the_batch_limit_and_leaves_the_rest) {
  connected pair;
  const std::string data = pattern(200'000);
  pair.server_sends(data);
  pair.client.tls.set_batch_limit(50'000);
  std::string room(data.size(), '\0');
  const step s = pair.client.read(room);
  BOOST_TEST(!s.error);
  BOOST_TEST(s.bytes >= 50'000u);
  BOOST_TEST(s.bytes < 50'000u + 16'384u);
  BOOST_TEST(same_bytes(room.substr(0, s.bytes) + pair.client.read_all(), data));
}

BOOST_AUTO_TEST_CASE(a_read_with_data_does_not_wait_for_more) {
  connected pair;
  pair.server_sends("some");
  std::string room(1000, '\0');
  BOOST_TEST(completes(pair.client.read(room), 4));
  BOOST_TEST(stops(pair.client.read(room), suspend::want_read));
}

BOOST_AUTO_TEST_CASE(empty_buffers_are_skipped) {
  connected pair;
  const std::string left = "left";
  const std::string right = "right";
  BOOST_TEST(completes(pair.server.write({{}, bytes_of(left), {}, {}, bytes_of(right), {}}), 9));
  deliver(pair.server, pair.client);
  std::string a(6, '\0');
  std::string b(10, '\0');
  BOOST_TEST(completes(pair.client.read({{}, {}, room_in(a), {}, room_in(b), {}}), 9));
  BOOST_TEST(a == "leftri");
  BOOST_TEST(b.substr(0, 3) == "ght");
}

BOOST_AUTO_TEST_CASE(zero_bytes_are_complete_at_once_on_any_connection) {
  const auto check = [](endpoint& e) {
    const std::size_t before = e.wire.output().size();
    const std::uint64_t reads = e.tls.stats().transport_reads;
    BOOST_TEST(completes(e.read({})));
    BOOST_TEST(completes(e.read({{}, {}})));
    BOOST_TEST(completes(e.write({})));
    BOOST_TEST(completes(e.write({{}, {}})));
    BOOST_TEST(e.wire.output().size() == before);
    BOOST_TEST(e.tls.stats().transport_reads == reads);
  };
  memory_pair pair;
  check(pair.client); // not even begun
  BOOST_REQUIRE(pair.connect());
  check(pair.client);
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
  check(pair.client);
}

BOOST_AUTO_TEST_CASE(small_buffers_become_full_records) {
  connected pair;
  const std::string data = pattern(6 * 4096);
  BOOST_TEST(completes(pair.client.tls.write(pair.client.wire, pieces(data, 4096)), 24'576));
  BOOST_TEST(records_of(text_of(pair.client.wire.output())).size() == 2u);
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), data));
}

BOOST_AUTO_TEST_CASE(a_few_tiny_buffers_are_one_record_and_one_send) {
  connected pair;
  const std::string data = pattern(8 * 64);
  counting_transport t(pair.client.wire);
  BOOST_TEST(completes(pair.client.tls.write(t, pieces(data, 64)), data.size()));
  BOOST_TEST(t.writes == 1);
  BOOST_TEST(records_of(text_of(pair.client.wire.output())).size() == 1u);
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), data));
}

// The short record goes first, so that the others need not be put together from two buffers.
BOOST_AUTO_TEST_CASE(a_header_and_full_records_leave_in_one_send_for_each_full_one) {
  for (const std::size_t header : {1U, 64U, 256U})
    for (const std::size_t full : {1U, 3U})
      for (const bool in_two : {false, true}) {
        connected pair;
        const std::string data = pattern(header + full * 16384);
        std::vector<const_buffer> sequence{bytes_of(data).first(header), bytes_of(data).subspan(header)};
        if (in_two) sequence.insert(sequence.begin() + 1, sequence[0].subspan(header / 2));
        if (in_two) sequence[0] = sequence[0].first(header / 2);
        counting_transport t(pair.client.wire);
        BOOST_TEST(completes(pair.client.tls.write(t, sequence), data.size()));
        BOOST_TEST(t.writes == static_cast<int>(full));
        BOOST_TEST(t.promises == t.writes - 1);
        BOOST_TEST(pair.client.tls.stats().spilled == 0U);
        const auto records = records_of(text_of(pair.client.wire.output()));
        BOOST_REQUIRE(records.size() == full + 1);
        BOOST_TEST(records[0].body.size() + 5 == header + record_overhead);
        pair.settle();
        BOOST_TEST(same_bytes(pair.server.read_all(), data));
      }
}

// It would be one record more, or the full ones would have to be put together all the same.
BOOST_AUTO_TEST_CASE(no_short_record_goes_first_for_nothing) {
  struct sizes {
    std::size_t header, body;
  };
  for (const auto [header, body] : {sizes{64, 16383}, {64, 16385}, {64, 20'000}, {257, 16384}, {64, 100}}) {
    connected pair;
    const std::string data = pattern(header + body);
    const auto [first, second] = std::pair{bytes_of(data).first(header), bytes_of(data).subspan(header)};
    BOOST_TEST(completes(pair.client.write({first, second}), data.size()));
    const auto records = records_of(text_of(pair.client.wire.output()));
    BOOST_TEST(records.size() == (data.size() + 16383) / 16384);
    BOOST_TEST(records[0].body.size() + 5 == std::min<std::size_t>(data.size(), 16384) + record_overhead);
  }
}

// With room for any number of bytes: nothing, a part of the short record, all of it, a part of the next one.
BOOST_AUTO_TEST_CASE(a_header_and_a_full_record_arrive_whatever_the_transport_takes) {
  const std::string data = pattern(64 + 16384);
  const auto [first, second] = std::pair{bytes_of(data).first(64), bytes_of(data).subspan(64)};
  for (const std::size_t room : {0U, 1U, 50U, 85U, 86U, 87U, 10'000U, 16491U, 16492U}) {
    connected pair;
    pair.client.wire.set_capacity(room);
    counting_transport t(pair.client.wire);
    step s = pair.client.tls.write(t, std::array{first, second});
    BOOST_TEST(t.writes == 1);
    BOOST_TEST(pair.client.tls.stats().spilled == 64 + 16384 + 2 * record_overhead - room);
    BOOST_TEST(s.complete() == (room == 16492U));
    deliver(pair.client, pair.server);
    pair.client.wire.set_capacity(no_limit);
    if (!s.complete()) s = pair.client.tls.write(t, std::array{first, second});
    BOOST_TEST(completes(s, data.size()));
    pair.settle();
    BOOST_TEST(same_bytes(pair.server.read_all(), data));
    // A transport that has no write for both makes two.
    pair.client.wire.set_capacity(room);
    const std::uint64_t before = pair.client.tls.stats().spilled;
    s = pair.client.write({first, second});
    BOOST_TEST(pair.client.tls.stats().spilled - before == 64 + 16384 + 2 * record_overhead - room);
    pair.client.wire.set_capacity(no_limit);
    if (!s.complete()) s = pair.client.write({first, second});
    BOOST_TEST(completes(s, data.size()));
    pair.settle();
    BOOST_TEST(same_bytes(pair.server.read_all(), data));
  }
}

// OpenSSL tells its limit by sealing less: the next short record is held in the same step.
BOOST_AUTO_TEST_CASE(two_short_records_of_one_write_go_out_once_each) {
  connected pair;
  BOOST_REQUIRE(SSL_set_max_send_fragment(pair.client.native(), 16383) == 1);
  const std::string data = pattern(64 + 16385 + 16383);
  const const_buffer all = bytes_of(data);
  counting_transport t(pair.client.wire);
  const std::array sequence{all.first(64), all.subspan(64, 16385), all.subspan(64 + 16385)};
  BOOST_TEST(completes(pair.client.tls.write(t, sequence), data.size()));
  BOOST_TEST(t.writes == 2);
  BOOST_TEST(records_of(text_of(pair.client.wire.output())).size() == 4U);
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), data));
}

// With more than a step may seal it would be one record more.
BOOST_AUTO_TEST_CASE(a_header_does_not_go_first_if_the_step_ends_before_the_write) {
  connected pair;
  pair.client.tls.set_batch_limit(2 * 16384);
  const std::string data = pattern(64 + 4 * 16384);
  const auto [first, second] = std::pair{bytes_of(data).first(64), bytes_of(data).subspan(64)};
  BOOST_TEST(completes(pair.client.write({first, second}), 2 * 16384));
  BOOST_TEST(records_of(text_of(pair.client.wire.output())).size() == 2U);
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), data.substr(0, 2 * 16384)));
}

// A promise that is not kept would leave the last bytes waiting in the kernel.
BOOST_AUTO_TEST_CASE(the_transport_is_told_that_more_follows_only_if_it_does) {
  for (const bool partial : {false, true}) {
    connected pair;
    if (!partial) pair.client.tls.clear_mode(mode::enable_partial_write);
    pair.client.tls.set_batch_limit(3 * 16384);
    const std::string data = pattern(70'000);
    const const_buffer b = bytes_of(data);
    counting_transport t(pair.client.wire);
    BOOST_TEST(completes(pair.client.tls.write(t, {&b, 1}), partial ? 3 * 16384 : data.size()));
    BOOST_TEST(t.writes == (partial ? 3 : 5));
    BOOST_TEST(t.promises == t.writes - 1);
  }
}

BOOST_AUTO_TEST_CASE(a_sequence_of_any_cut_arrives_in_order_also_when_blocked) {
  const std::string data = pattern(70'000);
  for (const std::size_t size : {1u, 7u, 1000u, 16383u, 16384u, 16385u, 40'000u}) {
    for (const std::size_t capacity : {std::size_t{50}, std::size_t{17'000}, no_limit}) {
      connected pair;
      pair.client.tls.clear_mode(mode::enable_partial_write);
      pair.client.wire.set_capacity(capacity);
      const auto sequence = pieces(data, size);
      step s;
      for (int i = 0; i < 10'000; ++i) {
        s = pair.client.tls.write(pair.client.wire, sequence);
        deliver(pair.client, pair.server);
        if (s.complete()) break;
      }
      BOOST_TEST(completes(s, data.size()));
      BOOST_TEST(same_bytes(pair.server.read_all(), data));
    }
  }
}

// For protocols that leave TLS again: what follows close_notify is not ours to take.
BOOST_AUTO_TEST_CASE(without_read_ahead_nothing_behind_close_notify_is_touched) {
  for (const std::size_t read_ahead : {std::size_t{0}, std::size_t{16 * 1024}}) {
    connected pair;
    pair.client.tls.set_read_ahead(read_ahead);
    pair.server_sends("last");
    BOOST_TEST(completes(pair.server.shutdown(shutdown_form::send_only)));
    deliver(pair.server, pair.client);
    BOOST_REQUIRE(pair.client.wire.feed(bytes_of("plain text again")));
    BOOST_TEST(same_bytes(pair.client.read_all(), "last"));
    BOOST_TEST(fails(pair.client.last, error::end_of_stream));
    BOOST_TEST(pair.client.wire.unread() == (read_ahead == 0 ? 16u : 0u));
  }
}

BOOST_AUTO_TEST_SUITE_END()
