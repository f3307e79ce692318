// SPDX-License-Identifier: BSL-1.0
// Dynamic record sizing: are the first records of a connection small, the later ones full, and small again
// after a pause, whatever the buffers look like and however the write is cut?
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(record_sizes)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using std::chrono::milliseconds;

constexpr milliseconds never = milliseconds::max();

struct sized : memory_pair {
  explicit sized(const record_sizing& sizing) {
    BOOST_REQUIRE(connect());
    client.tls.set_record_sizing(sizing);
  }
  // The plaintext lengths of the records that the client has put out since the last call.
  std::vector<std::size_t> sent() {
    std::vector<std::size_t> lengths;
    for (const record& r : records_of(text_of(client.wire.output())))
      lengths.push_back(r.body.size() + 5 - record_overhead);
    received += deliver_and_read();
    return lengths;
  }
  std::string received;

 private:
  std::string deliver_and_read() {
    deliver(client, server);
    return server.read_all();
  }
};

using sizes = std::vector<std::size_t>;

} // namespace

BOOST_AUTO_TEST_CASE(the_first_records_are_small_and_the_later_ones_full) {
  sized pair({1000, 3, never});
  const std::string data = pattern(40'000);
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(pair.sent() == (sizes{1000, 1000, 1000, 16384, 16384, 4232}), boost::test_tools::per_element());
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(pair.sent() == (sizes{16384, 16384, 7232}), boost::test_tools::per_element());
  BOOST_TEST(same_bytes(pair.received, data + data));
}

BOOST_AUTO_TEST_CASE(records_are_counted_over_several_writes) {
  sized pair({1000, 3, never});
  const std::string data = pattern(5'000);
  for (const std::size_t n : {1u, 1001u}) BOOST_TEST(completes(pair.client.write(data.substr(0, n)), n));
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(pair.sent() == (sizes{1, 1000, 1, 5000}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_pause_brings_small_records_again) {
  sized pair({1000, 1, milliseconds(1)});
  const std::string data = pattern(3'000);
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(pair.sent() == (sizes{1000, 2000}), boost::test_tools::per_element());
  std::this_thread::sleep_for(milliseconds(2));
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(pair.sent() == (sizes{1000, 2000}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_the_setting_all_are_full) {
  sized pair({1000, 3, never});
  pair.client.tls.set_record_sizing({});
  const std::string data = pattern(17'000);
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(pair.sent() == (sizes{16384, 616}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(small_buffers_are_put_together_into_small_records) {
  sized pair({1000, 100, never});
  const std::string data = pattern(2'500);
  std::vector<const_buffer> pieces;
  for (std::size_t i = 0; i < data.size(); i += 7)
    pieces.push_back(bytes_of(data).subspan(i).first(std::min<std::size_t>(7, data.size() - i)));
  BOOST_TEST(completes(pair.client.tls.write(pair.client.wire, pieces), data.size()));
  BOOST_TEST(pair.sent() == (sizes{1000, 1000, 500}), boost::test_tools::per_element());
  BOOST_TEST(same_bytes(pair.received, data));
}

BOOST_AUTO_TEST_CASE(a_write_that_waits_for_room_loses_nothing) {
  for (const bool partial : {false, true}) {
    sized pair({1000, 5, milliseconds(0)}); // every step begins with small ones
    if (!partial) pair.client.tls.clear_mode(mode::enable_partial_write);
    pair.client.wire.set_capacity(700);
    const std::string data = pattern(30'000);
    std::size_t done = 0;
    std::string got;
    for (int i = 0; i < 10'000 && done < data.size(); ++i) {
      const step s = pair.client.write(std::string_view(data).substr(done));
      deliver(pair.client, pair.server);
      got += pair.server.read_all();
      if (s.complete()) done += s.bytes;
    }
    BOOST_TEST(done == data.size());
    BOOST_TEST(same_bytes(got, data));
  }
}

BOOST_AUTO_TEST_CASE(a_write_that_waited_for_room_goes_on_with_full_records) {
  sized pair({1000, 1, milliseconds(1)});
  pair.client.tls.clear_mode(mode::enable_partial_write);
  pair.client.wire.set_capacity(700);
  const std::string data = pattern(3'000);
  BOOST_TEST(!pair.client.write(data).complete());
  std::string wire = text_of(pair.client.wire.output());
  deliver(pair.client, pair.server);
  std::this_thread::sleep_for(milliseconds(2));
  pair.client.wire.set_capacity(no_limit);
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  wire += text_of(pair.client.wire.output());
  const auto records = records_of(wire);
  BOOST_REQUIRE(records.size() == 2u);
  BOOST_TEST(records[1].body.size() + 5 - record_overhead == 2000u);
}

BOOST_AUTO_TEST_CASE(without_a_pause_every_write_begins_with_small_ones) {
  for (const milliseconds pause : {milliseconds(0), milliseconds(-1), milliseconds::min()}) {
    sized pair({1000, 1, pause});
    const std::string data = pattern(3'000);
    for (int i = 0; i < 2; ++i) {
      BOOST_TEST(completes(pair.client.write(data), data.size()));
      BOOST_TEST(pair.sent() == (sizes{1000, 2000}), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(sizes_out_of_range_do_no_harm) {
  for (const std::uint32_t small : {0u, 1u, 16384u, 16385u, 4'000'000'000u}) {
    sized pair({small, 2, never});
    const std::string data = pattern(20'000);
    BOOST_TEST(completes(pair.client.write(data), data.size()));
    BOOST_TEST(pair.sent().front() == (small == 0 ? 1 : std::min<std::size_t>(small, 16384)));
    BOOST_TEST(same_bytes(pair.received, data));
  }
}

BOOST_AUTO_TEST_CASE(the_default_fits_a_segment_with_any_cipher_suite) {
  constexpr std::size_t longest =
      5 + 16 + 48 + 16; // header, IV, MAC of SHA-384, padding (RFC 5246 section 6.2.3)
  BOOST_TEST(record_sizing().small + longest <= 1500u - 40 - 20 - 12);
}

BOOST_AUTO_TEST_CASE(another_connection_of_the_object_begins_with_small_ones) {
  sized pair({1000, 1, never});
  const std::string data = pattern(3'000);
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(!pair.client.tls.reset());
  BOOST_TEST(!pair.server.tls.reset());
  pair.client.wire = {};
  pair.server.wire = {};
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(pair.sent() == (sizes{1000, 2000}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
