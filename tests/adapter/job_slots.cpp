// SPDX-License-Identifier: BSL-1.0
// Does a full job pool delay streams and nothing else? Many handshakes over few slots, several operations of
// one stream that wait, and streams that go away while they do.
#include "asio_fixture.hpp"
#include "job_pauser.hpp"
#include "job_pool.hpp"

#include <tlsmode/stats.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

namespace {

// One end of each pair has jobs; crypto says that it is ready by the callback.
struct guest {
  guest(net::io_context& io, net::ssl::context& for_client, net::ssl::context& for_server) {
    auto sockets = tcp_pair(io.get_executor(), io.get_executor());
    client.emplace(std::move(sockets.first), for_client);
    server.emplace(std::move(sockets.second), for_server);
    server->set_mode(mode::async);
    server->set_placement(placement::inline_);
    pauser.emplace(server->native_handle());
    pauser->promise_callback();
  }
  void start() {
    c = start_handshake(*client, as_client);
    s = start_handshake(*server, as_server);
  }
  void be_ready() {
    pauser->release();
    pauser->call_back();
  }
  [[nodiscard]] bool done() const { return c.done() && s.done(); }

  std::optional<asio_stream> client;
  std::optional<job_pauser> pauser; // outlives the stream, whose end may come back to it
  std::optional<tls_stream> server;
  operation c;
  operation s;
};

struct crowd {
  guest& add() {
    guests.push_back(std::make_unique<guest>(io, for_client, for_server));
    return *guests.back();
  }
  // Past the handshake, with jobs for everything.
  guest& add_open() {
    guest& g = add();
    g.start();
    run_until(io, [&] { return g.done(); });
    BOOST_TEST(g.s.ec() == error_code());
    g.server->set_job_scope(job_scope::all);
    return g;
  }
  net::io_context io;
  net::ssl::context for_client = client_context(TLS1_3_VERSION);
  net::ssl::context for_server = server_context(TLS1_3_VERSION);
  std::vector<std::unique_ptr<guest>> guests;
};

std::size_t peer_sends(crowd& c, guest& g, std::string_view text) {
  const operation op = start_write(*g.client, net::buffer(text));
  run_until(c.io, [&] { return op.done(); });
  wait_for_bytes(g.server->next_layer());
  return op.bytes();
}

} // namespace

BOOST_AUTO_TEST_SUITE(job_slots)

BOOST_AUTO_TEST_CASE(a_hundred_handshakes_over_a_pool_of_four) {
  with_job_pool(4, [] {
    constexpr int count = 100;
    crowd c;
    for (int i = 0; i < count; ++i) c.add().pauser->arm(point::certificate);
    const auto begun = std::chrono::steady_clock::now();
    for (auto& g : c.guests) g->start();
    std::vector<guest*> paused;
    std::vector<int> seen(count, 0);
    int over = 0;
    std::size_t most = 0;
    run_until(c.io, [&] {
      over = 0;
      for (std::size_t i = 0; i < count; ++i) {
        guest& g = *c.guests[i];
        if (g.done()) ++over;
        if (g.pauser->pauses() > 0 && std::exchange(seen[i], 1) == 0) paused.push_back(&g);
      }
      most = std::max(most, paused.size());
      // The crypto is ready with the oldest when all its slots are taken, or nothing else is left to come.
      const bool last_ones = std::count(seen.begin(), seen.end(), 1) == count;
      if (paused.size() == 4 || (last_ones && !paused.empty())) {
        paused.front()->be_ready();
        paused.erase(paused.begin());
      }
      return over == count;
    });
    const auto elapsed = std::chrono::steady_clock::now() - begun;
    std::uint64_t vain = 0;
    for (const auto& g : c.guests) {
      BOOST_TEST(g->c.ec() == error_code());
      BOOST_TEST(g->s.ec() == error_code());
      BOOST_TEST(g->pauser->pauses() == 1, "nothing resumes it but the crypto's word");
      BOOST_TEST(g->pauser->missed() == 0);
      vain += g->server->stats().suspended_async - 1; // without the pause itself
    }
    BOOST_TEST(most == 4U);
    BOOST_TEST(vain >= 96U);
    // Each may wait for both jobs of its handshake, and is called in vain once for each slot that somebody
    // gets before it. And who hears nothing asks again, however slow the machine: the first one twenty times
    // a second, the others once.
    const auto asked = static_cast<std::uint64_t>(elapsed / std::chrono::milliseconds(50)) +
                       static_cast<std::uint64_t>(elapsed / std::chrono::seconds(1)) * count;
    BOOST_TEST(vain <= 4U * count + asked);
  });
}

BOOST_AUTO_TEST_CASE(only_the_first_in_the_queue_asks_again_and_again) {
  with_job_pool(1, [] {
    crowd c;
    for (int i = 0; i < 20; ++i) {
      c.add().pauser->arm(point::certificate);
      c.guests.back()->start();
    }
    guest& holder = *c.guests[0];
    run_until(c.io, [&] { return holder.pauser->pauses() == 1; });
    const auto begun = std::chrono::steady_clock::now();
    c.io.run_for(std::chrono::milliseconds(400));
    const auto elapsed = std::chrono::steady_clock::now() - begun;
    std::uint64_t vain = 0;
    for (const auto& g : c.guests) vain += g->server->stats().suspended_async;
    // One step each to get into the queue, twice because both sides of a handshake are jobs in turn.
    const auto asked = static_cast<std::uint64_t>(elapsed / std::chrono::milliseconds(50)) +
                       static_cast<std::uint64_t>(elapsed / std::chrono::seconds(1)) * 20;
    BOOST_TEST(vain <= 2U * 20 + asked + 2);
    std::size_t over = 0;
    for (std::vector<bool> told(c.guests.size(), false); over < told.size(); ++over) {
      std::size_t who = 0;
      run_until(c.io, [&] {
        for (who = 0; who < told.size(); ++who)
          if (!told[who] && c.guests[who]->pauser->pauses() == 1) return true;
        return false;
      });
      told[who] = true;
      c.guests[who]->be_ready();
    }
    run_until(c.io, [&] {
      return std::all_of(c.guests.begin(), c.guests.end(), [](auto& g) { return g->done(); });
    });
    for (const auto& g : c.guests) BOOST_TEST(g->s.ec() == error_code());
  });
}

// Two operations of one stream wait for a slot. Both get theirs, whoever comes first, and whatever becomes of
// the first one.
BOOST_AUTO_TEST_CASE(two_operations_of_a_stream_are_both_served) {
  enum class way { both, read_first, cancel_read, cancel_write };
  for (const way how : {way::both, way::read_first, way::cancel_read, way::cancel_write}) {
    BOOST_TEST_CONTEXT("way " << static_cast<int>(how)) {
      with_job_pool(1, [how] {
        crowd c;
        guest& holder = c.add_open();
        guest& g = c.add_open();
        holder.pauser->arm(point::record_out);
        const operation held = start_write(*holder.server, net::buffer("held", 4));
        run_until(c.io, [&] { return holder.pauser->pauses() == 1; });
        peer_sends(c, g, "hello");
        std::array<char, 100> room{};
        operation read;
        operation write;
        const auto begin_read = [&] { read = start_read(*g.server, net::buffer(room)); };
        const auto begin_write = [&] { write = start_write(*g.server, net::buffer("world", 5)); };
        if (how == way::read_first || how == way::cancel_read) begin_read();
        begin_write();
        if (how == way::both || how == way::cancel_write) begin_read();
        settle(c.io);
        BOOST_TEST(!read.done());
        BOOST_TEST(!write.done());
        if (how == way::cancel_read) read.cancel(net::cancellation_type::total);
        if (how == way::cancel_write) write.cancel(net::cancellation_type::total);
        holder.be_ready();
        run_until(c.io, [&] { return held.done() && read.done() && write.done(); });
        BOOST_TEST(held.good());
        BOOST_TEST((how == way::cancel_read ? read.aborted() : read.bytes() == 5));
        BOOST_TEST((how == way::cancel_write ? write.aborted() : write.bytes() == 5));
      });
    }
  }
}

// A read waits for a slot; between the call that there is one and the read's coming a write takes it, and its
// job pauses. The read must not wait in the place where the write has to.
BOOST_AUTO_TEST_CASE(whoever_is_faster_is_watched) {
  with_job_pool(1, [] {
    crowd c;
    guest& holder = c.add_open();
    guest& g = c.add_open();
    operation write;
    const auto barge_in = [&](error_code, std::size_t) { // before the read, which has just been called
      g.pauser->arm(point::record_out);
      write = start_write(*g.server, net::buffer("world", 5));
      BOOST_TEST(g.pauser->pauses() == 1);
    };
    holder.pauser->arm(point::record_out);
    const operation held = start_write(*holder.server, net::buffer("held", 4), barge_in);
    run_until(c.io, [&] { return holder.pauser->pauses() == 1; });
    peer_sends(c, g, "hello");
    std::array<char, 100> room{};
    const operation read = start_read(*g.server, net::buffer(room));
    settle(c.io);
    BOOST_TEST(!read.done());
    holder.be_ready();
    run_until(c.io, [&] { return held.done(); });
    settle(c.io);
    BOOST_TEST(!write.done());
    g.be_ready();
    run_until(c.io, [&] { return read.done() && write.done(); });
    BOOST_TEST(read.bytes() == 5U);
    BOOST_TEST(write.bytes() == 5U);
  });
}

// Streams that go away while they wait, or with a slot that they hold, pass on what they had.
BOOST_AUTO_TEST_CASE(streams_that_go_away_lose_no_slot) {
  with_job_pool(2, [] {
    crowd c;
    for (int round = 0; round < 20; ++round) {
      std::vector<guest*> all;
      for (int i = 0; i < 6; ++i) {
        all.push_back(&c.add());
        all.back()->pauser->arm(point::certificate);
        all.back()->start();
      }
      const auto pauses = [&] {
        return std::count_if(all.begin(), all.end(), [](guest* g) { return g->pauser->pauses() != 0; });
      };
      run_until(c.io, [&] { return pauses() == 2; });
      settle(c.io);
      for (guest* g : all) g->pauser->release();
      if (round % 2 == 0) { // first who waits, then who has a slot, or all in order of arrival
        for (guest* g : all)
          if (g->pauser->pauses() == 0) g->server.reset();
      }
      for (guest* g : all) g->server.reset();
      run_until(c.io,
                [&] { return std::all_of(all.begin(), all.end(), [](guest* g) { return g->done(); }); });
      for (guest* g : all) BOOST_TEST(g->s.aborted());
      c.guests.clear();
    }
    // Both slots are there.
    guest& one = c.add_open();
    guest& two = c.add_open();
    one.pauser->arm(point::record_out);
    two.pauser->arm(point::record_out);
    const operation first = start_write(*one.server, net::buffer("1", 1));
    const operation second = start_write(*two.server, net::buffer("2", 1));
    run_until(c.io, [&] { return one.pauser->pauses() == 1 && two.pauser->pauses() == 1; });
    one.be_ready();
    two.be_ready();
    run_until(c.io, [&] { return first.done() && second.done(); });
  });
}

BOOST_AUTO_TEST_SUITE_END()
