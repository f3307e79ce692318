// SPDX-License-Identifier: BSL-1.0
// Can the other tests rely on what the engine stands on: the memory transport, its queue, the errors' texts
// and the counters?
#include "counting_transport.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <tlsmode/detail/byte_queue.hpp>

#include <boost/test/unit_test.hpp>

#include <random>
#include <set>

BOOST_AUTO_TEST_SUITE(foundations)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using status = transfer::status;

} // namespace

BOOST_AUTO_TEST_CASE(a_queue_gives_back_what_it_got_and_holds_nothing_when_empty) {
  std::mt19937 random(1);
  detail::byte_queue queue;
  std::string model;
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 2 == 0) {
      const std::string bytes = pattern(random() % 300, random());
      BOOST_REQUIRE(queue.append(bytes_of(bytes)));
      model += bytes;
    } else {
      const std::size_t n = i % 50 == 0 ? model.size() : random() % (model.size() + 1);
      queue.consume(n);
      model.erase(0, n);
    }
    BOOST_REQUIRE(queue.size() == model.size());
    BOOST_REQUIRE(queue.empty() == model.empty());
    BOOST_REQUIRE(same_bytes(text_of(queue.data()), model));
    if (model.empty()) BOOST_REQUIRE(queue.capacity() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(the_memory_transport_moves_bytes_within_its_limits) {
  memory_transport t;
  std::string room(10, '\0');
  BOOST_TEST((t.read(room_in(room)).what == status::would_block));
  BOOST_REQUIRE(t.feed(bytes_of("abcdef")));
  t.set_chunk(4);
  BOOST_TEST(t.unread() == 6u);
  BOOST_TEST(t.read(room_in(room)).n == 4u);
  BOOST_TEST(room.substr(0, 4) == "abcd");
  t.feed_eof();
  BOOST_TEST(t.read(room_in(room)).n == 2u); // what was fed before comes before the end
  BOOST_TEST((t.read(room_in(room)).what == status::eof));
  t.fail_reads(std::make_error_code(std::errc::connection_reset));
  BOOST_TEST((t.read(room_in(room)).error == std::errc::connection_reset));

  t.set_capacity(6);
  BOOST_TEST(t.write(bytes_of("123456789")).n == 4u);
  BOOST_TEST(t.write(bytes_of("56789")).n == 2u);
  BOOST_TEST((t.write(bytes_of("789")).what == status::would_block));
  BOOST_TEST(text_of(t.output()) == "123456");
  t.consume(5);
  BOOST_TEST(text_of(t.output()) == "6");
  t.fail_writes(std::make_error_code(std::errc::broken_pipe));
  BOOST_TEST((t.write(bytes_of("7")).error == std::errc::broken_pipe));
}

BOOST_AUTO_TEST_CASE(every_error_has_words_of_its_own) {
  std::set<std::string> texts;
  const int last = static_cast<int>(error::openssl_internal);
  for (int i = 1; i <= last; ++i) texts.insert(make_error_code(static_cast<error>(i)).message());
  BOOST_TEST(texts.size() == static_cast<std::size_t>(last));
  BOOST_TEST(texts.count("unknown tlsmode error") == 0u);
  BOOST_TEST(std::error_code(last + 1, error_category()).message() == "unknown tlsmode error");
  BOOST_TEST(error_category().name() == std::string("tlsmode"));
  BOOST_TEST(openssl_category().name() == std::string("openssl"));
  const std::error_code openssl(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_HTTP_REQUEST), openssl_category());
  BOOST_TEST(openssl.message().find("http request") == 0u);
  BOOST_TEST(std::error_code(1, openssl_category()).message().find("1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_counters_count) {
  memory_pair pair;
  counting_transport client_wire(pair.client.wire);
  BOOST_REQUIRE(pair.connect());
  const stats before = pair.client.tls.stats();
  BOOST_TEST(before.plain_read == 0u);
  BOOST_TEST(before.plain_written == 0u);
  BOOST_TEST(before.cipher_read == pair.server.tls.stats().cipher_written);
  BOOST_TEST(before.cipher_written == pair.server.tls.stats().cipher_read);

  const std::string data = pattern(40'000);
  const const_buffer b = bytes_of(data);
  BOOST_TEST(completes(pair.client.tls.write(client_wire, {&b, 1}), data.size()));
  const std::size_t wire = pair.client.wire.output().size();
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), data));
  const stats& after = pair.client.tls.stats();
  BOOST_TEST(after.plain_written == data.size());
  BOOST_TEST(pair.server.tls.stats().plain_read == data.size());
  BOOST_TEST(after.cipher_written - before.cipher_written == wire);
  BOOST_TEST(after.transport_writes - before.transport_writes ==
             static_cast<std::uint64_t>(client_wire.writes));
  BOOST_TEST(after.spilled == 0u);
  BOOST_TEST(after.spill_peak == 0u);

  pair.client.wire.set_capacity(10);
  BOOST_TEST(stops(pair.client.write("held back"), suspend::want_write));
  BOOST_TEST(after.suspended_write == before.suspended_write + 1);
  BOOST_TEST(after.spilled == 9 + 22 - 10u);
  BOOST_TEST(after.spill_peak == after.spilled);
  pair.client.wire.set_capacity(no_limit);
  BOOST_TEST(completes(pair.client.write("held back"), 9));
  BOOST_TEST(after.spill_peak == 9 + 22 - 10u); // only grows
  BOOST_TEST(after.cipher_written - before.cipher_written == wire + 9 + 22);
}

BOOST_AUTO_TEST_SUITE_END()
