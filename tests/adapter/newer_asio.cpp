// SPDX-License-Identifier: BSL-1.0
// Does the stream take up what newer versions of Boost.Asio add? With an older one there is nothing to test,
// and a message says so.
#include "asio_fixture.hpp"

#include <boost/asio/version.hpp>
#include <boost/test/unit_test.hpp>

#if BOOST_ASIO_VERSION >= 102700 // Boost 1.82
#include <boost/asio/bind_immediate_executor.hpp>
#include <boost/asio/system_executor.hpp>
#endif
#if BOOST_ASIO_VERSION >= 103100 // Boost 1.86
#include <boost/asio/cancel_after.hpp>
#endif

#include <array>

BOOST_AUTO_TEST_SUITE(newer_asio)

using namespace tlsmode;
using namespace tlsmode::test;

#if BOOST_ASIO_VERSION >= 102700
BOOST_AUTO_TEST_CASE(an_immediate_executor_is_used_by_an_operation_that_completes_at_once) {
  open_pair<our_client> p;
  bool called = false;
  const auto handler = [&](error_code ec, std::size_t n) {
    called = true;
    BOOST_TEST(ec == error_code());
    BOOST_TEST(n == 1u);
  };
  p.client.async_write_some(net::buffer("x", 1),
                            net::bind_immediate_executor(net::system_executor(), handler));
  BOOST_TEST(called);

  // One that has to wait does not care, nor does a handler without.
  called = false;
  std::array<char, 1> room{};
  p.client.async_read_some(net::buffer(room), net::bind_immediate_executor(net::system_executor(), handler));
  BOOST_TEST(!called);
  const operation reply = start_write(p.server, net::buffer("y", 1));
  run_until(p.io, [&] { return called; });
  called = false;
  p.client.async_write_some(net::buffer("x", 1), handler);
  BOOST_TEST(!called);
  run_until(p.io, [&] { return called; });
}
#endif

#if BOOST_ASIO_VERSION >= 103100
BOOST_AUTO_TEST_CASE(cancel_after_ends_an_operation_and_leaves_the_stream_usable) {
  open_pair<our_client> p;
  std::array<char, 5> room{};
  error_code result;
  bool done = false;
  p.client.async_read_some(net::buffer(room),
                           net::cancel_after(std::chrono::milliseconds(1), [&](error_code ec, std::size_t n) {
                             result = ec;
                             done = true;
                             BOOST_TEST(n == 0u);
                           }));
  run_until(p.io, [&] { return done; });
  BOOST_TEST(result == net::error::operation_aborted);
  const operation sent = start_write(p.server, net::buffer("hello", 5));
  const operation got = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return got.done(); });
  BOOST_TEST(got.bytes() == 5u);
}
#endif

BOOST_AUTO_TEST_CASE(what_this_version_has) {
  BOOST_TEST_MESSAGE("Boost.Asio " << BOOST_ASIO_VERSION / 100000 << "." << BOOST_ASIO_VERSION / 100 % 1000
                                   << ": immediate executors from 1.27, cancel_after from 1.31");
  BOOST_TEST(BOOST_ASIO_VERSION >= 102600); // what the stream is written for
}

BOOST_AUTO_TEST_SUITE_END()
