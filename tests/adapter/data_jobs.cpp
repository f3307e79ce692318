// SPDX-License-Identifier: BSL-1.0
// With jobs on the data path too: does one operation at a time wait for a paused job, and do the others get
// their turn, whoever of them is cancelled?
#include "asio_fixture.hpp"
#include "conformance.hpp"
#include "job_pauser.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

BOOST_AUTO_TEST_SUITE(data_jobs)

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

namespace {

constexpr net::cancellation_type types[] = {net::cancellation_type::terminal, net::cancellation_type::partial,
                                            net::cancellation_type::total};

// A client whose reads and writes run as jobs; a paused one names a descriptor that becomes readable at
// wake().
struct pausing_client : open_pair<our_client> {
  explicit pausing_client(int version = TLS1_3_VERSION)
      : open_pair({version}), crypto(client.native_handle()) {
    client.set_mode(mode::async);
    client.set_placement(placement::inline_);
    client.set_job_scope(job_scope::all);
    crypto.name_descriptors({ready});
  }
  ~pausing_client() { ::close(ready); }
  void wake() {
    crypto.release();
    const std::uint64_t one = 1;
    BOOST_REQUIRE(::write(ready, &one, sizeof one) == sizeof one);
  }
  // Once everybody who came has had a try, nobody resumes the job before its descriptor says so.
  void check_quiet() {
    settle(io);
    const int before = crypto.pauses();
    settle(io);
    BOOST_TEST(crypto.pauses() == before);
  }
  void check_arrives(const std::string& expected) {
    receiver in(server);
    in.start(expected.size());
    run_until(io, [&] { return in.done(); });
    BOOST_TEST(in.ec() == error_code());
    BOOST_TEST((in.data() == expected));
  }
  int ready = ::eventfd(0, EFD_CLOEXEC);
  job_pauser crypto;
  std::array<char, 100> room{};
};

} // namespace

BOOST_AUTO_TEST_CASE(a_paused_write_keeps_a_read_out_and_both_complete) {
  pausing_client p;
  const operation read = start_read(p.client, net::buffer(p.room));
  settle(p.io);
  p.crypto.arm(point::record_out);
  const std::string text = random_bytes(1000, 1);
  const operation write = start_write(p.client, net::buffer(text));
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] { return reply.done(); });
  settle(p.io);
  BOOST_TEST(!write.done());
  BOOST_TEST(!read.done(), "only the owner of a paused job may enter OpenSSL");
  p.check_quiet();
  p.wake();
  run_until(p.io, [&] { return write.done() && read.done(); });
  BOOST_TEST(write.bytes() == text.size());
  BOOST_TEST(read.bytes() == 5U);
  p.check_arrives(text);
}

BOOST_AUTO_TEST_CASE(a_paused_read_keeps_a_write_out_and_both_complete) {
  pausing_client p;
  p.crypto.arm(point::record_in);
  const operation read = start_read(p.client, net::buffer(p.room));
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] { return p.crypto.pauses() == 1; });
  const operation write = start_write(p.client, net::buffer("world", 5));
  const operation bye = start_shutdown_form(p.client, shutdown_form::send_only);
  p.check_quiet();
  BOOST_TEST(!read.done());
  BOOST_TEST(!write.done());
  BOOST_TEST(!bye.done());
  p.wake();
  run_until(p.io, [&] { return read.done() && write.done() && bye.done(); });
  BOOST_TEST(read.bytes() == 5U);
  BOOST_TEST(write.good());
  BOOST_TEST(bye.ec() == error_code());
  p.check_arrives("world");
}

// Its bytes are with OpenSSL and count as sealed; whoever else is there goes on with its job.
BOOST_AUTO_TEST_CASE(the_job_of_a_cancelled_write_is_finished_by_others) {
  const auto terminal = net::cancellation_type::terminal, partial = net::cancellation_type::partial;
  for (const auto& how : {std::pair{false, terminal}, std::pair{true, terminal}, std::pair{true, partial}}) {
    const bool with_read = how.first;
    const net::cancellation_type type = how.second;
    pausing_client p;
    operation read;
    if (with_read) read = start_read(p.client, net::buffer(p.room));
    p.crypto.arm(point::record_out);
    std::string text = random_bytes(1000, 1);
    const std::string copy = text;
    operation write = start_write(p.client, net::buffer(text));
    const operation reply = start_write(p.server, net::buffer("hello", 5));
    settle(p.io);
    BOOST_TEST(p.crypto.pauses() == 1);
    write.cancel(net::cancellation_type::total);
    settle(p.io);
    BOOST_TEST(!write.done());
    write.cancel(type);
    run_until(p.io, [&] { return write.done(); });
    BOOST_TEST(write.aborted());
    BOOST_TEST(write.bytes() == text.size());
    text.assign(text.size(), '!');
    const operation next = start_write(p.client, net::buffer("next", 4));
    p.check_quiet();
    BOOST_TEST(!next.done());
    p.wake();
    run_until(p.io, [&] { return next.done() && (read.done() || !with_read); });
    BOOST_TEST(next.good());
    if (with_read) BOOST_TEST(read.bytes() == 5U);
    p.check_arrives(copy + std::string("next", 4));
    for (const auto t : {net::cancellation_type::total, type})
      conforms("cancellation", "write, for a paused job", name_of(t));
  }
}

BOOST_AUTO_TEST_CASE(the_data_of_a_cancelled_read_goes_to_the_next_one) {
  for (const auto type : types) {
    pausing_client p;
    p.crypto.arm(point::record_in);
    operation read = start_read(p.client, net::buffer(p.room));
    const operation reply = start_write(p.server, net::buffer("hello", 5));
    run_until(p.io, [&] { return p.crypto.pauses() == 1; });
    read.cancel(type);
    run_until(p.io, [&] { return read.done(); });
    BOOST_TEST(read.aborted());
    const operation write = start_write(p.client, net::buffer("world", 5));
    const operation next = start_read(p.client, net::buffer(p.room));
    p.check_quiet();
    p.wake();
    run_until(p.io, [&] { return write.done() && next.done(); });
    BOOST_TEST(std::string_view(p.room.data(), next.bytes()) == "hello");
    p.check_arrives("world");
    conforms("cancellation", "read, for a paused job", name_of(type));
  }
}

// Who waits for its turn may go; the owner of the job does not notice.
BOOST_AUTO_TEST_CASE(cancelling_who_waits_for_its_turn_disturbs_nobody) {
  for (const auto type : types) {
    pausing_client p;
    p.crypto.arm(point::record_out);
    const std::string text = random_bytes(1000, 1);
    const operation write = start_write(p.client, net::buffer(text));
    settle(p.io);
    error_code turn;
    BOOST_TEST(p.client.read_some(net::buffer(p.room), turn) == 0U);
    BOOST_TEST(turn == tlsmode::error::operation_in_progress);
    operation read = start_read(p.client, net::buffer(p.room));
    operation queued = start_write(p.client, net::buffer("queued", 6));
    p.check_quiet();
    for (const bool reads : {true, false}) { // blocking calls do not wait for others
      error_code ec;
      std::array<char, 10> room{};
      BOOST_TEST((reads ? p.client.read_some(net::buffer(room), ec)
                        : p.client.write_some(net::buffer("more", 4), ec)) == 0U);
      BOOST_TEST(ec == tlsmode::error::operation_in_progress);
    }
    read.cancel(type);
    queued.cancel(type);
    run_until(p.io, [&] { return read.done() && queued.done(); });
    BOOST_TEST(read.aborted());
    BOOST_TEST(queued.aborted());
    BOOST_TEST(queued.bytes() == 0U);
    p.check_quiet();
    BOOST_TEST(!write.done());
    p.wake();
    run_until(p.io, [&] { return write.done(); });
    BOOST_TEST(write.good());
    p.check_arrives(text);
    conforms("cancellation", "read, behind a paused job", name_of(type));
    conforms("cancellation", "write, behind a paused job", name_of(type));
  }
}

BOOST_AUTO_TEST_CASE(destroying_the_stream_aborts_them_all) {
  pausing_client p;
  p.crypto.arm(point::record_out);
  const operation write = start_write(p.client, net::buffer("hello", 5));
  const operation read = start_read(p.client, net::buffer(p.room));
  settle(p.io);
  p.crypto.release();
  { const tls_stream gone(std::move(p.client)); }
  run_until(p.io, [&] { return write.done() && read.done(); });
  BOOST_TEST(write.aborted());
  BOOST_TEST(read.aborted());
}

// Every record pauses, many times over: the bytes are the same.
BOOST_AUTO_TEST_CASE(a_transfer_that_pauses_at_every_record) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const point where : {point::record_out, point::record_in}) {
      pausing_client p(version);
      p.crypto.name_descriptors({});
      p.crypto.arm_every_time(where);
      const std::string text = random_bytes(200000, 1);
      sender out(p.client, text);
      receiver in(p.server);
      sender back(p.server, text);
      receiver at_client(p.client);
      out.start();
      in.start(text.size());
      back.start();
      at_client.start(text.size());
      run_until(p.io, [&] { return out.done() && in.done() && back.done() && at_client.done(); });
      BOOST_TEST((in.data() == text));
      BOOST_TEST((at_client.data() == text));
      BOOST_TEST(p.crypto.pauses() > 5);
      p.crypto.disarm();
    }
  }
}

// OpenSSL looks for whom to call when it makes the connection's first job.
BOOST_AUTO_TEST_CASE(a_job_that_promises_a_call_is_not_polled_after_a_synchronous_handshake) {
  our_client p;
  p.client.set_mode(mode::async);
  p.client.set_placement(placement::inline_);
  p.client.set_job_scope(job_scope::all);
  p.client.next_layer().non_blocking(true);
  const operation s = start_handshake(p.server, as_server);
  error_code ec = net::error::would_block;
  run_until(p.io, [&] {
    if (ec == net::error::would_block) p.client.handshake(as_client, ec);
    return s.done() && ec != net::error::would_block;
  });
  BOOST_TEST(ec == error_code());
  job_pauser crypto(p.client.native_handle());
  crypto.promise_callback();
  crypto.arm(point::record_out);
  const operation write = start_write(p.client, net::buffer("hello", 5));
  run_until(p.io, [&] { return crypto.pauses() == 1; });
  net::steady_timer later(p.io, std::chrono::milliseconds(20)); // a poll would come every millisecond
  bool over = false;
  later.async_wait([&](error_code) { over = true; });
  run_until(p.io, [&] { return over; });
  BOOST_TEST(crypto.pauses() == 1);
  BOOST_TEST(!write.done());
  crypto.release();
  crypto.call_back();
  run_until(p.io, [&] { return write.done(); });
  BOOST_TEST(write.good());
}

BOOST_AUTO_TEST_SUITE_END()
