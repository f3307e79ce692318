// SPDX-License-Identifier: BSL-1.0
// Do steps that may pause run where they are meant to, and does the stream cope with an engine that is away:
// others that want it, cancellation, time limits, and the end of the stream or of the loop?
#define BOOST_TEST_MODULE adapter_job_threads
#include "asio_job_threads.hpp"
#include "asio_layered.hpp"
#include "asio_session.hpp"
#include "conformance.hpp"
#include "heap_counter.hpp"
#include "job_call.hpp"

#include <tlsmode/stats.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <optional>

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

using gated_server = on_job_thread<our_server>;
using gated_layered = on_job_thread<layered_server>;

constexpr waking ways[] = {waking::callback, waking::descriptor, waking::two_descriptors, waking::nothing};

// Where does the certificate callback of a server run whose executor this is?
template <class Executor>
bool runs_elsewhere(net::io_context& io, const Executor& ex, placement where) {
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), ex);
  asio_stream client(std::move(sockets.first), client_settings);
  tls_stream server(std::move(sockets.second), server_settings);
  server.set_mode(mode::async);
  server.set_placement(where);
  BOOST_TEST((server.job_placement() == where));
  gate callback(server.native_handle());
  callback.open();
  const operation c = start_handshake(client, as_client);
  const operation s = start_handshake(server, as_server);
  run_until(io, [&] { return c.done() && s.done(); });
  BOOST_TEST(s.ec() == error_code());
  BOOST_TEST(c.ec() == error_code());
  BOOST_TEST((s.thread() == std::this_thread::get_id()), "the handler never goes there");
  return callback.thread() != std::this_thread::get_id();
}

// Runs `f` in this thread while another one opens the gate, some time later.
template <class F>
void with_late_opening(gate& g, F f) {
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    g.open();
  });
  f();
  opener.join();
}

} // namespace

BOOST_AUTO_TEST_SUITE(placements)

BOOST_AUTO_TEST_CASE(automatic_stays_only_where_one_thread_is_known_to_run_the_loop) {
  net::io_context one(1);
  net::io_context any;
  BOOST_TEST(!runs_elsewhere(one, one.get_executor(), placement::automatic));
  BOOST_TEST(!runs_elsewhere(one, net::make_strand(one), placement::automatic));
  BOOST_TEST(
      !runs_elsewhere(one, net::make_strand(net::any_io_executor(one.get_executor())), placement::automatic));
  BOOST_TEST(runs_elsewhere(any, any.get_executor(), placement::automatic));
  BOOST_TEST(runs_elsewhere(any, net::make_strand(any), placement::automatic));
}

BOOST_AUTO_TEST_CASE(the_caller_may_choose) {
  net::io_context one(1);
  net::io_context any;
  BOOST_TEST(!runs_elsewhere(any, any.get_executor(), placement::inline_));
  BOOST_TEST(!runs_elsewhere(one, one.get_executor(), placement::inline_));
  BOOST_TEST(runs_elsewhere(any, any.get_executor(), placement::job_threads));
  BOOST_TEST(runs_elsewhere(one, one.get_executor(), placement::job_threads));
}

// What counts is where the operation runs, which is the handler's choice.
BOOST_AUTO_TEST_CASE(automatic_looks_at_the_executor_of_the_operation) {
  net::thread_pool pool(2);
  net::io_context io(1);
  const auto work = net::make_work_guard(io); // much of the handshake goes on elsewhere
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor());
  asio_stream client(std::move(sockets.first), client_settings);
  tls_stream server(std::move(sockets.second), server_settings);
  server.set_mode(mode::async);
  gate callback(server.native_handle());
  callback.open();
  const operation c = start_handshake(client, as_client);
  std::atomic<bool> done{false};
  std::atomic<bool> good{false};
  const auto strand = net::make_strand(pool);
  server.async_handshake(as_server, net::bind_executor(strand, [&](error_code ec) {
                           good = !ec && strand.running_in_this_thread();
                           done = true;
                         }));
  run_until(io, [&] { return c.done() && done; });
  BOOST_TEST(good);
  BOOST_TEST((callback.thread() != std::this_thread::get_id()));
  pool.join();
}

// The first step would otherwise run in the caller, who is not the one who runs the loop.
BOOST_AUTO_TEST_CASE(inline_begins_in_the_thread_of_the_loop) {
  net::io_context io(1);
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor());
  asio_stream client(std::move(sockets.first), client_settings);
  tls_stream server(std::move(sockets.second), server_settings);
  server.set_mode(mode::async);
  pausing key(waking::callback, false, true);
  key.install(server.native_handle());
  const operation c = start_handshake(client, as_client);
  io.poll(); // the client's first message
  wait_for_bytes(server.next_layer());
  const operation s = start_handshake(server, as_server);
  BOOST_TEST(key.pauses() == 0);
  std::thread([&] { run_until(io, [&] { return c.done() && s.done(); }); }).join();
  BOOST_TEST(s.ec() == error_code());
  BOOST_TEST(key.pauses() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(away)

BOOST_AUTO_TEST_CASE(a_session_over_any_channel) {
  const auto check = [](auto p) {
    pausing key(waking::callback, false, true);
    key.install(p->server.native_handle());
    p->start();
    p->finish();
    BOOST_TEST(p->s.ec() == error_code());
    BOOST_TEST(key.pauses() == 1);
    BOOST_TEST(key.was_in_job());
    check_session(p->io, p->client, p->server);
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    check(std::make_unique<gated_server>(version));
    check(std::make_unique<gated_layered>(version));
  }
}

// What a client has sent before the server looks: one read takes all of it, and the rest is not lost.
BOOST_AUTO_TEST_CASE(bytes_that_were_read_ahead_reach_later_reads) {
  for (const bool buffered : {false, true}) {
    gated_server p;
    const operation c = start_handshake(p.client, as_client);
    p.io.poll();
    wait_for_bytes(p.server.next_layer());
    std::array<char, 16384> room{};
    const std::size_t n = buffered ? p.server.next_layer().read_some(net::buffer(room, 100)) : 0;
    operation s;
    if (buffered)
      p.server.async_handshake(as_server, net::buffer(room, n), s.make_handler());
    else
      s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return c.done() && s.done(); });
    BOOST_TEST(s.ec() == error_code());
    BOOST_TEST(s.bytes() == n);
    p.c = c;
    p.s = s;
    check_session(p.io, p.client, p.server);
  }
}

BOOST_AUTO_TEST_CASE(nobody_touches_the_engine_while_it_is_away) {
  const auto check = [](auto p) {
    gate g(p->server.native_handle());
    p->start();
    run_until(p->io, [&] { return g.reached(); });
    std::array<char, 10> room{};
    operation read = start_read(p->server, net::buffer(room));
    const operation write = start_write(p->server, net::buffer("hello", 5));
    const operation again = start_handshake(p->server, as_server);
    const operation bye = start_shutdown_form(p->server, shutdown_form::send_only);
    error_code ec;
    p->server.write_some(net::buffer("sync", 4), ec);
    BOOST_TEST(ec == tlsmode::error::operation_in_progress);
    p->server.handshake(as_server, ec);
    BOOST_TEST(ec == tlsmode::error::operation_in_progress);
    p->server.reset(ec);
    BOOST_TEST(ec == tlsmode::error::operation_in_progress);
    settle(p->io);
    BOOST_TEST(!read.done());
    BOOST_TEST(!write.done());
    BOOST_TEST(!again.done());
    BOOST_TEST(!bye.done());
    read.cancel(); // heard when the engine is back
    settle(p->io);
    BOOST_TEST(!p->s.done());
    g.open();
    run_until(p->io, [&] { return read.done(); });
    BOOST_TEST(read.aborted());
    receiver in(p->client);
    run_until(p->io, [&] {
      if (p->c.done() && in.data().empty()) in.start(5);
      return p->s.done() && write.done() && again.done() && bye.done() && in.done();
    });
    BOOST_TEST(p->s.ec() == error_code());
    BOOST_TEST(again.ec() == error_code());
    BOOST_TEST(write.good());
    BOOST_TEST(bye.ec() == error_code());
    BOOST_TEST(in.data() == "hello");
  };
  check(std::make_unique<gated_server>());
  check(std::make_unique<gated_layered>());
}

// A step is never long; whoever asks meanwhile waits for it, except from inside of it.
BOOST_AUTO_TEST_CASE(settings_wait_for_the_step_that_is_under_way) {
  gated_server p;
  gate g(p.server.native_handle());
  p.start();
  run_until(p.io, [&] { return g.reached(); });
  std::atomic<bool> opened{false};
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    opened = true;
    g.open();
  });
  const auto stats = p.server.stats();
  BOOST_TEST(opened, "it would have looked at an engine that is being changed");
  opener.join();
  BOOST_TEST(stats.cipher_read != 0U);
  BOOST_TEST((p.server.state() == connection_state::handshaking));
  BOOST_TEST(p.server.mode().contains(mode::async));
  BOOST_TEST(p.server.last_failure().to_string() == "no failure");
  p.finish();
  BOOST_TEST(p.s.ec() == error_code());
}

BOOST_AUTO_TEST_CASE(a_callback_may_ask_its_own_stream) {
  struct asking {
    tls_stream& stream;
    connection_state state = connection_state::fresh;
    std::string protocol;
  };
  gated_server p;
  asking a{p.server, {}, {}};
  SSL_set_cert_cb(
      p.server.native_handle(),
      [](SSL*, void* to) {
        auto& self = *static_cast<asking*>(to);
        self.state = self.stream.state();
        self.protocol = self.stream.protocol();
        return 1;
      },
      &a);
  p.start();
  p.finish();
  BOOST_TEST(p.s.ec() == error_code());
  BOOST_TEST((a.state == connection_state::handshaking));
  BOOST_TEST(a.protocol == "TLSv1.3");
}

BOOST_AUTO_TEST_CASE(a_failed_handshake_sends_its_alert) {
  const auto check = [](auto p) {
    p->server.set_verify_mode(net::ssl::verify_peer | net::ssl::verify_fail_if_no_peer_cert);
    p->start();
    p->finish();
    BOOST_TEST((p->s.ec().category() == net::error::get_ssl_category()));
    BOOST_TEST(p->server.last_failure().operation == "handshake");
    if (!p->c.ec()) { // with TLS 1.3 the client is done before the server finds out
      receiver in(p->client);
      in.start(1);
      run_until(p->io, [&] { return in.done(); });
      BOOST_TEST(in.ec().message().find("certificate required") != std::string::npos);
    } else {
      BOOST_TEST(p->c.ec().message().find("handshake failure") != std::string::npos);
    }
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    check(std::make_unique<gated_server>(version));
    check(std::make_unique<gated_layered>(version));
  }
}

BOOST_AUTO_TEST_CASE(the_end_of_the_transport_is_found_there_too) {
  const auto check = [](auto p) {
    p->start();
    socket_of(p->client).close();
    p->finish();
    BOOST_TEST((p->s.ec() == net::ssl::error::stream_truncated || p->s.ec() == net::error::connection_reset));
  };
  check(std::make_unique<gated_server>());
  check(std::make_unique<gated_layered>());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ends)

// The signal is remembered; the engine is not touched before it is back.
BOOST_AUTO_TEST_CASE(a_handshake_cancelled_while_its_step_is_away_is_gone_on_with) {
  for (const auto type :
       {net::cancellation_type::none, net::cancellation_type::terminal, net::cancellation_type::partial}) {
    const bool by_limit = type == net::cancellation_type::none;
    gated_server p;
    gate g(p.server.native_handle());
    if (by_limit) p.server.expires_after(std::chrono::milliseconds(10));
    p.start();
    run_until(p.io, [&] { return g.reached(); });
    if (by_limit)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    else
      p.s.cancel(type);
    settle(p.io);
    BOOST_TEST(!p.s.done());
    g.open();
    run_until(p.io, [&] { return p.s.done(); });
    const error_code expected = by_limit ? net::error::timed_out : net::error::operation_aborted;
    BOOST_TEST(p.s.ec() == expected);
    p.server.expires_never();
    p.s = start_handshake(p.server, as_server);
    p.finish();
    BOOST_TEST(p.s.ec() == error_code());
    check_session(p.io, p.client, p.server);
    if (!by_limit) conforms("cancellation", "handshake, for its step on a job thread", name_of(type));
  }
}

BOOST_AUTO_TEST_CASE(a_signal_of_a_type_that_is_not_heeded_changes_nothing) {
  gated_server p;
  gate g(p.server.native_handle());
  p.start();
  run_until(p.io, [&] { return g.reached(); });
  p.s.cancel(net::cancellation_type::total); // bytes have gone both ways by the time when it is back
  g.open();
  p.finish();
  BOOST_TEST(p.s.ec() == error_code());
  conforms("cancellation", "handshake, for its step on a job thread", "total");
}

// The job stays paused, whichever way the crypto will say that it is ready.
BOOST_AUTO_TEST_CASE(a_handshake_cancelled_while_its_job_is_paused_is_gone_on_with) {
  for (const waking way : ways) {
    for (const auto type : {net::cancellation_type::none, net::cancellation_type::terminal,
                            net::cancellation_type::partial, net::cancellation_type::total}) {
      const bool by_limit = type == net::cancellation_type::none;
      const bool heeded = type != net::cancellation_type::total; // bytes have gone both ways
      gated_server p;
      pausing key(way);
      key.install(p.server.native_handle());
      if (by_limit) p.server.expires_after(std::chrono::milliseconds(50));
      p.start();
      run_until(p.io, [&] { return key.pauses() == 1; });
      if (!by_limit) p.s.cancel(type);
      if (!heeded) {
        settle(p.io);
        BOOST_TEST(!p.s.done());
        p.s.cancel();
      }
      run_until(p.io, [&] { return p.s.done(); });
      const error_code expected = by_limit ? net::error::timed_out : net::error::operation_aborted;
      BOOST_TEST(p.s.ec() == expected);
      p.server.expires_never();
      error_code ec;
      p.server.handshake(as_server, ec); // runs here, where the job is not
      BOOST_TEST(ec == tlsmode::error::job_on_other_thread);
      p.server.set_placement(placement::inline_); // not for the job that is paused
      p.s = start_handshake(p.server, as_server);
      key.release();
      p.finish();
      BOOST_TEST(p.s.ec() == error_code());
      BOOST_TEST(key.pauses() == 1);
      BOOST_TEST(key.descriptors_intact());
      check_session(p.io, p.client, p.server);
      if (!by_limit) conforms("cancellation", "handshake, for a paused job of a job thread", name_of(type));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_stream_destroyed_while_its_step_is_away) {
  const auto before = abandoned_jobs();
  const auto check = [](auto p) {
    gate g(p->server.native_handle());
    p->start();
    run_until(p->io, [&] { return g.reached(); });
    { const auto gone = std::move(p->server); }
    settle(p->io);
    BOOST_TEST(!p->s.done());
    g.open();
    run_until(p->io, [&] { return p->s.done() && p->c.done(); });
    BOOST_TEST(p->s.aborted());
    BOOST_TEST(p->s.calls() == 1);
    p->pool.stop();
  };
  check(std::make_unique<gated_server>());
  check(std::make_unique<gated_layered>());
  BOOST_TEST(abandoned_jobs() == before);
}

BOOST_AUTO_TEST_CASE(a_stream_destroyed_while_its_job_is_paused) {
  const auto before = abandoned_jobs();
  for (const waking way : ways) {
    for (const bool settled : {false, true}) {
      gated_server p;
      pausing key(way);
      key.install(p.server.native_handle());
      p.start();
      run_until(p.io, [&] { return key.pauses() == 1; });
      if (settled) settle(p.io);
      key.release_now();
      { const tls_stream gone = std::move(p.server); }
      run_until(p.io, [&] { return p.s.done(); });
      BOOST_TEST((p.s.aborted() || p.s.good()));
      BOOST_TEST(p.s.calls() == 1);
      p.pool.stop(); // before the key goes away
      BOOST_TEST(key.resumes() >= 1, "the job was run to its end");
    }
  }
  BOOST_TEST(abandoned_jobs() == before);
}

// Handlers are destroyed uninvoked, and what the step uses stays until it is over.
BOOST_AUTO_TEST_CASE(an_io_context_destroyed_while_a_step_is_away) {
  const auto before = abandoned_jobs();
  for (const bool cancelled : {false, true}) {
    job_threads pool(1);
    net::ssl::context client_settings = client_context(TLS1_3_VERSION);
    net::ssl::context server_settings = server_context(TLS1_3_VERSION);
    const auto held = std::make_shared<int>(0);
    std::optional<net::io_context> io(std::in_place);
    std::optional<gate> g;
    bool called = false;
    auto sockets = tcp_pair(io->get_executor(), io->get_executor());
    asio_stream client(std::move(sockets.first), client_settings);
    auto server = std::make_shared<tls_stream>(std::move(sockets.second), server_settings);
    g.emplace(server->native_handle());
    server->set_mode(mode::async);
    server->set_placement(placement::job_threads);
    server->set_job_threads(pool);
    net::cancellation_signal signal;
    const operation c = start_handshake(client, as_client);
    // The handler owns the stream, as a session does.
    server->async_handshake(
        as_server,
        net::bind_cancellation_slot(signal.slot(), [server, held, &called](error_code) { called = true; }));
    run_until(*io, [&] { return g->reached(); });
    { const auto gone = std::move(client); }
    server.reset();
    if (cancelled) signal.emit(net::cancellation_type::terminal);
    with_late_opening(*g, [&] { io.reset(); });
    BOOST_TEST(!called);
    BOOST_TEST(held.use_count() == 1);
    pool.stop();
  }
  BOOST_TEST(abandoned_jobs() == before);
}

BOOST_AUTO_TEST_CASE(an_io_context_destroyed_while_a_job_is_paused) {
  const auto before = abandoned_jobs();
  for (const waking way : ways) {
    job_threads pool(1);
    pausing key(way);
    net::ssl::context client_settings = client_context(TLS1_3_VERSION);
    net::ssl::context server_settings = server_context(TLS1_3_VERSION);
    const auto held = std::make_shared<int>(0);
    {
      net::io_context io;
      auto sockets = tcp_pair(io.get_executor(), io.get_executor());
      asio_stream client(std::move(sockets.first), client_settings);
      auto server = std::make_shared<tls_stream>(std::move(sockets.second), server_settings);
      key.install(server->native_handle());
      server->set_mode(mode::async);
      server->set_placement(placement::job_threads);
      server->set_job_threads(pool);
      const operation c = start_handshake(client, as_client);
      server->async_handshake(as_server, [server, held](error_code) {});
      server.reset();
      run_until(io, [&] { return key.pauses() == 1; });
      settle(io);
      key.release_now();
    }
    BOOST_TEST(held.use_count() == 1);
    pool.stop();
    BOOST_TEST(key.resumes() >= 1);
  }
  BOOST_TEST(abandoned_jobs() == before);
}

BOOST_AUTO_TEST_CASE(the_loop_stays_for_a_step_that_is_away) {
  gated_server p;
  gate g(p.server.native_handle());
  p.start();
  run_until(p.io, [&] { return g.reached(); });
  socket_of(p.client).close();
  run_until(p.io, [&] { return p.c.done(); });
  settle(p.io);
  p.io.poll();
  BOOST_TEST(!p.io.stopped(), "or run() would return too early");
  g.open();
  run_out(p.io);
  BOOST_TEST(p.s.done());
}

BOOST_AUTO_TEST_CASE(a_paused_job_is_ended_by_a_reset_on_its_thread) {
  const auto before = abandoned_jobs();
  for (const waking way : ways) {
    gated_server p;
    pausing key(way);
    key.install(p.server.native_handle());
    p.start();
    run_until(p.io, [&] { return key.pauses() == 1; });
    p.s.cancel();
    run_until(p.io, [&] { return p.s.done(); });
    key.release_now();
    p.server.reset();
    BOOST_TEST(key.resumes() >= 1);
    BOOST_TEST((p.server.state() == connection_state::fresh));
    socket_of(p.client).close();
    run_until(p.io, [&] { return p.c.done(); });

    // The same object for another connection.
    auto sockets = tcp_pair(p.io.get_executor(), p.io.get_executor());
    asio_stream client(std::move(sockets.first), p.client_settings);
    p.server.next_layer() = std::move(sockets.second);
    const operation c = start_handshake(client, as_client);
    p.s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return key.pauses() == 2; });
    key.release();
    run_until(p.io, [&] { return c.done() && p.s.done(); });
    BOOST_TEST(p.s.ec() == error_code());
    check_session(p.io, client, p.server);
  }
  BOOST_TEST(abandoned_jobs() == before);
}

BOOST_AUTO_TEST_CASE(once_the_threads_are_stopped_operations_that_need_them_fail) {
  gated_server p;
  p.pool.stop();
  p.start();
  run_until(p.io, [&] { return p.s.done(); });
  BOOST_TEST(p.s.ec() == tlsmode::error::job_threads_stopped);
  job_threads others(1); // nothing is lost but the threads
  p.server.set_job_threads(others);
  p.s = start_handshake(p.server, as_server);
  p.finish();
  BOOST_TEST(p.s.ec() == error_code());
  check_session(p.io, p.client, p.server);
}

BOOST_AUTO_TEST_CASE(a_job_whose_thread_is_gone_is_counted_with_its_stream) {
  static std::vector<SSL*> lost; // known to the leak checker
  static pausing key(waking::callback);
  const auto before = abandoned_jobs();
  gated_server p;
  key.install(p.server.native_handle());
  p.start();
  run_until(p.io, [&] { return key.pauses() == 1; });
  settle(p.io);
  p.pool.stop();
  key.release_now();
  run_until(p.io, [&] { return p.s.done(); });
  BOOST_TEST(p.s.ec() == tlsmode::error::job_threads_stopped);
  job_threads others(1);
  p.server.set_job_threads(others); // they are not that one
  p.s = start_handshake(p.server, as_server);
  run_until(p.io, [&] { return p.s.done(); });
  BOOST_TEST(p.s.ec() == tlsmode::error::job_threads_stopped);
  BOOST_TEST(key.resumes() == 0);
  lost.push_back(p.server.native_handle());
  { const tls_stream gone = std::move(p.server); }
  BOOST_TEST(abandoned_jobs() == before + 1);
  BOOST_TEST(key.resumes() == 0);
}

// Again and again, with a job that is paused when its stream goes away: neither the heap nor the number of
// job stacks grows.
BOOST_AUTO_TEST_CASE(nothing_is_left_of_streams_that_went_away) {
  job_threads pool(1);
  const auto once = [&](waking way) {
    gated_server p;
    pausing key(way);
    key.install(p.server.native_handle());
    p.server.set_job_threads(pool);
    p.start();
    run_until(p.io, [&] { return key.pauses() == 1; });
    key.release_now();
    { const tls_stream gone = std::move(p.server); }
    run_until(p.io, [&] { return p.s.done(); });
    settle(pool);
  };
  for (const waking way : ways) once(way); // what is made once and kept
  const std::size_t bytes = heap_bytes();
  const std::size_t stacks = job_stacks();
  for (int i = 0; i < 10; ++i)
    for (const waking way : ways) once(way);
  BOOST_TEST(job_stacks() == stacks);
  BOOST_TEST(heap_bytes() <= bytes + 4096, "what the loop caches may differ, but a connection is 15 KB");
}

BOOST_AUTO_TEST_CASE(connections_queue_for_the_slots_of_a_bounded_thread) {
  job_threads pool(1, 1);
  gated_server p;
  gated_server q;
  pausing key(waking::callback);
  key.install(p.server.native_handle());
  p.server.set_job_threads(pool);
  q.server.set_job_threads(pool);
  p.start();
  run_until(p.io, [&] { return key.pauses() == 1; }); // has the only slot
  q.start();
  run_until(q.io, [&] { return q.server.stats().suspended_async != 0; });
  BOOST_TEST(!q.s.done());
  key.release();
  p.finish();
  q.finish();
  BOOST_TEST(p.s.ec() == error_code());
  BOOST_TEST(q.s.ec() == error_code());
}

BOOST_AUTO_TEST_SUITE_END()
