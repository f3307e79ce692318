// SPDX-License-Identifier: BSL-1.0
// Does the error of a transport come out of the operation that it broke, with its own code, and after the
// data that came before it?
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(transport_errors)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

const std::error_code reset = std::make_error_code(std::errc::connection_reset);
const std::error_code broken_pipe = std::make_error_code(std::errc::broken_pipe);

struct connected : memory_pair {
  connected() { BOOST_REQUIRE(connect()); }
};

} // namespace

BOOST_AUTO_TEST_CASE(in_every_step_of_a_handshake) {
  int faults = 0;
  for (const role side : {role::client, role::server}) {
    for (int rounds = 0; rounds < 3; ++rounds) {   // of the handshake that go well
      for (const bool has_input : {false, true}) { // whether the peer's next bytes came before the fault
        for (const bool reading : {false, true}) {
          memory_pair pair;
          endpoint& e = side == role::client ? pair.client : pair.server;
          endpoint& peer = side == role::client ? pair.server : pair.client;
          for (int i = 0; i < rounds; ++i) pair.advance();
          if (e.last.complete()) continue; // too late for a fault
          e.handshake();
          deliver(e, peer);
          peer.handshake();
          if (has_input) deliver(peer, e);
          if (e.tls.state() == connection_state::open) continue;
          reading ? e.wire.fail_reads(reset) : e.wire.fail_writes(broken_pipe);
          e.last = e.handshake();
          if (!e.last.error) continue; // it needed nothing more
          ++faults;
          BOOST_TEST(fails(e.last, reading ? reset : broken_pipe));
          BOOST_TEST(e.tls.last_failure().operation == "handshake");
          BOOST_TEST(e.tls.last_failure().code == e.last.error);
          BOOST_TEST(fails(e.handshake(), e.last.error));
          BOOST_TEST(bool(e.write("x").error));
          // If only its last bytes could not be sent, the handshake itself is done.
          if (reading) BOOST_TEST(e.tls.state() == connection_state::failed);
        }
      }
    }
  }
  BOOST_TEST(faults == 7); // so many of the combinations need what is broken
}

BOOST_AUTO_TEST_CASE(a_client_that_cannot_write_says_so_instead_of_waiting) {
  memory_pair pair;
  pair.client.wire.fail_writes(broken_pipe);
  BOOST_TEST(fails(pair.client.handshake(), broken_pipe));
}

BOOST_AUTO_TEST_CASE(data_that_came_before_a_reset_comes_first) {
  connected pair;
  const std::string data = pattern(50'000);
  BOOST_TEST(completes(pair.server.write(data), data.size()));
  deliver(pair.server, pair.client);
  pair.client.wire.fail_reads(reset);
  BOOST_TEST(same_bytes(pair.client.read_all(), data));
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(fails(pair.client.last, reset));
    BOOST_TEST(pair.client.read_all().empty());
  }
  BOOST_TEST(pair.client.tls.last_failure().operation == "read");
}

BOOST_AUTO_TEST_CASE(a_reset_while_reading_leaves_writing_alone) {
  connected pair;
  pair.client.wire.fail_reads(reset);
  pair.client.read_all();
  BOOST_TEST(fails(pair.client.last, reset));
  BOOST_TEST(completes(pair.client.write("one way"), 7));
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), "one way"));
}

BOOST_AUTO_TEST_CASE(a_broken_pipe_ends_every_write_and_leaves_reading_alone) {
  connected pair;
  BOOST_TEST(completes(pair.server.write("one way"), 7));
  deliver(pair.server, pair.client);
  pair.client.wire.fail_writes(broken_pipe);
  for (int i = 0; i < 3; ++i) BOOST_TEST(fails(pair.client.write("x"), broken_pipe));
  BOOST_TEST(pair.client.tls.last_failure().operation == "write");
  BOOST_TEST(pair.client.tls.unfinished_write() == 0u);
  BOOST_TEST(!pair.client.tls.flush_pending());
  BOOST_TEST(same_bytes(pair.client.read_all(), "one way"));
  BOOST_TEST(pair.client.last.why == suspend::want_read);
  BOOST_TEST(fails(pair.client.shutdown(shutdown_form::send_only), broken_pipe));
}

BOOST_AUTO_TEST_CASE(a_pipe_that_breaks_while_a_write_is_blocked) {
  for (const bool partial : {false, true}) {
    connected pair;
    if (!partial) pair.client.tls.clear_mode(mode::enable_partial_write);
    const std::string data = pattern(40'000);
    pair.client.wire.set_capacity(1000);
    BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
    pair.client.wire.fail_writes(broken_pipe);
    BOOST_TEST(fails(pair.client.write(data), broken_pipe));
    BOOST_TEST(pair.client.tls.cancel_write() == 0u);
    BOOST_TEST(!pair.client.tls.flush_pending()); // nobody will ever take it: no memory is kept
    BOOST_TEST(fails(pair.client.flush(), broken_pipe));
  }
}

BOOST_AUTO_TEST_CASE(a_pipe_that_breaks_before_close_notify) {
  for (const auto form : {shutdown_form::send_only, shutdown_form::wait_for_peer, shutdown_form::drain}) {
    connected pair;
    pair.client.wire.fail_writes(broken_pipe);
    BOOST_TEST(fails(pair.client.shutdown(form), broken_pipe));
    BOOST_TEST(pair.client.tls.last_failure().operation == "shutdown");
  }
}

BOOST_AUTO_TEST_SUITE_END()
