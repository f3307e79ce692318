// SPDX-License-Identifier: BSL-1.0
// Is a private key behind a signer out of the loop's way, with an ordinary boost::asio::ssl::context? And is
// any coroutine a signer, which ends when nobody waits for its signature any more?
#define BOOST_TEST_MODULE adapter_signers
#include "asio_fixture.hpp"
#include "asio_session.hpp"
#include "conformance.hpp"
#include "heap_counter.hpp"

#include <tlsmode/asio/coroutine_signer.hpp>
#include <tlsmode/signer.hpp>

#include <tlsmode/asio/detail/answer_host.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <optional>

BOOST_AUTO_TEST_SUITE(signers)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

using bytes = std::vector<std::byte>;
using std::chrono::milliseconds;
constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

private_key server_key() { return load_private_key(pem(localhost().key)); }

bytes sign_here(const private_key& key, const signature_request& r) {
  bytes signature;
  if (const auto ec = sign_with(key.get(), r.scheme(), r.message(), signature)) throw std::system_error(ec);
  return signature;
}

// Nothing but the certificate: the key is not in the context.
net::ssl::context certificate_only(int version, const std::shared_ptr<signer>& who,
                                   milliseconds limit = default_signing_limit) {
  net::ssl::context ctx = server_context(version);
  if (const auto ec = use_signer(ctx.native_handle(), who, limit)) throw std::system_error(ec);
  return ctx;
}

// Our stream as the server whose key is behind a signer.
struct signing_server : our_server {
  explicit signing_server(const std::shared_ptr<signer>& who, int version = TLS1_3_VERSION,
                          milliseconds limit = default_signing_limit)
      : our_server(client_context(version), certificate_only(version, who, limit)) {}

  void start() {
    c = start_handshake(client, as_client);
    s = start_handshake(server, as_server);
  }
  void finish() {
    run_until(io, [&] { return c.done() && s.done(); });
    BOOST_TEST(c.ec() == error_code());
    BOOST_TEST(s.ec() == error_code());
    check_session(io, client, server);
  }
  void check_failure(error expected, std::error_code cause = {}) {
    run_until(io, [&] { return c.done() && s.done(); });
    BOOST_TEST(s.ec() == to_boost(expected));
    BOOST_TEST(server.last_failure().cause == cause);
    BOOST_TEST(c.ec().message().find("alert internal error") != std::string::npos, c.ec().message());
  }
  operation c;
  operation s;
};

// A coroutine that waits for the test, and says how it ended.
struct script {
  explicit script(private_key k = server_key()) : key(std::move(k)) {}

  [[nodiscard]] coroutine_signer::function function() {
    return [this](const signature_request& r) -> net::awaitable<bytes> {
      ++begun;
      thread = std::this_thread::get_id();
      net::steady_timer timer(co_await net::this_coro::executor, net::steady_timer::time_point::max());
      waiting = &timer;
      error_code ec;
      if (!released) co_await timer.async_wait(net::redirect_error(net::use_awaitable, ec));
      waiting = nullptr;
      const auto state = co_await net::this_coro::cancellation_state;
      if (state.cancelled() != net::cancellation_type::none) {
        ++cancelled;
        throw boost::system::system_error(net::error::operation_aborted);
      }
      co_return sign_here(key, r);
    };
  }
  void release() {
    released = true;
    if (waiting != nullptr) waiting->cancel();
  }

  private_key key;
  int begun = 0;
  int cancelled = 0;
  bool released = false;
  net::steady_timer* waiting = nullptr;
  std::thread::id thread;
};

// An io_context with a thread of its own.
struct other_loop {
  ~other_loop() {
    work.reset();
    thread.join();
  }
  net::io_context io;
  net::executor_work_guard<net::io_context::executor_type> work{io.get_executor()};
  std::thread thread{[this] { io.run(); }};
};

} // namespace

// ---- threads ----

BOOST_AUTO_TEST_CASE(one_call_moves_the_key_of_an_ordinary_context_to_threads) {
  for (const int version : versions) {
    net::ssl::context ctx = server_context(version);
    const auto pool = std::make_shared<thread_pool_signer>(private_key_of(ctx.native_handle()), 2);
    BOOST_REQUIRE(!use_signer(ctx.native_handle(), pool));
    our_server p(client_context(version), std::move(ctx));
    BOOST_TEST(p.server.mode().contains(mode::async));
    p.handshake();
    check_session(p.io, p.client, p.server);
  }
}

BOOST_AUTO_TEST_CASE(the_loop_goes_on_while_a_thread_signs) {
  for (const int version : versions) {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    std::atomic<bool> begun{false};
    const private_key key = server_key();
    const auto pool = std::make_shared<thread_pool_signer>([&](const signature_request& r) {
      begun = true;
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return open; });
      return sign_here(key, r);
    });
    signing_server p(pool, version);
    p.start();
    run_until(p.io, [&] { return begun.load(); });
    int others = 0;
    std::function<void()> other = [&] {
      if (++others < 1000) net::post(p.io, other);
    };
    net::post(p.io, other);
    run_until(p.io, [&] { return others == 1000; });
    BOOST_TEST(!p.s.done());
    {
      const std::lock_guard lock(mutex);
      open = true;
    }
    changed.notify_all();
    p.finish();
    BOOST_TEST(p.server.stats().suspended_async == 1U, "woken by the answer alone");
  }
}

BOOST_AUTO_TEST_CASE(a_stream_of_boost_s_blocks_and_works) {
  for (const int version : versions) {
    both_asio p(client_context(version),
                certificate_only(version, std::make_shared<thread_pool_signer>(server_key())));
    p.handshake();
    check_session(p.io, p.client, p.server);
  }
}

BOOST_AUTO_TEST_CASE(without_jobs_our_stream_blocks_and_works) {
  signing_server p(std::make_shared<thread_pool_signer>(server_key()));
  p.server.clear_mode(mode::async);
  p.start();
  p.finish();
  BOOST_TEST(p.server.stats().suspended_async == 0U);
}

BOOST_AUTO_TEST_CASE(a_client_s_key_too) {
  for (const int version : versions) {
    net::ssl::context server = server_context(version);
    server.set_verify_mode(net::ssl::verify_peer | net::ssl::verify_fail_if_no_peer_cert);
    server.add_certificate_authority(net::buffer(authority().certificate));
    net::ssl::context client = client_context(version);
    client.use_certificate_chain(net::buffer(client_identity().certificate));
    script coroutine(load_private_key(pem(client_identity().key)));
    const auto s = std::make_shared<coroutine_signer>(coroutine.function());
    BOOST_REQUIRE(!use_signer(client.native_handle(), s));
    our_client p(std::move(client), std::move(server));
    const operation c = start_handshake(p.client, as_client);
    const operation b = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return coroutine.waiting != nullptr; });
    coroutine.release();
    run_until(p.io, [&] { return c.done() && b.done(); });
    BOOST_TEST(c.ec() == error_code());
    BOOST_TEST(b.ec() == error_code());
    check_session(p.io, p.client, p.server);
  }
}

// ---- coroutines ----

BOOST_AUTO_TEST_CASE(a_coroutine_signs_on_the_stream_s_executor) {
  for (const int version : versions) {
    script coroutine;
    const auto s = std::make_shared<coroutine_signer>(coroutine.function());
    signing_server p(s, version);
    p.start();
    run_until(p.io, [&] { return coroutine.waiting != nullptr; });
    settle(p.io);
    BOOST_TEST(!p.s.done());
    BOOST_TEST(s->running() == 1U);
    BOOST_TEST((coroutine.thread == std::this_thread::get_id()));
    coroutine.release();
    p.finish();
    BOOST_TEST(p.server.stats().suspended_async == 1U, "woken by the answer alone");
    BOOST_TEST(s->running() == 0U);
    BOOST_TEST(coroutine.begun == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_coroutine_signs_on_an_executor_of_its_own) {
  other_loop elsewhere;
  script coroutine;
  coroutine.released = true;
  signing_server p(std::make_shared<coroutine_signer>(elsewhere.io.get_executor(), coroutine.function()));
  p.start();
  p.finish();
  BOOST_TEST((coroutine.thread == elsewhere.thread.get_id()));
}

BOOST_AUTO_TEST_CASE(many_wait_at_the_same_time_on_one_thread) {
  constexpr std::size_t connections = 64;
  const private_key key = server_key();
  std::size_t outstanding = 0;
  std::size_t most = 0;
  net::io_context io;
  net::steady_timer all_there(io, net::steady_timer::time_point::max());
  const auto s = std::make_shared<coroutine_signer>([&](const signature_request& r) -> net::awaitable<bytes> {
    most = std::max(most, ++outstanding);
    error_code ec;
    if (outstanding < connections)
      co_await all_there.async_wait(net::redirect_error(net::use_awaitable, ec));
    else
      all_there.cancel();
    --outstanding;
    co_return sign_here(key, r);
  });
  net::ssl::context client = client_context(TLS1_3_VERSION);
  net::ssl::context server = certificate_only(TLS1_3_VERSION, s);
  std::vector<std::unique_ptr<tls_stream>> streams;
  std::vector<operation> operations;
  for (std::size_t i = 0; i < connections; ++i) {
    auto sockets = tcp_pair(io.get_executor(), io.get_executor());
    streams.push_back(std::make_unique<tls_stream>(std::move(sockets.first), client));
    operations.push_back(start_handshake(*streams.back(), as_client));
    streams.push_back(std::make_unique<tls_stream>(std::move(sockets.second), server));
    operations.push_back(start_handshake(*streams.back(), as_server));
  }
  run_until(io, [&] {
    return std::all_of(operations.begin(), operations.end(), [](const operation& o) { return o.done(); });
  });
  for (const operation& o : operations) BOOST_TEST(o.ec() == error_code());
  BOOST_TEST(most == connections);
}

BOOST_AUTO_TEST_CASE(what_a_coroutine_throws_ends_the_handshake) {
  const auto with = [](const std::function<void()>& thrower, std::error_code cause, bool at_once) {
    coroutine_signer::function f;
    if (at_once)
      f = [&](const signature_request&) -> net::awaitable<bytes> {
        thrower();
        throw 0;
      };
    else
      f = [&](const signature_request&) -> net::awaitable<bytes> {
        co_await net::post(co_await net::this_coro::executor, net::use_awaitable);
        thrower();
        co_return bytes();
      };
    const auto s = std::make_shared<coroutine_signer>(f);
    signing_server p(s);
    p.start();
    p.check_failure(error::signer_failed, cause);
    BOOST_TEST(s->running() == 0U);
  };
  const auto refused = std::make_error_code(std::errc::connection_refused);
  for (const bool at_once : {true, false}) {
    with([] { throw boost::system::system_error(net::error::connection_refused); },
         error_code(net::error::connection_refused), at_once);
    with([&] { throw std::system_error(refused); }, refused, at_once);
    with([] { throw std::bad_alloc(); }, std::make_error_code(std::errc::not_enough_memory), at_once);
    with([] { throw std::runtime_error("?"); }, {}, at_once);
    with([] { throw 1; }, {}, at_once);
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_signature_of_a_coroutine) {
  signing_server p(std::make_shared<coroutine_signer>(
      [](const signature_request&) -> net::awaitable<bytes> { co_return bytes(70); }));
  p.start();
  p.check_failure(error::wrong_signature);
}

BOOST_AUTO_TEST_CASE(too_many_coroutines) {
  script coroutine;
  const auto s = std::make_shared<coroutine_signer>(coroutine.function(), bytes(), 1);
  signing_server first(s);
  first.start();
  run_until(first.io, [&] { return coroutine.waiting != nullptr; });
  signing_server second(s);
  second.start();
  second.check_failure(error::signer_busy);
  coroutine.release();
  first.finish();
  signing_server third(s);
  third.start();
  third.finish();
}

BOOST_AUTO_TEST_CASE(cancelling_the_handshake_cancels_the_coroutine) {
  script coroutine;
  const auto s = std::make_shared<coroutine_signer>(coroutine.function());
  signing_server p(s);
  p.start();
  int round = 0;
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::terminal}) {
    ++round;
    run_until(p.io, [&] { return coroutine.waiting != nullptr; });
    p.s.cancel(net::cancellation_type::total); // bytes have gone both ways
    settle(p.io);
    BOOST_TEST(!p.s.done());
    p.s.cancel(type);
    run_until(p.io, [&] { return p.s.done() && s->running() == 0; });
    BOOST_TEST(p.s.aborted());
    BOOST_TEST(coroutine.cancelled == round);
    p.s = start_handshake(p.server, as_server); // goes on, and asks again
    run_until(p.io, [&] { return coroutine.begun == round + 1; });
  }
  coroutine.release();
  p.finish();
  for (const char* const type : {"terminal", "partial", "total"})
    conforms("cancellation", "handshake, for a signer's coroutine", type);
}

BOOST_AUTO_TEST_CASE(a_stream_s_time_limit_cancels_the_coroutine) {
  script coroutine;
  const auto s = std::make_shared<coroutine_signer>(coroutine.function());
  signing_server p(s);
  p.server.expires_after(milliseconds(20));
  p.start();
  run_until(p.io, [&] { return p.s.done() && s->running() == 0; });
  BOOST_TEST(p.s.ec() == net::error::timed_out);
  // A machine that is slow may not even have come to the signature.
  BOOST_TEST(coroutine.cancelled == coroutine.begun);
  p.server.expires_never();
  coroutine.release();
  p.s = start_handshake(p.server, as_server);
  p.finish();
}

BOOST_AUTO_TEST_CASE(the_signer_s_time_limit_ends_handshake_and_coroutine) {
  for (const int version : versions) {
    script coroutine;
    const auto s = std::make_shared<coroutine_signer>(coroutine.function());
    signing_server p(s, version, milliseconds(5));
    p.start();
    p.check_failure(error::signer_timed_out);
    run_until(p.io, [&] { return s->running() == 0; });
    BOOST_TEST(coroutine.cancelled == coroutine.begun);
  }
}

BOOST_AUTO_TEST_CASE(streams_that_are_destroyed_leave_nothing) {
  BOOST_REQUIRE(heap_is_counted());
  script coroutine;
  const auto s = std::make_shared<coroutine_signer>(coroutine.function());
  const auto once = [&] {
    {
      std::optional<signing_server> p(std::in_place, s);
      p->server.set_placement(placement::inline_); // a job thread would clean up when it gets round to it
      p->start();
      run_until(p->io, [&] { return coroutine.waiting != nullptr; });
      const int before = coroutine.cancelled;
      {
        const tls_stream gone = std::move(p->server);
      } // NOLINT: nothing outstanding is moved, all of it ends
      run_until(p->io, [&] { return p->s.done() && s->running() == 0; });
      BOOST_REQUIRE(p->s.aborted());
      BOOST_REQUIRE(coroutine.cancelled == before + 1);
    }
  };
  for (int i = 0; i < 3; ++i) once();
  const std::size_t heap = heap_bytes();
  const std::size_t stacks = job_stacks();
  for (int i = 0; i < 20; ++i) {
    once();
    BOOST_REQUIRE(heap_bytes() == heap);
    BOOST_REQUIRE(job_stacks() == stacks);
  }
}

BOOST_AUTO_TEST_CASE(a_loop_that_ends_while_its_coroutines_run) {
  script coroutine;
  const auto s = std::make_shared<coroutine_signer>(coroutine.function());
  {
    signing_server p(s);
    p.start();
    run_until(p.io, [&] { return coroutine.waiting != nullptr; });
  }
  BOOST_TEST(s->running() == 0U);
  BOOST_TEST(coroutine.cancelled == 0); // it was destroyed where it stood
}

// A thread may have the request when the loop and the strand of its stream are gone.
BOOST_AUTO_TEST_CASE(a_request_that_outlives_the_loop_knows_nothing_of_it) {
  struct holding final : signer {
    void sign(std::shared_ptr<signature_request> r) override { // on a job thread, maybe
      held = std::move(r);
      has_it = true;
    }
    std::shared_ptr<signature_request> held;
    std::atomic<bool> has_it = false;
  };
  for (const placement where : {placement::inline_, placement::job_threads}) {
    const auto s = std::make_shared<holding>();
    net::ssl::context for_client = client_context(TLS1_3_VERSION);
    net::ssl::context for_server = certificate_only(TLS1_3_VERSION, s);
    auto io = std::make_unique<net::io_context>(1);
    const auto host_of = [&] { return detail::asio_answer_host::of(*s->held); };
    {
      auto sockets = tcp_pair(net::make_strand(*io), net::make_strand(*io));
      auto client = std::make_unique<asio_stream>(std::move(sockets.first), for_client);
      auto server = std::make_unique<tls_stream>(std::move(sockets.second), for_server);
      server->set_placement(where);
      const operation c = start_handshake(*client, as_client);
      const operation done = start_handshake(*server, as_server);
      run_until(*io, [&] { return s->has_it.load(); });
      settle(*io);
      BOOST_TEST(bool(host_of()->executor()));
      client->lowest_layer().close();
      server.reset();
      run_until(*io, [&] { return c.done() && done.done(); });
      client.reset();
    }
    // The engine may still be on its way to the thread of its job.
    BOOST_TEST(!host_of()->executor());
    io.reset();
    s->held.reset();
  }
}

BOOST_AUTO_TEST_CASE(a_signer_s_own_loop_that_ends_is_a_failure_of_the_signer) {
  for (const bool begun : {true, false}) {
    script coroutine;
    std::optional<net::io_context> elsewhere(std::in_place);
    const auto s = std::make_shared<coroutine_signer>(elsewhere->get_executor(), coroutine.function());
    signing_server p(s);
    p.start();
    run_until(p.io, [&] { return s->running() == 1; });
    if (begun) run_until(*elsewhere, [&] { return coroutine.waiting != nullptr; });
    elsewhere.reset();
    p.check_failure(error::signer_failed);
    BOOST_TEST(s->running() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(a_signer_may_go_away_while_its_coroutine_runs) {
  script coroutine;
  auto s = std::make_shared<coroutine_signer>(coroutine.function());
  const std::weak_ptr<coroutine_signer> watch = s;
  signing_server p(s);
  p.start();
  run_until(p.io, [&] { return coroutine.waiting != nullptr; });
  s.reset();
  // Another key takes its place in the context and in the connection.
  p.server_settings.use_private_key(net::buffer(localhost().key), net::ssl::context::pem);
  BOOST_TEST(!watch.expired()); // the connection still has it
  coroutine.release();
  p.finish();
}

BOOST_AUTO_TEST_CASE(coroutines_on_several_threads) {
  net::thread_pool threads(4);
  const private_key key = server_key();
  std::atomic<int> begun{0};
  const auto s = std::make_shared<coroutine_signer>(
      threads.get_executor(), [&](const signature_request& r) -> net::awaitable<bytes> {
        net::steady_timer timer(co_await net::this_coro::executor);
        timer.expires_after(std::chrono::microseconds(200 * (++begun % 5)));
        co_await timer.async_wait(net::use_awaitable);
        co_return sign_here(key, r);
      });
  int cancelled = 0;
  for (int i = 0; i < 50; ++i) {
    signing_server p(s);
    p.start();
    const int before = begun;
    run_until(p.io, [&] { return begun > before || p.s.done(); });
    if (i % 2 == 0 && !p.s.done()) {
      p.s.cancel();
      run_until(p.io, [&] { return p.s.done(); });
      if (p.s.aborted()) {
        ++cancelled;
        p.s = start_handshake(p.server, as_server);
      }
    }
    run_until(p.io, [&] { return p.c.done() && p.s.done(); });
    BOOST_TEST(p.s.ec() == error_code());
  }
  threads.join();
  BOOST_TEST(s->running() == 0U);
}

// ---- synchronous handshakes ----

BOOST_AUTO_TEST_CASE(a_synchronous_handshake_waits_for_its_signature) {
  const auto check = [](const std::shared_ptr<signer>& s, bool jobs) {
    signing_server p(s);
    if (!jobs) p.server.clear_mode(mode::async);
    std::thread peer([&] {
      error_code ignored;
      p.client.handshake(as_client, ignored);
    });
    error_code ec;
    p.server.handshake(as_server, ec);
    peer.join();
    return std::pair(ec, p.server.last_failure().cause);
  };
  other_loop elsewhere;
  for (const bool jobs : {true, false}) {
    BOOST_TEST(check(std::make_shared<inline_signer>(server_key()), jobs).first == error_code());
    BOOST_TEST(check(std::make_shared<thread_pool_signer>(server_key()), jobs).first == error_code());
    script coroutine;
    coroutine.released = true;
    BOOST_TEST(
        check(std::make_shared<coroutine_signer>(elsewhere.io.get_executor(), coroutine.function()), jobs)
            .first == error_code());
    // Nobody would run a coroutine of the stream's executor.
    const auto [ec, cause] = check(std::make_shared<coroutine_signer>(coroutine.function()), jobs);
    BOOST_TEST(ec == to_boost(error::signer_failed));
    BOOST_TEST((cause == std::errc::operation_not_supported));
    BOOST_TEST(coroutine.begun == 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()
