// SPDX-License-Identifier: BSL-1.0
// Does misuse of a stream end in an error: one that was moved from or released, and one with more operations
// than it takes?
#include "asio_layered.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

BOOST_AUTO_TEST_SUITE(misuse)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

template <class Stream>
struct pair_of {
  using type = tls_pair<Stream, asio_stream>;
};

// Whatever it is asked to do, there is no connection to do it with.
template <class Stream>
void check_empty(net::io_context& io, Stream& s) {
  const error_code expected = to_boost(error::no_connection);
  error_code ec;
  std::array<char, 10> room{};
  const auto check = [&](const char* what) {
    BOOST_TEST_CONTEXT(what) { BOOST_TEST(ec == expected); }
    ec = {};
  };
  s.handshake(as_client, ec), check("handshake");
  s.handshake(as_client, net::buffer("x", 1), ec), check("buffered handshake");
  BOOST_TEST(s.read_some(net::buffer(room), ec) == 0U);
  check("read_some");
  BOOST_TEST(s.write_some(net::buffer("x", 1), ec) == 0U);
  check("write_some");
  s.shutdown(ec), check("shutdown");
  s.reset(ec), check("reset");
  BOOST_TEST(!s.release(ec));
  check("release");
  BOOST_CHECK_THROW(s.read_some(net::buffer(room)), boost::system::system_error);
  s.expires_after(std::chrono::seconds(1));
  s.expires_never();

  std::vector<operation> all = {start_handshake(s, as_client), start_read(s, net::buffer(room)),
                                start_write(s, net::buffer("x", 1)), start_shutdown(s)};
  for (const auto what : {net::socket_base::wait_read, net::socket_base::wait_write})
    all.push_back(start_wait(s, what));
  for (const operation& op : all) BOOST_TEST(!op.done(), "not from inside the call");
  run_out(io);
  for (const operation& op : all) {
    BOOST_TEST(op.calls() == 1);
    BOOST_TEST(op.ec() == expected);
  }
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(of_a_stream_that_was_moved_from, Stream, both_channels) {
  typename pair_of<Stream>::type p;
  p.handshake();
  {
    Stream other(std::move(p.client));
    check_empty(p.io, p.client); // NOLINT(bugprone-use-after-move)
    p.client = std::move(other);
  }
  const operation write = start_write(p.client, net::buffer("x", 1)); // and now it is one again
  run_until(p.io, [&] { return write.done(); });
  BOOST_TEST(write.good());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_a_stream_that_was_released, Stream, both_channels) {
  typename pair_of<Stream>::type p;
  p.client.set_read_ahead(0);
  p.handshake();
  const operation bye = start_shutdown(p.client);
  const operation bye_too = start_shutdown(p.server);
  run_until(p.io, [&] { return bye.done() && bye_too.done(); });
  error_code ec;
  const auto rest = p.client.release(ec);
  BOOST_REQUIRE(rest);
  check_empty(p.io, p.client);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_a_stream_with_operations_without_end, Stream, both_channels) {
  typename pair_of<Stream>::type p;
  p.handshake();
  constexpr int most = 4096;
  std::array<char, 10> room{};
  std::vector<operation> reads;
  for (int i = 0; i < most; ++i) reads.push_back(start_read(p.client, net::buffer(room)));
  const operation too_many = start_read(p.client, net::buffer(room));
  const operation write_too = start_write(p.client, net::buffer("x", 1));
  const operation nothing = start_write(p.client, net::buffer("", 0)); // has nothing to wait for
  BOOST_TEST(!too_many.done(), "not from inside the call");
  run_until(p.io, [&] { return too_many.done() && write_too.done() && nothing.done(); });
  BOOST_TEST(too_many.ec() == to_boost(error::too_many_operations));
  BOOST_TEST(write_too.ec() == to_boost(error::too_many_operations));
  BOOST_TEST(nothing.good());
  for (const operation& read : reads) BOOST_REQUIRE(!read.done());
  // When one has ended there is room for another, and the order is kept.
  reads[1].cancel();
  run_until(p.io, [&] { return reads[1].done(); });
  const operation write = start_write(p.client, net::buffer("x", 1));
  run_until(p.io, [&] { return write.done(); });
  BOOST_TEST(write.good());
  const operation answer = start_write(p.server, net::buffer("y", 1));
  run_until(p.io, [&] { return answer.done() && reads[0].done(); });
  BOOST_TEST(reads[0].good());
  BOOST_TEST(!reads[2].done());
  for (operation& read : reads) read.cancel();
  run_until(p.io, [&] { return reads.back().done(); });
}

BOOST_AUTO_TEST_SUITE_END()
