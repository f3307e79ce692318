// SPDX-License-Identifier: BSL-1.0
// What becomes of the caller's buffers? The sequence is copied; the memory is touched only while the operation
// is outstanding, and no further than it says.
#include "asio_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <array>

using namespace tlsmode;
using namespace tlsmode::test;

BOOST_AUTO_TEST_SUITE(buffers)

BOOST_AUTO_TEST_CASE(the_sequence_is_copied) {
  open_pair<both_ours> p({TLS1_3_VERSION, tiny});
  p.client.clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(100000, 1);
  std::string room(text.size(), '\0');
  operation write;
  {
    std::vector<net::const_buffer> from{net::buffer(text.data(), 30000), net::buffer(text.data() + 30000, 70000)};
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

BOOST_AUTO_TEST_CASE(a_read_fills_the_whole_sequence_and_nothing_else) {
  open_pair<both_ours> p;
  const std::string text = random_bytes(8192, 1);
  const operation write = start_write(p.server, net::buffer(text));
  run_until(p.io, [&] { return write.done(); });
  settle(p.io);
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
  settle(p.io);
  const operation all = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return all.done(); });
  BOOST_TEST(all.bytes() == 1000U);
}

// A cancelled write has no more use for its memory: what was sealed goes out from elsewhere.
BOOST_AUTO_TEST_CASE(a_cancelled_write_lets_go_of_its_memory) {
  open_pair<our_client> p({TLS1_3_VERSION, tiny});
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
