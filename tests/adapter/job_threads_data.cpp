// SPDX-License-Identifier: BSL-1.0
// With every operation a job on a job thread: do reads, writes and a shutdown get their turns, and does every
// byte arrive once and in order, whoever is cancelled?
#include "asio_job_threads.hpp"
#include "asio_layered.hpp"
#include "job_pauser.hpp"

#include <tlsmode/stats.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

BOOST_AUTO_TEST_SUITE(data_on_job_threads)

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

namespace {

// An open connection whose server does everything on its job thread. The pauser is armed only while no step
// is away, and asked only afterwards: it belongs to the job thread meanwhile.
template <class Pair>
struct all_away : on_job_thread<Pair> {
  explicit all_away(int version = TLS1_3_VERSION) : on_job_thread<Pair>(version) {
    this->start();
    this->finish();
    if (this->s.ec()) throw boost::system::system_error(this->s.ec());
    this->server.set_job_scope(job_scope::all);
  }
  ~all_away() { this->pool.stop(); } // before the pauser goes away
  std::unique_ptr<job_pauser> crypto = std::make_unique<job_pauser>(this->server.native_handle());
};

using plain = all_away<our_server>;
using layered = all_away<layered_server>;

template <class F>
void over_any_channel(F f) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    f(std::make_unique<plain>(version));
    f(std::make_unique<layered>(version));
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(transfers_both_ways_at_once) {
  for (const point where : {point::nowhere, point::record_out, point::record_in}) {
    over_any_channel([where](auto p) {
      if (where != point::nowhere) p->crypto->arm_every_time(where);
      const std::string text = random_bytes(200'000, 1);
      sender out(p->server, text);
      receiver in(p->client);
      sender back(p->client, text);
      receiver at_server(p->server);
      out.start();
      in.start(text.size());
      back.start();
      at_server.start(text.size());
      run_until(p->io, [&] { return out.done() && in.done() && back.done() && at_server.done(); });
      BOOST_TEST((in.data() == text));
      BOOST_TEST((at_server.data() == text));
      if (where != point::nowhere) BOOST_TEST(p->crypto->pauses() > 5);
    });
  }
}

// A write of many records makes many journeys; a read is not kept waiting for the last of them.
BOOST_AUTO_TEST_CASE(a_long_write_does_not_starve_a_read) {
  over_any_channel([](auto p) {
    p->server.clear_mode(mode::enable_partial_write);
    const std::string text = random_bytes(2'000'000, 3);
    receiver in(p->client);
    in.start(text.size());
    std::array<char, 10> room{};
    const operation write = start_write(p->server, net::buffer(text));
    const operation hello = start_write(p->client, net::buffer("hello", 5));
    bool write_was_first = true;
    const operation read = start_read(p->server, net::buffer(room),
                                      [&](error_code, std::size_t) { write_was_first = write.done(); });
    run_until(p->io, [&] { return write.done() && read.done() && hello.done() && in.done(); });
    BOOST_TEST(write.bytes() == text.size());
    BOOST_TEST(read.bytes() == 5U);
    BOOST_TEST(!write_was_first);
    BOOST_TEST((in.data() == text));
  });
}

BOOST_AUTO_TEST_CASE(a_read_a_write_and_a_shutdown_together) {
  for (const point where : {point::nowhere, point::record_out, point::record_in}) {
    over_any_channel([where](auto p) {
      if (where != point::nowhere) p->crypto->arm_every_time(where);
      const std::string text = random_bytes(50'000, 4);
      std::array<char, 100> room{};
      receiver in(p->client);
      in.start();
      const operation read = start_read(p->server, net::buffer(room));
      sender out(p->server, text);
      out.start();
      run_until(p->io, [&] { return out.done(); });
      const operation bye = start_shutdown_form(p->server, shutdown_form::send_only);
      const operation hello = start_write(p->client, net::buffer("hello", 5));
      run_until(p->io, [&] { return read.done() && bye.done() && in.done() && hello.done(); });
      BOOST_TEST(read.bytes() == 5U);
      BOOST_TEST(bye.ec() == error_code());
      BOOST_TEST(in.ec() == net::error::eof);
      BOOST_TEST((in.data() == text));
    });
  }
}

// The first write waits for the read's step to come back; the second one starts when it is back, and before
// whoever waits for it had a turn.
BOOST_AUTO_TEST_CASE(a_write_of_a_reads_handler_does_not_overtake_one_that_waits) {
  over_any_channel([](auto p) {
    std::array<char, 10> room{};
    receiver in(p->client);
    in.start(10);
    const operation hello = start_write(p->client, net::buffer("hello", 5));
    const operation begun =
        start_read(p->server, net::buffer(room, 1)); // the rest needs no word from the peer
    run_until(p->io, [&] { return hello.done() && begun.done(); });
    std::optional<operation> second;
    bool first_was_waiting = false;
    std::optional<operation> first;
    const operation read = start_read(p->server, net::buffer(room), [&](error_code, std::size_t) {
      first_was_waiting = first && !first->done();
      second.emplace(start_write(p->server, net::buffer("world", 5)));
    });
    first.emplace(start_write(p->server, net::buffer("hello", 5)));
    run_until(p->io, [&] { return read.done() && first->done() && second && second->done() && in.done(); });
    BOOST_TEST(first_was_waiting);
    BOOST_TEST(in.data() == "helloworld");
  });
}

// A cancelled write tells how many of its bytes go out; these and no others arrive.
BOOST_AUTO_TEST_CASE(what_a_cancelled_write_reports_arrives) {
  for (unsigned round = 0; round < 40; ++round) {
    plain p;
    if (round % 2 != 0) p.crypto->arm_every_time(point::record_out);
    if (round % 4 < 2) p.server.clear_mode(mode::enable_partial_write);
    std::string text = random_bytes(300'000, round + 1);
    const std::string copy = text;
    operation write = start_write(p.server, net::buffer(text));
    for (unsigned i = 0; i < round; ++i) p.io.poll_one();
    write.cancel();
    run_until(p.io, [&] { return write.done(); });
    BOOST_REQUIRE((write.aborted() || write.good()));
    const std::size_t n = write.bytes();
    text.assign(text.size(), '!'); // the caller's memory is the caller's again
    const operation end = start_write(p.server, net::buffer("the end", 7));
    receiver in(p.client);
    in.start(n + 7);
    run_until(p.io, [&] { return in.done() && end.done(); });
    BOOST_TEST((in.data() == copy.substr(0, n) + "the end"));
  }
}

BOOST_AUTO_TEST_CASE(what_a_cancelled_read_leaves_is_read_by_the_next) {
  plain p;
  p.crypto->arm_every_time(point::record_in);
  const std::string text = random_bytes(100'000, 9);
  sender out(p.client, text);
  out.start();
  std::string got;
  std::string room(3000, '\0');
  for (unsigned round = 0; got.size() < text.size(); ++round) {
    operation read = start_read(p.server, net::buffer(room));
    if (round % 2 == 0) {
      for (unsigned i = 0; i < round % 7; ++i) p.io.poll_one();
      read.cancel();
    }
    run_until(p.io, [&] { return read.done(); });
    BOOST_REQUIRE((read.good() || read.aborted()));
    got.append(room, 0, read.bytes());
    std::fill(room.begin(), room.end(), '!');
  }
  BOOST_TEST((got == text));
}

// Memory of the caller's is not touched once the handler is gone, whoever destroys it.
BOOST_AUTO_TEST_CASE(a_stream_destroyed_with_reads_and_writes_away) {
  const auto before = abandoned_jobs();
  for (const point where : {point::nowhere, point::record_out, point::record_in}) {
    for (unsigned steps = 0; steps < 12; ++steps) {
      plain p;
      if (where != point::nowhere) p.crypto->arm_every_time(where);
      auto text = std::make_unique<std::string>(random_bytes(100'000, 5));
      auto room = std::make_unique<std::string>(10'000, '\0');
      const operation hello = start_write(p.client, net::buffer("hello", 5));
      const operation write = start_write(p.server, net::buffer(*text));
      const operation read = start_read(p.server, net::buffer(*room));
      for (unsigned i = 0; i < steps; ++i) p.io.poll_one();
      { const tls_stream gone = std::move(p.server); }
      run_until(p.io, [&] { return write.done() && read.done(); });
      text.reset();
      room.reset();
      BOOST_TEST(write.calls() == 1);
      BOOST_TEST(read.calls() == 1);
      p.pool.stop();
    }
  }
  BOOST_TEST(abandoned_jobs() == before);
}

// The jobs are where they were started: changing one's mind does not move them.
BOOST_AUTO_TEST_CASE(a_paused_job_stays_where_it_is) {
  plain p;
  p.crypto->arm_every_time(point::record_out);
  const operation write = start_write(p.server, net::buffer("hello", 5));
  p.server.set_placement(placement::inline_);
  receiver in(p.client);
  in.start(5);
  run_until(p.io, [&] { return write.done() && in.done(); });
  BOOST_TEST(write.good());
  BOOST_TEST(in.data() == "hello");
}

BOOST_AUTO_TEST_SUITE_END()
