// SPDX-License-Identifier: BSL-1.0
// What becomes of the caller's buffers? The sequence is copied; the memory is touched only while the
// operation is outstanding, and no further than it says.
#include "asio_layered.hpp"

#include <boost/test/unit_test.hpp>

#include <array>

BOOST_AUTO_TEST_SUITE(buffers)

using namespace tlsmode;
using namespace tlsmode::test;

// A record adds 22 bytes to its content in TLS 1.3: header, content type and tag.

BOOST_AUTO_TEST_CASE_TEMPLATE(the_sequence_is_copied, Stream, both_channels) {
  open_pair<tls_pair<Stream, Stream>> p({TLS1_3_VERSION, tiny});
  p.client.clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(100000, 1);
  std::string room(text.size(), '\0');
  operation write;
  {
    std::vector<net::const_buffer> from{net::buffer(text.data(), 30000),
                                        net::buffer(text.data() + 30000, 70000)};
    p.client.async_write_some(from, write.make_handler());
    std::fill(from.begin(), from.end(), net::const_buffer("wrong", 5));
  }
  std::size_t got = 0;
  while (got != text.size()) {
    operation read;
    std::vector<net::mutable_buffer> to{net::buffer(room) + got};
    p.server.async_read_some(to, read.make_handler());
    to.assign(1, net::mutable_buffer());
    run_until(p.io, [&] { return read.done(); });
    BOOST_REQUIRE(read.good());
    got += read.bytes();
  }
  run_until(p.io, [&] { return write.done(); });
  BOOST_TEST((room == text));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_read_fills_the_whole_sequence_and_nothing_else, Stream, both_channels) {
  open_pair<tls_pair<Stream, tls_stream>> p;
  const std::string text = random_bytes(8192, 1);
  const operation write = start_write(p.server, net::buffer(text));
  run_until(p.io, [&] { return write.done(); });
  wait_for_bytes(socket_of(p.client), 8192 + 22);
  std::string room(9000, '-');
  const std::vector<net::mutable_buffer> to{net::buffer(room.data(), 10), net::mutable_buffer(),
                                            net::buffer(room.data() + 10, 8000)};
  operation read;
  p.client.async_read_some(to, read.make_handler());
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST(read.bytes() == 8010U);
  BOOST_TEST((room.substr(0, 8010) == text.substr(0, 8010)));
  BOOST_TEST((room.substr(8010) == std::string(990, '-')));

  // Several records that are there already are one read.
  receiver rest(p.client);
  rest.start(182);
  run_until(p.io, [&] { return rest.done(); });
  for (int i = 0; i < 10; ++i) {
    const operation small = start_write(p.server, net::buffer(text.data(), 100));
    run_until(p.io, [&] { return small.done(); });
  }
  wait_for_bytes(socket_of(p.client), 10 * (100 + 22));
  const operation all = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return all.done(); });
  BOOST_TEST(all.bytes() == 1000U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_gathered_write_takes_the_whole_sequence, Stream, both_channels) {
  open_pair<tls_pair<Stream, asio_stream>> p;
  const std::string text = random_bytes(6 * 4096 + 3, 1);
  std::vector<net::const_buffer> from{net::buffer(text.data(), 3)};
  for (std::size_t i = 0; i < 6; ++i) from.push_back(net::buffer(text.data() + 3 + 4096 * i, 4096));
  operation write;
  p.client.async_write_some(from, write.make_handler());
  receiver in(p.server);
  in.start(text.size());
  run_until(p.io, [&] { return write.done() && in.done(); });
  BOOST_TEST(write.bytes() == text.size());
  BOOST_TEST((in.data() == text));
}

// A cancelled write has no more use for its memory: what was sealed goes out from elsewhere.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_cancelled_write_lets_go_of_its_memory, Stream, both_channels) {
  open_pair<tls_pair<Stream, asio_stream>> p({TLS1_3_VERSION, tiny});
  std::string text = random_bytes(100000, 1);
  const std::string copy = text;
  operation write = start_write(p.client, net::buffer(text));
  settle(p.io);
  write.cancel();
  run_until(p.io, [&] { return write.done(); });
  std::fill(text.begin(), text.end(), '-');
  std::string().swap(text);
  const operation end = start_write(p.client, net::buffer("end", 3));
  receiver in(p.server);
  in.start(write.bytes() + 3);
  run_until(p.io, [&] { return in.done() && end.done(); });
  BOOST_TEST((in.data().substr(0, write.bytes()) == copy.substr(0, write.bytes())));
}

BOOST_AUTO_TEST_SUITE_END()
