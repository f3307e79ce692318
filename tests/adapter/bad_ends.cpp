// SPDX-License-Identifier: BSL-1.0
// Invariant 10: whatever becomes of a stream whose job is paused, and in whichever operation, is nothing
// lost: no memory, no job's stack, no slot of the pool, and does the loop go on?
#include "asio_fixture.hpp"
#include "heap_counter.hpp"
#include "job_pauser.hpp"
#include "job_pool.hpp"

#include <tlsmode/stats.hpp>

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <optional>
#include <vector>

BOOST_AUTO_TEST_SUITE(bad_ends)

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

namespace {

enum class paused_in { handshake, read, write, shutdown };
constexpr paused_in all_operations[] = {paused_in::handshake, paused_in::read, paused_in::write,
                                        paused_in::shutdown};

// A server of ours whose every operation is a job, and a client. One object for one bad end.
struct scene {
  scene() {
    auto sockets = tcp_pair(io.get_executor(), io.get_executor());
    client.emplace(std::move(sockets.first), client_settings);
    server = std::make_shared<tls_stream>(std::move(sockets.second), server_settings);
    server->set_mode(mode::async);
    server->set_placement(placement::inline_);
    server->set_job_scope(job_scope::all);
    pauser.emplace(server->native_handle());
    pauser->promise_callback();
  }
  // As far as the pause in this operation. Its handler keeps what `kept` holds.
  void pause(paused_in where, std::shared_ptr<tls_stream> kept = {}) {
    if (where != paused_in::handshake) {
      const operation c = start_handshake(*client, as_client);
      const operation s = start_handshake(*server, as_server);
      run_until(io, [&] { return c.good() && s.good(); });
    }
    if (limit) server->expires_after(*limit);
    const auto keep = [kept](error_code, std::size_t) {};
    switch (where) {
    case paused_in::handshake:
      pauser->arm(point::certificate);
      peer = start_handshake(*client, as_client);
      op = start_handshake(*server, as_server, keep);
      break;
    case paused_in::read:
      pauser->arm(point::record_in);
      peer = start_write(*client, net::buffer("hello", 5));
      op = start_read(*server, net::buffer(room), keep);
      break;
    case paused_in::write:
      pauser->arm(point::record_out);
      op = start_write(*server, net::buffer("hello", 5), keep);
      break;
    case paused_in::shutdown:
      pauser->arm(point::record_out);
      op = start_shutdown(*server, keep);
      break;
    }
    run_until(io, [&] { return pauser->pauses() == 1 || op.done(); });
    settle_unless_limited();
  }
  void settle_unless_limited() {
    if (limit) return;
    settle(io);
    BOOST_TEST(!op.done());
    BOOST_TEST(pauser->pauses() == 1);
  }
  // The crypto is ready.
  void be_ready() {
    pauser->release();
    pauser->call_back();
  }
  void check_loop_goes_on() {
    bool ran = false;
    net::post(io, [&] { ran = true; });
    run_until(io, [&] { return ran; });
  }

  std::optional<job_pauser> pauser; // outlives everything: jobs that are ended come back to it
  std::optional<std::chrono::milliseconds> limit;
  std::array<char, 100> room{};
  operation op;
  operation peer;
  net::io_context io;
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  std::optional<asio_stream> client;
  std::shared_ptr<tls_stream> server;
};

// Does it often, in each operation, with a pool of one job: a slot that is lost is missed at once.
template <class Once>
void check_nothing_lost(const Once& once) {
  for (const paused_in where : all_operations) {
    BOOST_TEST_CONTEXT("operation " << static_cast<int>(where)) {
      with_job_pool(1, [&] {
        once(where); // what is made once and kept
        once(where);
        const std::size_t bytes = heap_bytes();
        const std::size_t stacks = job_stacks();
        const std::uint64_t given_up = abandoned_jobs();
        for (int i = 0; i < 5; ++i) {
          once(where);
          BOOST_TEST(heap_bytes() == bytes);
          BOOST_TEST(job_stacks() == stacks);
        }
        BOOST_TEST(abandoned_jobs() == given_up);
      });
    }
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(the_stream_is_destroyed) {
  BOOST_REQUIRE(heap_is_counted());
  check_nothing_lost([](paused_in where) {
    scene s;
    s.pause(where);
    s.pauser->release();
    s.server.reset();
    BOOST_TEST(!s.op.done(), "not from inside the destructor");
    run_until(s.io, [&] { return s.op.done(); });
    BOOST_TEST(s.op.aborted());
    s.check_loop_goes_on();
  });
}

// The crypto says that it is ready when the stream is gone.
BOOST_AUTO_TEST_CASE(the_stream_is_destroyed_and_then_it_is_called) {
  check_nothing_lost([](paused_in where) {
    scene s;
    s.pause(where);
    s.be_ready();
    s.server.reset();
    run_until(s.io, [&] { return s.op.done(); });
    BOOST_TEST(s.op.aborted());
    s.check_loop_goes_on();
  });
}

BOOST_AUTO_TEST_CASE(the_loop_is_stopped_and_destroyed) {
  check_nothing_lost([](paused_in where) {
    scene s;
    s.pause(where);
    s.io.stop();
    s.pauser->release();
  });
}

// The stream lives in its own handler, as in a coroutine's frame, and goes away with the loop.
BOOST_AUTO_TEST_CASE(the_loop_is_destroyed_and_the_stream_with_it) {
  check_nothing_lost([](paused_in where) {
    scene s;
    s.pause(where, s.server);
    s.io.stop();
    s.pauser->release();
    const std::weak_ptr<tls_stream> still = s.server;
    s.server.reset();
    BOOST_TEST(!still.expired());
  });
}

BOOST_AUTO_TEST_CASE(the_peer_goes_away) {
  check_nothing_lost([](paused_in where) {
    scene s;
    s.pause(where);
    s.client->lowest_layer().set_option(net::socket_base::linger(true, 0)); // with a reset
    s.client.reset();
    settle(s.io);
    BOOST_TEST(!s.op.done(), "only the crypto's word counts");
    BOOST_TEST(s.pauser->pauses() == 1);
    s.check_loop_goes_on();
    s.be_ready();
    run_until(s.io, [&] { return s.op.done(); });
    s.server.reset();
    run_out(s.io);
  });
}

BOOST_AUTO_TEST_CASE(time_runs_out) {
  int in_time = 0;
  check_nothing_lost([&](paused_in where) {
    scene s;
    s.limit = std::chrono::milliseconds(20);
    s.pause(where);
    if (s.pauser->pauses() == 1) ++in_time; // else the machine is that slow
    run_until(s.io, [&] { return s.op.done(); });
    BOOST_TEST(s.op.ec() == net::error::timed_out);
    s.check_loop_goes_on();
    s.pauser->release();
    s.server.reset();
    if (where == paused_in::handshake) s.client->lowest_layer().close();
    run_out(s.io);
  });
  BOOST_TEST(in_time > 0);
}

BOOST_AUTO_TEST_CASE(it_is_cancelled_and_never_repeated) {
  check_nothing_lost([](paused_in where) {
    scene s;
    s.pause(where);
    s.op.cancel();
    run_until(s.io, [&] { return s.op.done(); });
    BOOST_TEST(s.op.aborted());
    s.be_ready();
    s.check_loop_goes_on();
    s.server.reset();
    s.client.reset();
    run_out(s.io);
  });
}

// Nobody can end a job whose thread is gone: it is counted and left alone, and nothing else suffers.
BOOST_AUTO_TEST_CASE(the_thread_goes_away) {
  static std::vector<SSL*> left_alone; // known to the leak checker
  for (const paused_in where : all_operations) {
    BOOST_TEST_CONTEXT("operation " << static_cast<int>(where)) {
      const std::uint64_t given_up = abandoned_jobs();
      auto s = std::make_unique<scene>();
      with_job_pool(1, [&] { s->pause(where); });
      left_alone.push_back(s->server->native_handle());
      s->pauser->release();
      s->pauser->call_back();
      if (where == paused_in::handshake) {
        run_until(s->io, [&] { return s->op.done(); });
        BOOST_TEST(s->op.ec() == tlsmode::error::job_on_other_thread);
      }
      s->server.reset();
      run_until(s->io, [&] { return s->op.done(); });
      BOOST_TEST(s->pauser->pauses() == 1, "nobody resumes it here");
      BOOST_TEST(abandoned_jobs() == given_up + 1);
      s->check_loop_goes_on();
      s.reset();
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
