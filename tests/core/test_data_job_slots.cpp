// SPDX-License-Identifier: BSL-1.0
// Reads, writes and shutdowns that wait for a slot in the job pool: does each of them get its turn, and does
// none that is over keep the others from theirs?
#include "job_guests.hpp"
#include "job_pool.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(job_slots)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

} // namespace

BOOST_AUTO_TEST_CASE(cancelled_operations_on_data_leave_the_queue) {
  with_job_pool(1, [] {
    const guest_settings s;
    numbers called;
    open_guest holder(s, 0, called);
    open_guest waiting(s, 1, called);
    open_guest behind(s, 2, called);
    std::string room(100, '\0');
    holder.pauser.arm(point::record_out);
    BOOST_REQUIRE(stops(holder.pair.server.write("held"), suspend::want_async));
    const auto queue = [&](const char* who) {
      endpoint& e = waiting.pair.server;
      if (*who == 'r') return e.read(room);
      if (*who == 'w') return e.write("later");
      return e.shutdown(shutdown_form::send_only);
    };
    const auto cancel = [&](const char* who) {
      engine& e = waiting.pair.server.tls;
      if (*who == 'r') e.cancel_read();
      if (*who == 'w') BOOST_TEST(e.cancel_write() == 0u);
      if (*who == 's') e.cancel_shutdown();
    };
    for (const char* who : {"read", "write", "shutdown"}) {
      BOOST_TEST_CONTEXT(who) {
        BOOST_TEST(stops(queue(who), suspend::want_async_job));
        BOOST_TEST(stops(behind.pair.server.write("behind"), suspend::want_async_job));
        called.clear();
        cancel(who);
        BOOST_TEST(!waiting.pair.server.tls.slot_awaited());
        BOOST_TEST(called == numbers{2}, boost::test_tools::per_element());
        behind.pair.server.tls.cancel_write();
      }
    }
    // The one that is left keeps the connection's place.
    for (const char* who : {"read", "write"}) {
      const char* const other = *who == 'r' ? "write" : "read";
      BOOST_TEST_CONTEXT(who) {
        BOOST_TEST(stops(queue("read"), suspend::want_async_job));
        BOOST_TEST(stops(queue("write"), suspend::want_async_job));
        BOOST_TEST(stops(behind.pair.server.write("behind"), suspend::want_async_job));
        called.clear();
        cancel(who);
        BOOST_TEST(waiting.pair.server.tls.slot_awaited());
        BOOST_TEST(called == numbers{1}, boost::test_tools::per_element()); // the call may have been for it
        cancel(other);
        BOOST_TEST(!waiting.pair.server.tls.slot_awaited());
        behind.pair.server.tls.cancel_write();
      }
    }
    holder.pauser.release();
    BOOST_TEST(completes(holder.pair.server.write("held"), 4));
  });
}

// It has bytes to give, and would have waited for a slot to get more.
BOOST_AUTO_TEST_CASE(a_read_that_is_over_does_not_wait) {
  with_job_pool(1, [] {
    const guest_settings s;
    numbers called;
    open_guest holder(s, 0, called);
    open_guest reader(s, 1, called);
    BOOST_REQUIRE(completes(reader.pair.client.write("first second"), 12));
    deliver(reader.pair.client, reader.pair.server);
    std::string room(5, '\0');
    BOOST_TEST(completes(reader.pair.server.read(room), 5));
    holder.pauser.arm(point::record_out);
    BOOST_REQUIRE(stops(holder.pair.server.write("held"), suspend::want_async));
    room.resize(100);
    BOOST_TEST(completes(reader.pair.server.read(room), 7));
    BOOST_TEST(!reader.pair.server.tls.slot_awaited());
    holder.pauser.release();
    BOOST_TEST(completes(holder.pair.server.write("held"), 4));
    BOOST_TEST(called.empty());
  });
}

// Of two operations of one connection that wait, the one that comes first must not take the other's call
// away.
BOOST_AUTO_TEST_CASE(both_operations_of_a_connection_are_served) {
  with_job_pool(1, [] {
    const guest_settings s;
    numbers called;
    open_guest holder(s, 0, called);
    open_guest waiting(s, 1, called);
    std::string room(100, '\0');
    holder.pauser.arm(point::record_out);
    BOOST_REQUIRE(stops(holder.pair.server.write("held"), suspend::want_async));
    BOOST_TEST(stops(waiting.pair.server.write("w"), suspend::want_async_job));
    BOOST_TEST(stops(waiting.pair.server.read(room), suspend::want_async_job));
    holder.pauser.release();
    BOOST_TEST(completes(holder.pair.server.write("held"), 4));
    BOOST_TEST(called == numbers{1}, boost::test_tools::per_element());
    called.clear();
    BOOST_TEST(completes(waiting.pair.server.write("w"), 1));
    BOOST_TEST(waiting.pair.server.tls.slot_awaited()); // for the read
    BOOST_TEST(called == numbers{1}, boost::test_tools::per_element());
    BOOST_TEST(stops(waiting.pair.server.read(room), suspend::want_read));
    BOOST_TEST(!waiting.pair.server.tls.slot_awaited());
  });
}

BOOST_AUTO_TEST_SUITE_END()
