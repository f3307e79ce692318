// SPDX-License-Identifier: BSL-1.0
// Does a paused job suspend the handshake and nothing else? However the crypto says that it is ready, and if
// it does not say so at all; with cancellation, destruction and other threads in between (D8).
#include "asio_layered.hpp"
#include "asio_pausing.hpp"
#include "conformance.hpp"

#include <tlsmode/stats.hpp>

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/async.h>
#include <openssl/ssl.h>

#include <array>
#include <optional>

BOOST_AUTO_TEST_SUITE(jobs)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

// How the crypto says that it is ready, and where the steps run that it pauses.
struct way {
  waking how;
  placement where;
};
constexpr placement in_line = placement::inline_;
constexpr placement threads = placement::job_threads;
constexpr way ways[] = {{waking::callback, in_line},        {waking::descriptor, in_line},
                        {waking::two_descriptors, in_line}, {waking::nothing, in_line},
                        {waking::callback, threads},        {waking::descriptor, threads},
                        {waking::two_descriptors, threads}, {waking::nothing, threads}};
constexpr waking all_wakings[] = {waking::callback, waking::descriptor, waking::two_descriptors,
                                  waking::nothing};
constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

// A server of ours whose certificate callback pauses.
template <class Stream>
struct pausing_stream : tls_pair<asio_stream, Stream> {
  explicit pausing_stream(way at, int version = TLS1_3_VERSION, bool early = false)
      : tls_pair<asio_stream, Stream>(pair_options{version}), key(at.how, early) {
    key.install(server.native_handle());
    server.set_mode(mode::async);
    server.set_placement(at.where);
  }
  using tls_pair<asio_stream, Stream>::io;
  using tls_pair<asio_stream, Stream>::client;
  using tls_pair<asio_stream, Stream>::server;
  // Starts the handshake and runs to where the job is paused.
  void run_to_the_pause() {
    c = start_handshake(client, as_client);
    s = start_handshake(server, as_server);
    run_until(io, [&] { return key.pauses() == 1; });
  }
  void finish() {
    run_until(io, [&] { return c.done() && s.done(); });
    BOOST_TEST(c.ec() == error_code());
    BOOST_TEST(s.ec() == error_code());
    BOOST_TEST(key.was_in_job());
    BOOST_TEST(key.descriptors_intact());
    const operation write = start_write(server, net::buffer("hello", 5));
    receiver in(client);
    in.start(5);
    run_until(io, [&] { return in.done() && write.done(); });
    BOOST_TEST(in.data() == "hello");
  }
  pausing key;
  operation c;
  operation s;
};
using pausing_server = pausing_stream<tls_stream>;

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_paused_job_suspends_the_handshake_while_the_loop_goes_on, Stream,
                              both_channels) {
  for (const int version : versions) {
    for (const way at : ways) {
      pausing_stream<Stream> p(at, version);
      p.run_to_the_pause();
      int others = 0;
      std::function<void()> other = [&] {
        if (++others < 1000) net::post(p.io, other);
      };
      net::post(p.io, other);
      run_until(p.io, [&] { return others == 1000; });
      BOOST_TEST(!p.s.done());
      BOOST_TEST(p.server.stats().suspended_async >= 1U);
      if (at.how != waking::nothing)
        BOOST_TEST(p.key.resumes() == 0, "nothing resumes it but the crypto's word");
      BOOST_TEST((p.server.set_mode(mode::release_buffers) == p.server.mode()), "refused");
      BOOST_TEST(!p.server.mode().contains(mode::release_buffers));
      p.key.release();
      p.finish();
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_signal_that_comes_before_the_pause_is_not_lost, Stream, both_channels) {
  for (const way at : ways) {
    pausing_stream<Stream> p(at, TLS1_3_VERSION, true);
    p.c = start_handshake(p.client, as_client);
    p.s = start_handshake(p.server, as_server);
    p.finish();
    BOOST_TEST(p.key.pauses() == 1);
  }
}

// One pause for each certificate of the chain: the crypto closes its descriptor after the first one, and gets
// the same number for the next.
BOOST_AUTO_TEST_CASE(a_verify_callback_may_pause_again_and_again) {
  for (const way at : ways) {
    both_ours p;
    pausing check(at.how);
    p.client.set_mode(mode::async);
    p.client.set_placement(at.where);
    p.client.set_verify_callback([&](bool good, net::ssl::verify_context&) {
      check.pause();
      return good;
    });
    const operation c = start_handshake(p.client, as_client);
    const operation s = start_handshake(p.server, as_server);
    int released = 0;
    run_until(p.io, [&] {
      if (check.pauses() > released) {
        settle(p.io);
        BOOST_REQUIRE(!c.done());
        ++released;
        check.release();
      }
      return c.done() && s.done();
    });
    BOOST_TEST(c.ec() == error_code());
    BOOST_TEST(released >= 2);
    BOOST_TEST(check.descriptors_intact());
    if (at.how == waking::descriptor)
      BOOST_TEST(check.descriptors()[0] == check.descriptors()[1], "or the test shows nothing");
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_handshake_cancelled_during_the_pause_is_gone_on_with, Stream, both_channels) {
  for (const way at : ways) {
    for (const bool released : {false, true}) {
      for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial}) {
        pausing_stream<Stream> p(at);
        p.run_to_the_pause();
        settle(p.io);
        p.s.cancel(net::cancellation_type::total);
        settle(p.io);
        BOOST_TEST(!p.s.done(), "bytes have gone both ways");
        p.s.cancel(type);
        run_until(p.io, [&] { return p.s.done(); });
        BOOST_TEST(p.s.aborted());
        if (released) p.key.release();
        p.client.lowest_layer().cancel();
        run_out(p.io); // a job that nobody waits for does not keep the loop
        BOOST_TEST(p.c.aborted());
        p.client.lowest_layer().close(); // Boost.Asio's stream cannot go on

        p.s = start_handshake(p.server, as_server);
        if (!released) {
          settle(p.io);
          BOOST_TEST(!p.s.done());
          p.key.release();
        }
        run_until(p.io, [&] { return p.s.done(); });
        BOOST_TEST(p.s.ec() == net::ssl::error::stream_truncated, "its peer is gone; the job is not");
        BOOST_TEST(p.key.pauses() == 1);
        for (const auto t : {net::cancellation_type::total, type})
          conforms("cancellation", "handshake, for a paused job", name_of(t));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_stream_destroyed_during_the_pause_ends_its_job) {
  const auto before = abandoned_jobs();
  for (const way at : ways) {
    net::io_context io;
    pausing key(at.how);
    job_threads pool(1);
    net::ssl::context client_settings = client_context(TLS1_3_VERSION);
    net::ssl::context server_settings = server_context(TLS1_3_VERSION);
    auto sockets = tcp_pair(io.get_executor(), io.get_executor());
    asio_stream client(std::move(sockets.first), client_settings);
    std::optional<tls_stream> server(std::in_place, std::move(sockets.second), server_settings);
    key.install(server->native_handle());
    server->set_mode(mode::async);
    server->set_placement(at.where);
    server->set_job_threads(pool);
    const operation c = start_handshake(client, as_client);
    const operation s = start_handshake(*server, as_server);
    run_until(io, [&] { return key.pauses() == 1; });
    key.release_now();
    server.reset();
    run_until(io, [&] { return s.done() && c.done(); });
    BOOST_TEST(s.aborted());
    BOOST_TEST(bool(c.ec()));
    pool.stop();
    BOOST_TEST(key.resumes() >= 1, "the job was run to its end");
  }
  BOOST_TEST(abandoned_jobs() == before);
}

// The loop is run by this thread, and then by another one, which is not allowed to resume this thread's job.
BOOST_AUTO_TEST_CASE(resuming_on_another_thread_is_refused) {
  for (const waking how : all_wakings) {
    pausing_server p({how, in_line});
    p.run_to_the_pause();
    settle(p.io);
    if (how != waking::nothing) BOOST_TEST(p.key.resumes() == 0);
    const int resumes = p.key.resumes();
    std::thread([&] {
      p.key.release();
      run_until(p.io, [&] { return p.s.done(); });
    }).join();
    BOOST_TEST(p.s.ec() == tlsmode::error::job_on_other_thread);
    BOOST_TEST(p.key.resumes() == resumes);
    BOOST_TEST((p.s.thread() != std::this_thread::get_id()));
    // No harm is done: on its own thread it goes on.
    p.s = start_handshake(p.server, as_server);
    p.finish();
  }
}

BOOST_AUTO_TEST_CASE(a_full_job_pool_is_waited_for) {
  std::exception_ptr thrown;
  std::thread([&] {
    try {
      if (ASYNC_init_thread(1, 1) != 1) throw std::runtime_error("ASYNC_init_thread");
      pausing_server p({waking::descriptor, in_line});
      p.run_to_the_pause(); // takes the only slot
      auto sockets = tcp_pair(p.io.get_executor(), p.io.get_executor());
      asio_stream client(std::move(sockets.first), p.client_settings);
      net::ssl::context server_settings = server_context(TLS1_3_VERSION);
      tls_stream server(std::move(sockets.second), server_settings);
      server.set_mode(mode::async);
      server.set_placement(in_line);
      const operation c = start_handshake(client, as_client);
      const operation s = start_handshake(server, as_server);
      settle(p.io);
      BOOST_TEST(!s.done());
      BOOST_TEST(server.stats().suspended_async >= 1U);
      p.key.release();
      p.finish();
      run_until(p.io, [&] { return c.done() && s.done(); });
      BOOST_TEST(s.ec() == error_code());
    } catch (...) {
      thrown = std::current_exception();
    }
    ASYNC_cleanup_thread();
  }).join();
  if (thrown) std::rethrow_exception(thrown);
}

BOOST_AUTO_TEST_CASE(a_synchronous_handshake_waits_for_the_job) {
  for (const way at : ways) {
    pausing_server p(at);
    const watchdog guard({p.client.lowest_layer().native_handle(), p.server.lowest_layer().native_handle()});
    std::thread client([&] {
      error_code ec;
      p.client.handshake(as_client, ec);
    });
    std::atomic<bool> over{false};
    std::thread releaser([&] {
      while (p.key.pauses() == 0 && !over) std::this_thread::yield();
      if (!over) p.key.release();
    });
    error_code ec;
    p.server.handshake(as_server, ec);
    over = true;
    releaser.join();
    client.join();
    BOOST_TEST(ec == error_code());
    BOOST_TEST(p.key.resumes() >= 1);
    BOOST_TEST(!guard.fired());
  }
}

BOOST_AUTO_TEST_CASE(a_synchronous_handshake_on_a_non_blocking_socket_does_not_wait_for_the_job) {
  for (const way at : ways) {
    pausing_server p(at);
    p.server.lowest_layer().non_blocking(true);
    const operation c = start_handshake(p.client, as_client);
    p.io.poll();
    wait_for_bytes(p.server.next_layer());
    error_code ec;
    p.server.handshake(as_server, ec);
    BOOST_TEST(ec == net::error::would_block);
    BOOST_TEST(p.key.pauses() == 1);
    p.key.release_now();
    for (int i = 0; i < 1000 && ec == net::error::would_block; ++i) {
      p.server.handshake(as_server, ec);
      settle(p.io);
    }
    BOOST_TEST(ec == error_code());
    BOOST_TEST(c.good());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_loop_stays_for_a_paused_job, Stream, both_channels) {
  for (const way at : ways) {
    pausing_stream<Stream> p(at);
    p.run_to_the_pause();
    p.client.lowest_layer().close();
    run_until(p.io, [&] { return p.c.done(); });
    settle(p.io);
    p.io.poll();
    BOOST_TEST(!p.io.stopped());
    p.key.release();
    run_until(p.io, [&] { return p.s.done(); });
    BOOST_TEST(p.s.ec() == net::ssl::error::stream_truncated);
    run_out(p.io);
  }
}

// Outside the handshake there are no jobs unless they are asked for, so nothing of this costs the data path.
BOOST_AUTO_TEST_CASE(after_the_handshake_no_operation_runs_as_a_job) {
  pausing_server p({waking::descriptor, in_line});
  p.run_to_the_pause();
  p.key.release();
  p.finish();
  BOOST_TEST((SSL_get_mode(p.server.native_handle()) & SSL_MODE_ASYNC) == 0);
  BOOST_TEST(p.server.mode().contains(mode::async));
}

BOOST_AUTO_TEST_SUITE_END()
