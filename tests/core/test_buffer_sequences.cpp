// SPDX-License-Identifier: BSL-1.0
// Do reads and writes use the whole of a buffer sequence: small buffers in one record, many records in one
// read?
#include "counting_transport.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
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
