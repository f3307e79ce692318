// SPDX-License-Identifier: BSL-1.0
// Invariants 1 and 2, writes that are not cancelled: does every byte arrive once and in order, however little
// room the transport has, and does a write keep the semantics of its modes?
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <memory>
#include <vector>

BOOST_AUTO_TEST_SUITE(writes)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

struct connected : memory_pair {
  connected() { BOOST_REQUIRE(connect()); }

  // Repeats a write until it is complete. After each blocked step the peer takes all that is on the wire.
  step write_through(std::string_view data) {
    for (int i = 0; i < 1'000'000; ++i) {
      const step s = client.write(data);
      if (s.complete()) return s;
      BOOST_REQUIRE(stops(s, suspend::want_write));
      BOOST_REQUIRE(client.tls.flush_pending());
      if (deliver(client, server) == 0) client.wire.set_capacity(1000); // there was no room at all
    }
    return {suspend::want_write, 0, {}};
  }
  // Writes all of `data`, in as many writes as it takes.
  void write_whole(std::string_view data, bool partial) {
    while (!data.empty()) {
      const step s = write_through(data);
      BOOST_REQUIRE(!s.error);
      BOOST_REQUIRE(s.bytes > 0);
      BOOST_REQUIRE(s.bytes <= data.size());
      if (!partial) BOOST_REQUIRE(s.bytes == data.size());
      data.remove_prefix(s.bytes);
    }
  }
  std::string received() {
    client.wire.set_capacity(no_limit);
    client.wire.set_chunk(no_limit);
    settle();
    return server.read_all();
  }
};

const std::size_t capacities[] = {0, 1, 5, 100, 5000, 16000, 16406, 16407, 20000, 40000, no_limit};

} // namespace

BOOST_AUTO_TEST_CASE(every_byte_arrives_whatever_the_room_and_the_chunk) {
  const std::string data = pattern(50'000);
  const std::string more = pattern(700, 1);
  for (const std::size_t chunk :
       {std::size_t{1}, std::size_t{5}, std::size_t{13}, std::size_t{64}, std::size_t{1024}, no_limit}) {
    for (const bool partial : {false, true}) {
      for (const std::size_t capacity : capacities) {
        BOOST_TEST_CONTEXT("capacity " << capacity << ", chunk " << chunk << ", partial " << partial) {
          connected pair;
          if (!partial) pair.client.tls.clear_mode(mode::enable_partial_write);
          pair.client.wire.set_capacity(capacity);
          pair.client.wire.set_chunk(chunk);
          pair.write_whole(data, partial);
          pair.write_whole(more, partial);
          BOOST_TEST(!pair.client.tls.flush_pending()); // a complete write leaves nothing behind
          BOOST_TEST(same_bytes(pair.received(), data + more));
          BOOST_TEST(pair.server.last.why == suspend::want_read);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(writes_of_every_size_around_a_record_arrive) {
  connected pair;
  std::string all;
  for (const std::size_t n :
       {1u, 2u, 15u, 16u, 255u, 8191u, 16383u, 16384u, 16385u, 32767u, 32768u, 32769u}) {
    const std::string data = pattern(n, n);
    BOOST_TEST(completes(pair.client.write(data), n));
    all += data;
  }
  BOOST_TEST(same_bytes(pair.received(), all));
}

BOOST_AUTO_TEST_CASE(a_blocked_write_is_not_complete_and_seals_no_further_record) {
  connected pair;
  pair.client.wire.set_capacity(0);
  const std::string data = pattern(100'000);
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
    BOOST_TEST(pair.client.tls.unfinished_write() == 16384u); // memory stays bounded: one record waits
  }
  BOOST_TEST(pair.client.wire.output().empty());
  BOOST_TEST(pair.client.tls.stats().spill_peak == 16384 + record_overhead);
}

BOOST_AUTO_TEST_CASE(without_partial_write_it_is_all_or_nothing) {
  connected pair;
  pair.client.tls.clear_mode(mode::enable_partial_write);
  const std::string data = pattern(1'000'000);
  BOOST_TEST(completes(pair.client.write(data), data.size())); // the batch limit is for partial writes
  BOOST_TEST(same_bytes(pair.received(), data));
}

BOOST_AUTO_TEST_CASE(with_partial_write_a_write_ends_as_soon_as_it_would_wait) {
  connected pair;
  pair.client.wire.set_capacity(40'000);
  const std::string data = pattern(100'000);
  BOOST_TEST(stops(pair.client.write(data), suspend::want_write)); // 2 records are out, of a third one a part
  deliver(pair.client, pair.server);
  BOOST_TEST(completes(pair.client.write(data), 3 * 16384));
  BOOST_TEST(same_bytes(pair.received(), data.substr(0, 3 * 16384)));
}

BOOST_AUTO_TEST_CASE(a_partial_write_takes_no_more_than_the_batch_limit) {
  connected pair;
  const std::string data = pattern(600'000);
  BOOST_TEST(completes(pair.client.write(data), 256u * 1024));
  std::size_t sent = 256u * 1024;
  for (const std::size_t limit : {1u, 1000u, 16384u, 20'000u, 32768u}) {
    pair.client.tls.set_batch_limit(limit);
    BOOST_TEST(completes(pair.client.write(std::string_view(data).substr(sent)), limit));
    sent += limit;
  }
  pair.client.tls.set_batch_limit(0); // the least that makes progress
  BOOST_TEST(completes(pair.client.write(std::string_view(data).substr(sent)), 1));
  BOOST_TEST(same_bytes(pair.received(), data.substr(0, sent + 1)));
}

BOOST_AUTO_TEST_CASE(a_moving_buffer_may_be_retried_from_anywhere) {
  for (const bool partial : {false, true}) {
    connected pair;
    if (!partial) pair.client.tls.clear_mode(mode::enable_partial_write);
    const std::string data = pattern(60'000);
    pair.client.wire.set_capacity(10'000);
    step s;
    std::unique_ptr<std::string> copy;
    for (int i = 0; i < 100; ++i) {
      auto next = std::make_unique<std::string>(data);
      if (copy) copy->assign(copy->size(), '!'); // whoever kept a pointer to it sends rubbish
      copy = std::move(next);
      s = pair.client.write(*copy);
      if (s.complete()) break;
      deliver(pair.client, pair.server);
    }
    BOOST_TEST(!s.error);
    BOOST_TEST(s.bytes == (partial ? 16384u : data.size()));
    BOOST_TEST(same_bytes(pair.received(), data.substr(0, s.bytes)));
  }
}

BOOST_AUTO_TEST_CASE(without_the_mode_a_moved_buffer_is_refused_and_nothing_is_lost) {
  connected pair;
  pair.client.tls.clear_mode(mode::enable_partial_write | mode::accept_moving_write_buffer);
  const std::string data = pattern(60'000);
  const std::string copy = data;
  pair.client.wire.set_capacity(20'000);
  BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
  const std::size_t sealed = pair.client.tls.unfinished_write();
  BOOST_TEST(sealed == 2u * 16384);
  deliver(pair.client, pair.server);
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(fails(pair.client.write(copy), error::write_buffer_moved));
    BOOST_TEST(fails(pair.client.write(std::string_view(data).substr(1)), error::write_buffer_moved));
    BOOST_TEST(fails(pair.client.write(std::string_view(data).substr(0, 59'999)), error::write_buffer_moved));
    BOOST_TEST(pair.client.tls.unfinished_write() == sealed);
    BOOST_TEST(pair.client.wire.output().empty());
  }
  BOOST_TEST(pair.client.tls.state() == connection_state::open);
  BOOST_TEST(completes(pair.write_through(data), data.size()));
  BOOST_TEST(same_bytes(pair.received(), data));
}

BOOST_AUTO_TEST_CASE(a_retry_shorter_than_what_is_sealed_is_refused_and_nothing_is_lost) {
  connected pair;
  const std::string data = pattern(60'000);
  pair.client.wire.set_capacity(20'000);
  BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
  const std::size_t sealed = pair.client.tls.unfinished_write();
  for (const std::size_t n : {std::size_t{1}, std::size_t{16384}, sealed - 1})
    BOOST_TEST(fails(pair.client.write(std::string_view(data).substr(0, n)), error::write_retry_too_short));
  BOOST_TEST(pair.client.tls.unfinished_write() == sealed);
  deliver(pair.client, pair.server);
  BOOST_TEST(completes(pair.client.write(std::string_view(data).substr(0, sealed)), sealed));
  BOOST_TEST(same_bytes(pair.received(), data.substr(0, sealed)));
}

BOOST_AUTO_TEST_CASE(a_failed_read_does_not_disturb_a_blocked_write) {
  connected pair;
  pair.client.tls.clear_mode(mode::enable_partial_write);
  const std::string data = pattern(60'000);
  pair.client.wire.set_capacity(20'000);
  BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
  pair.client.wire.feed_eof(); // the peer has closed its side
  std::string room(10, '\0');
  BOOST_TEST(fails(pair.client.read(room), error::stream_truncated));
  BOOST_TEST(completes(pair.write_through(data), data.size()));
  BOOST_TEST(same_bytes(pair.received(), data));
}

BOOST_AUTO_TEST_CASE(small_fragments_are_filled_and_arrive) {
  for (const bool partial : {false, true}) {
    connected pair;
    if (!partial) pair.client.tls.clear_mode(mode::enable_partial_write);
    SSL_set_max_send_fragment(pair.client.native(), 512);
    const std::string data = pattern(5000);
    BOOST_TEST(completes(pair.client.write(data), data.size()));
    const std::string wire = text_of(pair.client.wire.output());
    BOOST_TEST(count_records(wire, content::application_data) == 10u);
    BOOST_TEST(same_bytes(pair.received(), data));
  }
}

BOOST_AUTO_TEST_SUITE_END()
