// SPDX-License-Identifier: BSL-1.0
// Invariant 9: with jobs on the data path, does a pause keep everybody else out, keep away from the caller's
// memory, and lose nothing, also when the operation that was paused is cancelled?
#include "alert_log.hpp"
#include "job_pauser.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <memory>
#include <thread>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

const std::error_code broken = std::make_error_code(std::errc::network_down);

// A client whose every operation runs as a job.
struct pausing_pair : memory_pair {
  pausing_pair() {
    BOOST_REQUIRE(connect());
    client.tls.set_mode(mode::async);
    client.tls.set_job_scope(job_scope::all);
  }
  // A write that pauses before its record is sealed; its memory is rubbish afterwards.
  void pause_write(std::string_view data) {
    pauser.arm(point::record_out);
    std::string copy(data);
    BOOST_REQUIRE(stops(client.write(copy), suspend::want_async));
    copy.assign(copy.size(), '!');
  }
  void pause_read(std::size_t room_size = 100) {
    pauser.arm(point::record_in);
    auto room = std::make_unique<std::string>(room_size, '\0');
    BOOST_REQUIRE(stops(client.read(*room), suspend::want_async));
  } // the reader's memory is gone
  void server_sends(std::string_view data) {
    BOOST_REQUIRE(completes(server.write(data), data.size()));
    deliver(server, client);
  }
  std::string received() {
    settle();
    return server.read_all();
  }
  job_pauser pauser{client.native()};
};

} // namespace

BOOST_AUTO_TEST_SUITE(data_jobs)

BOOST_AUTO_TEST_CASE(a_paused_write_keeps_the_bytes_that_it_was_given) {
  for (const bool partial : {false, true}) {
    pausing_pair pair;
    if (!partial) pair.client.tls.clear_mode(mode::enable_partial_write);
    const std::string data = pattern(1000);
    pair.pause_write(data);
    BOOST_TEST(stops(pair.client.write(data), suspend::want_async));
    pair.pauser.release();
    BOOST_TEST(completes(pair.client.write(data), data.size()));
    BOOST_TEST(same_bytes(pair.received(), data));
    BOOST_TEST(pair.pauser.missed() == 0);
  }
}

BOOST_AUTO_TEST_CASE(writes_and_reads_may_pause_at_every_record) {
  for (const bool partial : {false, true}) {
    pausing_pair pair;
    if (!partial) pair.client.tls.clear_mode(mode::enable_partial_write);
    pair.pauser.arm_every_time(point::record_out);
    const std::string data = pattern(100'000);
    std::string_view rest = data;
    for (int i = 0; i < 100 && !rest.empty(); ++i) {
      const auto copy = std::make_unique<std::string>(rest); // at another address each time
      const step s = pair.client.write(*copy);
      BOOST_REQUIRE(!s.error);
      if (s.complete()) {
        BOOST_TEST(!pair.client.tls.job_paused());
        BOOST_TEST((partial || s.bytes == data.size()));
      }
      rest.remove_prefix(s.bytes);
    }
    BOOST_TEST(rest.empty());
    BOOST_TEST(pair.pauser.pauses() == 7); // one for each record
    BOOST_TEST(same_bytes(pair.received(), data));

    pair.pauser.arm_every_time(point::record_in);
    pair.server_sends(data);
    std::string got;
    for (int i = 0; i < 100 && got.size() < data.size(); ++i) {
      std::string room(1 + got.size() % 9000, '\0');
      const step s = pair.client.read(room);
      BOOST_REQUIRE(!s.error);
      got.append(room, 0, s.bytes);
    }
    BOOST_TEST(same_bytes(got, data));
    BOOST_TEST(pair.pauser.pauses() == 14);
    BOOST_TEST(pair.pauser.missed() == 0);
  }
}

// A write that had begun would keep the shutdown from going on.
BOOST_AUTO_TEST_CASE(a_write_does_not_begin_behind_a_paused_shutdown) {
  pausing_pair pair;
  pair.pauser.arm(point::record_out);
  BOOST_TEST(stops(pair.client.shutdown(shutdown_form::send_only), suspend::want_async));
  BOOST_TEST(stops(pair.client.write("late"), suspend::want_turn));
  pair.pauser.release();
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
  BOOST_TEST(fails(pair.client.write("late"), error::write_after_shutdown));
  BOOST_TEST(pair.received().empty());
  BOOST_TEST(fails(pair.server.last, error::end_of_stream));
}

BOOST_AUTO_TEST_CASE(a_partial_write_is_not_over_while_its_job_is_paused) {
  pausing_pair pair;
  pair.pauser.arm_every_time(point::record_out);
  const std::string data = pattern(60'000);
  BOOST_TEST(stops(pair.client.write(data), suspend::want_async)); // the first record
  BOOST_TEST(
      stops(pair.client.write(data), suspend::want_async));     // the first is sealed, the second is paused
  BOOST_TEST(pair.client.tls.unfinished_write() == 2u * 16384); // and cannot be taken back
  pair.pauser.disarm();
  BOOST_TEST(completes(pair.client.write(data), 2 * 16384));
  BOOST_TEST(completes(pair.client.write("and something else"), 18));
  BOOST_TEST(same_bytes(pair.received(), data.substr(0, 2 * 16384) + "and something else"));
}

BOOST_AUTO_TEST_CASE(while_a_job_is_paused_nobody_else_gets_in) {
  std::string room(100, '\0');
  {
    pausing_pair pair;
    pair.server_sends("for the reader");
    pair.pause_write("paused");
    const std::uint64_t reads = pair.client.tls.stats().transport_reads;
    BOOST_TEST(stops(pair.client.read(room), suspend::want_turn));
    BOOST_TEST(pair.client.tls.stats().transport_reads == reads);
    BOOST_TEST(fails(pair.client.shutdown(shutdown_form::send_only), error::operation_in_progress));
    pair.pauser.release();
    BOOST_TEST(completes(pair.client.write("paused"), 6));
    BOOST_TEST(completes(pair.client.read(room), 14));
    BOOST_TEST(same_bytes(pair.received(), "paused"));
  }
  {
    pausing_pair pair;
    pair.server_sends("for the reader");
    pair.pause_read();
    BOOST_TEST(stops(pair.client.write("later"), suspend::want_turn));
    BOOST_TEST(pair.client.tls.cancel_write() == 0u);
    for (const auto form : {shutdown_form::send_only, shutdown_form::wait_for_peer, shutdown_form::drain})
      BOOST_TEST(stops(pair.client.shutdown(form), suspend::want_turn));
    BOOST_TEST(pair.client.wire.output().empty());
    pair.pauser.release();
    BOOST_TEST(completes(pair.client.read(room), 14));
    BOOST_TEST(completes(pair.client.write("later"), 5));
    BOOST_TEST(same_bytes(pair.received(), "later"));
  }
  {
    pausing_pair pair;
    pair.server_sends("for the reader");
    pair.pauser.arm(point::record_out);
    BOOST_TEST(stops(pair.client.shutdown(shutdown_form::send_only), suspend::want_async));
    BOOST_TEST(stops(pair.client.read(room), suspend::want_turn));
    BOOST_TEST(stops(pair.client.write("later"), suspend::want_turn));
    pair.client.tls.cancel_write();
    pair.pauser.release();
    BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
    BOOST_TEST(pair.client.tls.state() == connection_state::close_sent);
    BOOST_TEST(completes(pair.client.read(room), 14));
    pair.received();
    BOOST_TEST(fails(pair.server.last, error::end_of_stream));
  }
}

// Whoever comes next ends the job; else it would wait for a turn that never comes.
BOOST_AUTO_TEST_CASE(a_write_that_fails_while_its_job_is_paused_leaves_nobody_waiting) {
  pausing_pair pair;
  pair.pause_write("paused");
  pair.client.wire.fail_writes(broken);
  pair.client.tls.output_lost(broken, engine::operation::none);
  BOOST_TEST(fails(pair.client.write("paused"), broken));
  pair.pauser.release();
  std::string room(10, '\0');
  BOOST_TEST(stops(pair.client.read(room), suspend::want_read));
  BOOST_TEST(!pair.client.tls.job_paused());
  BOOST_TEST(fails(pair.client.shutdown(shutdown_form::send_only), broken));
}

BOOST_AUTO_TEST_CASE(another_thread_is_refused_on_the_data_path_too) {
  pausing_pair pair;
  pair.pause_write("paused");
  pair.pauser.release();
  std::thread([&] { BOOST_TEST(fails(pair.client.write("paused"), error::job_on_other_thread)); }).join();
  BOOST_TEST(pair.client.tls.state() == connection_state::open);
  BOOST_TEST(completes(pair.client.write("paused"), 6));
  BOOST_TEST(same_bytes(pair.received(), "paused"));
}

BOOST_AUTO_TEST_CASE(a_retry_shorter_than_what_the_job_has_is_refused) {
  pausing_pair pair;
  const std::string data = pattern(1000);
  pair.pause_write(data);
  pair.pauser.release();
  BOOST_TEST(fails(pair.client.write(data.substr(0, 999)), error::write_retry_too_short));
  BOOST_TEST(pair.client.tls.job_paused());
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(same_bytes(pair.received(), data));
}

BOOST_AUTO_TEST_CASE(a_longer_retry_appends) {
  pausing_pair pair;
  const std::string data = pattern(30'000);
  pair.pause_write(std::string_view(data).substr(0, 1000));
  pair.pauser.release();
  BOOST_TEST(completes(pair.client.write(data), data.size()));
  BOOST_TEST(same_bytes(pair.received(), data));
}

// Bytes that OpenSSL has been given cannot be taken back, so they count, and arrive with whatever comes next.
BOOST_AUTO_TEST_CASE(a_write_cancelled_in_a_pause_arrives_as_far_as_it_says) {
  for (const long fragment : {512L, 16384L}) {
    for (const int next : {0, 1, 2}) {
      for (const std::size_t size : {std::size_t{100}, std::size_t{5000}, std::size_t{40'000}}) {
        BOOST_TEST_CONTEXT("fragment " << fragment << ", next " << next << ", size " << size) {
          pausing_pair pair;
          SSL_set_max_send_fragment(pair.client.native(), fragment);
          const std::string data = pattern(size);
          pair.pause_write(data);
          const std::size_t n = pair.client.tls.cancel_write();
          BOOST_TEST(n == std::min<std::size_t>(size, 16384));
          BOOST_TEST(pair.client.tls.stats().plain_written == n);
          std::string room(100, '\0');
          const auto operation = [&] {
            if (next == 0) return pair.client.write("next");
            if (next == 1) return pair.client.shutdown(shutdown_form::send_only);
            return pair.client.read(room);
          };
          const suspend not_yet = suspend::want_async;
          BOOST_TEST(stops(operation(), not_yet)); // the job is not ready, whoever asks
          BOOST_TEST(pair.client.tls.cancel_write() == 0u);
          pair.pauser.release();
          const step s = operation();
          BOOST_TEST((next == 2 ? stops(s, suspend::want_read) : completes(s, next == 0 ? 4 : 0)));
          BOOST_TEST(!pair.client.tls.job_paused());
          BOOST_TEST(same_bytes(pair.received(), data.substr(0, n) + (next == 0 ? "next" : "")));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_write_may_pause_again_before_it_is_over) {
  pausing_pair pair;
  SSL_set_max_send_fragment(pair.client.native(), 512);
  const std::string data = pattern(5000);
  pair.pause_write(data);
  const std::size_t n = pair.client.tls.cancel_write();
  pair.pauser.arm_every_time(point::record_out);
  step s{suspend::want_async, 0, {}};
  for (int i = 0; i < 100 && !s.complete(); ++i) s = pair.client.write("next");
  BOOST_TEST(pair.pauser.pauses() == 11); // one for each fragment
  BOOST_TEST(completes(s, 4));
  BOOST_TEST(same_bytes(pair.received(), data.substr(0, n) + "next"));
}

BOOST_AUTO_TEST_CASE(what_a_cancelled_read_gets_goes_to_the_next_one) {
  for (const bool pause_again : {false, true}) {
    pausing_pair pair;
    pair.server_sends("first second");
    pair.pause_read();
    pair.client.tls.cancel_read(); // the reader was cancelled
    if (pause_again) BOOST_TEST(stops(pair.client.write("x"), suspend::want_async));
    pair.pauser.release();
    BOOST_TEST(completes(pair.client.write("x"), 1)); // the next one to come, not a read, ends the job
    BOOST_TEST(pair.client.tls.pending() == 12u);
    std::string room(5, '\0');
    BOOST_TEST(completes(pair.client.read(room), 5));
    BOOST_TEST(room == "first");
    BOOST_TEST(same_bytes(pair.client.read_all(), " second"));
    BOOST_TEST(same_bytes(pair.received(), "x"));
  }
}

BOOST_AUTO_TEST_CASE(the_end_that_a_cancelled_read_finds_is_told_to_the_next_read) {
  for (const bool with_close_notify : {false, true}) {
    pausing_pair pair;
    BOOST_TEST(completes(pair.server.shutdown(shutdown_form::send_only)));
    if (with_close_notify) {
      deliver(pair.server, pair.client);
    } else { // only a part of the record ever comes
      BOOST_REQUIRE(pair.client.wire.feed(pair.server.wire.output().first(10)));
      pair.client.wire.feed_eof();
    }
    pair.pause_read();
    pair.client.tls.cancel_read();
    pair.pauser.release();
    BOOST_TEST(completes(pair.client.write("x"), 1)); // the writer is not concerned
    pair.client.read_all();
    BOOST_TEST(fails(pair.client.last, with_close_notify ? error::end_of_stream : error::stream_truncated));
  }
}

// A wait is over then: it is the read that has something to report.
BOOST_AUTO_TEST_CASE(a_wait_behind_a_cancelled_read_that_fails_is_over) {
  pausing_pair pair;
  BOOST_REQUIRE(completes(pair.server.write("tampered"), 8));
  std::string record = text_of(pair.server.wire.output());
  pair.server.wire.consume(record.size());
  record.back() = static_cast<char>(record.back() ^ 1);
  BOOST_REQUIRE(pair.client.wire.feed(bytes_of(record)));
  pair.pause_read();
  pair.client.tls.cancel_read();
  pair.pauser.release();
  BOOST_TEST(completes(pair.client.tls.wait_readable(pair.client.wire)));
  BOOST_TEST(!pair.client.tls.job_paused());
  std::string room(10, '\0');
  BOOST_TEST(fails_for(pair.client.read(room), SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC));
  BOOST_TEST((pair.client.tls.state() == connection_state::failed));
}

BOOST_AUTO_TEST_CASE(data_that_came_before_a_pause_is_delivered_at_once) {
  for (const bool next_is_a_read : {false, true}) {
    pausing_pair pair;
    pair.server_sends("first");
    pair.server_sends("second");
    pair.pauser.arm(point::record_in, 1); // at the second record
    std::string room(100, '\0');
    BOOST_TEST(completes(pair.client.read(room), 5));
    BOOST_TEST(room.substr(0, 5) == "first");
    BOOST_TEST(pair.client.tls.job_paused()); // nobody owns it; whoever comes next goes on with it
    BOOST_TEST(stops(pair.client.read(room), suspend::want_async));
    pair.pauser.release();
    if (!next_is_a_read) BOOST_TEST(completes(pair.client.write("x"), 1));
    BOOST_TEST(same_bytes(pair.client.read_all(), "second"));
    BOOST_TEST(pair.pauser.missed() == 0);
  }
}

// Whoever is cancelled while it waits for its turn does not concern the owner of the job.
BOOST_AUTO_TEST_CASE(cancelling_one_operation_leaves_the_job_of_another_alone) {
  std::string room(100, '\0');
  {
    pausing_pair pair;
    pair.pause_write("goes on");
    pair.client.tls.cancel_read();
    pair.client.tls.cancel_shutdown();
    BOOST_TEST(stops(pair.client.read(room), suspend::want_turn));
    pair.pauser.release();
    BOOST_TEST(stops(pair.client.read(room), suspend::want_turn));
    BOOST_TEST(completes(pair.client.write("goes on"), 7));
    BOOST_TEST(same_bytes(pair.received(), "goes on"));
  }
  {
    pausing_pair pair;
    pair.server_sends("goes on");
    pair.pause_read();
    pair.client.tls.cancel_shutdown();
    BOOST_TEST(pair.client.tls.cancel_write() == 0u);
    pair.pauser.release();
    BOOST_TEST(stops(pair.client.shutdown(shutdown_form::send_only), suspend::want_turn));
    BOOST_TEST(completes(pair.client.read(room), 7));
  }
  {
    pausing_pair pair;
    pair.pauser.arm(point::record_out);
    BOOST_TEST(stops(pair.client.shutdown(shutdown_form::send_only), suspend::want_async));
    pair.client.tls.cancel_read();
    pair.pauser.release();
    BOOST_TEST(stops(pair.client.read(room), suspend::want_turn));
    BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_shutdown_still_closes_and_no_write_follows_it) {
  pausing_pair pair;
  alert_log heard(pair.server.native());
  pair.pauser.arm(point::record_out);
  BOOST_TEST(stops(pair.client.shutdown(shutdown_form::send_only), suspend::want_async));
  pair.client.tls.cancel_shutdown();
  pair.pauser.release();
  BOOST_TEST(fails(pair.client.write("too late"), error::write_after_shutdown));
  BOOST_TEST(pair.client.tls.state() == connection_state::close_sent);
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
  pair.received();
  BOOST_TEST(fails(pair.server.last, error::end_of_stream));
  BOOST_TEST(heard.received(SSL_AD_CLOSE_NOTIFY) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
