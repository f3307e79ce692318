// SPDX-License-Identifier: BSL-1.0
// What do buffer sequences, long transfers and many small records cost, over a plain socket and over another
// layer? The same scripts show what boost::asio::ssl::stream makes of them.
#include "asio_counters.hpp"
#include "asio_layered.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <vector>

BOOST_AUTO_TEST_SUITE(frugality)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

template <class Stream>
using client_pair = open_pair<tls_pair<Stream, asio_stream>>;

// Takes the tickets, so that they are not counted with what follows.
template <class Stream>
void settle_down(client_pair<Stream>& p) {
  const operation write = start_write(p.server, net::buffer("x", 1));
  std::array<char, 10> room{};
  const operation read = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return write.done() && read.done(); });
}

template <class Stream>
int descriptor(Stream& s) {
  return socket_of(s).native_handle();
}

// Read operations of the layer, if it counts them.
template <class Stream>
int layer_reads(Stream& s) {
  if constexpr (requires { s.next_layer().counts(); })
    return s.next_layer().counts().reads;
  else
    return 0;
}

// One write of 6 x 4096 bytes; returns what it took.
template <class Stream>
std::size_t gather(client_pair<Stream>& p) {
  const std::string text = random_bytes(24576, 1);
  std::vector<net::const_buffer> from;
  for (std::size_t i = 0; i < 6; ++i) from.push_back(net::buffer(text.data() + 4096 * i, 4096));
  clear_calls();
  operation write;
  p.client.async_write_some(from, write.make_handler());
  run_until(p.io, [&] { return write.done(); });
  receiver in(p.server);
  in.start(write.bytes());
  run_until(p.io, [&] { return in.done(); });
  BOOST_TEST((in.data() == text.substr(0, write.bytes())));
  return write.bytes();
}

// One read into 10 and 8000 bytes with 8192 there; returns what it got.
template <class Stream>
std::size_t scatter(client_pair<Stream>& p) {
  settle_down(p);
  const std::string text = random_bytes(8192, 1);
  const operation write = start_write(p.server, net::buffer(text));
  run_until(p.io, [&] { return write.done(); });
  wait_for_bytes(socket_of(p.client), 8192 + 22);
  std::string room(8010, '-');
  const std::array<net::mutable_buffer, 2> to{net::buffer(room.data(), 10),
                                              net::buffer(room.data() + 10, 8000)};
  operation read;
  p.client.async_read_some(to, read.make_handler());
  run_until(p.io, [&] { return read.done(); });
  const std::size_t got = read.bytes();
  BOOST_TEST((room.substr(0, got) == text.substr(0, got)));
  return got;
}

struct calls {
  int sends = 0;
  int receives = 0;
};

// 1 MiB through operations of a megabyte each; `from` sends it.
template <class From, class To>
calls mebibyte(net::io_context& io, From& from, To& to) {
  const std::string text = random_bytes(1 << 20, 1);
  std::string room(text.size(), '\0');
  std::size_t written = 0;
  std::size_t got = 0;
  std::function<void(error_code, std::size_t)> more_out = [&](error_code, std::size_t n) {
    written += n;
    if (written != text.size()) start_write(from, net::buffer(text) + written, more_out);
  };
  std::function<void(error_code, std::size_t)> more_in = [&](error_code, std::size_t n) {
    got += n;
    if (got != room.size()) start_read(to, net::buffer(room) + got, more_in);
  };
  clear_calls();
  more_out({}, 0);
  run_until(io, [&] { return socket_of(to).available() > 200000 || written == text.size(); });
  more_in({}, 0);
  run_until(io, [&] { return got == room.size() && written == text.size(); });
  BOOST_TEST((room == text));
  return {calls_on(descriptor(from)).sends, calls_on(descriptor(to)).receives};
}

// 100 records of 10 bytes that are all there, read 10 bytes at a time; returns the receive calls.
template <class Stream>
int small_records(client_pair<Stream>& p) {
  settle_down(p);
  const std::string text = random_bytes(1000, 1);
  for (std::size_t i = 0; i < 100; ++i) {
    const operation write = start_write(p.server, net::buffer(text.data() + 10 * i, 10));
    run_until(p.io, [&] { return write.done(); });
  }
  wait_for_bytes(socket_of(p.client), 100 * (10 + 22));
  clear_calls();
  std::string got;
  while (got.size() < text.size()) {
    std::array<char, 10> room{};
    const operation read = start_read(p.client, net::buffer(room));
    run_until(p.io, [&] { return read.done(); });
    BOOST_REQUIRE(read.good());
    got.append(room.data(), read.bytes());
  }
  BOOST_TEST((got == text));
  return calls_on(descriptor(p.client)).receives;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_standard_for_comparison) {
  {
    client_pair<asio_stream> p;
    BOOST_TEST(gather(p) == 8192U);
  }
  {
    client_pair<asio_stream> p;
    BOOST_TEST(scatter(p) == 10U);
  }
  {
    client_pair<asio_stream> p;
    const calls c = mebibyte(p.io, p.client, p.server);
    BOOST_TEST(c.sends >= 64);
    BOOST_TEST(c.receives >= 50);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_gathered_write_takes_all_of_it, Stream, both_channels) {
  client_pair<Stream> p;
  BOOST_TEST(gather(p) == 24576U);
  BOOST_TEST(calls_on(descriptor(p.client)).sends <= 2);
}

// Two records; the peer has the socket's buffer for both of them.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_header_and_a_full_record_take_one_send, Stream, both_channels) {
  client_pair<Stream> p;
  const std::string text = random_bytes(64 + 16384, 1);
  const std::array<net::const_buffer, 2> from{net::buffer(text.data(), 64),
                                              net::buffer(text.data() + 64, 16384)};
  receiver in(p.server);
  in.start(text.size());
  clear_calls();
  operation write;
  p.client.async_write_some(from, write.make_handler());
  run_until(p.io, [&] { return write.done() && in.done(); });
  BOOST_TEST(write.bytes() == text.size());
  BOOST_TEST(calls_on(descriptor(p.client)).sends == 1);
  BOOST_TEST((in.data() == text));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_scattered_read_fills_all_of_it, Stream, both_channels) {
  client_pair<Stream> p;
  BOOST_TEST(scatter(p) == 8010U);
}

// A receive that fills its memory is no sign that nothing more is there.
BOOST_AUTO_TEST_CASE(a_read_takes_all_records_that_are_there) {
  client_pair<tls_stream> p;
  settle_down(p);
  const std::string text = random_bytes(49152, 1);
  for (std::size_t i = 0; i < 3; ++i) {
    const operation write = start_write(p.server, net::buffer(text.data() + 16384 * i, 16384));
    run_until(p.io, [&] { return write.done(); });
  }
  wait_for_bytes(socket_of(p.client), 3 * (16384 + 22));
  std::string room(text.size(), '-');
  const operation read = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST(read.bytes() == text.size());
  BOOST_TEST((room == text));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_mebibyte_takes_few_calls, Stream, both_channels) {
  client_pair<Stream> sending;
  BOOST_TEST(mebibyte(sending.io, sending.client, sending.server).sends <= 80);
  client_pair<Stream> receiving;
  settle_down(receiving);
  BOOST_TEST(mebibyte(receiving.io, receiving.server, receiving.client).receives <= 80);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(small_records_that_are_there_take_one_receive, Stream, both_channels) {
  client_pair<Stream> p;
  const int before = layer_reads(p.client);
  BOOST_TEST(small_records(p) == 1);
  // One before, for the byte that settles things, and one for all of the records: no reads of nothing.
  BOOST_TEST(layer_reads(p.client) - before <= 2);
}

BOOST_AUTO_TEST_SUITE_END()
