// SPDX-License-Identifier: BSL-1.0
// Does a hook end with what asked it? Cancellation, deadlines, time limits, streams and loops that go away:
// the coroutine is cancelled, nothing is left, and the loop goes on.
#include "asio_hook_cases.hpp"
#include "conformance.hpp"

#include <tlsmode/stats.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>

BOOST_AUTO_TEST_SUITE(adapter_hooks_ending)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

using std::chrono::milliseconds;

template <class Test>
void with_each(Test test) {
  for (const async_hook_case& c : all_async_hook_cases())
    BOOST_TEST_CONTEXT(c.name << ", version " << c.version) {
      const std::uint64_t before = abandoned_jobs();
      test(c);
      BOOST_TEST(abandoned_jobs() == before);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(cancelling_the_handshake_cancels_the_hook_and_the_next_asks_again) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial}) {
    with_each([type](const async_hook_case& c) {
      async_hook_rig rig(c);
      const auto pair = rig.run_to_the_hook();
      operation& op = pair->operation_of_side();
      op.cancel(net::cancellation_type::total); // bytes have gone both ways
      settle(rig.io);
      BOOST_TEST(!op.done());
      BOOST_TEST(rig.hook.cancelled == 0);
      op.cancel(type);
      run_until(rig.io, [&] { return op.done() && rig.hook.alive == 0; });
      BOOST_TEST(op.aborted());
      BOOST_TEST(rig.hook.cancelled == 1);
      op = start_handshake(pair->side(), c.on_client ? as_client : as_server);
      run_until(rig.io, [&] { return rig.hook.begun == 2; });
      rig.hook.release();
      rig.finish(*pair);
    });
    conforms("cancellation", "handshake, for a hook's coroutine", name_of(type));
    conforms("cancellation", "handshake, for a hook's coroutine", "total");
  }
}

BOOST_AUTO_TEST_CASE(a_deadline_cancels_the_hook) {
  with_each([](const async_hook_case& c) {
    async_hook_rig rig(c);
    const auto pair = rig.connect();
    pair->side().expires_after(milliseconds(30));
    pair->start();
    operation& op = pair->operation_of_side();
    run_until(rig.io, [&] { return op.done() && rig.hook.alive == 0; });
    BOOST_TEST(op.ec() == net::error::timed_out);
    BOOST_TEST(rig.hook.cancelled == rig.hook.begun); // on a slow machine it may not have got so far
  });
}

BOOST_AUTO_TEST_CASE(a_hook_that_never_answers_is_ended_by_its_time_limit) {
  with_each([](const async_hook_case& c) {
    for (const bool heeds : {true, false}) {
      if (c.second_connection) return; // the first connection has no time either
      async_hook_rig rig(c, milliseconds(20));
      rig.hook.ignores_cancellation = !heeds;
      const auto pair = rig.connect();
      pair->start();
      run_until(rig.io, [&] { return pair->c.done() && pair->s.done(); });
      BOOST_TEST(pair->operation_of_side().ec() == to_boost(error::hook_timed_out));
      settle(rig.io);
      BOOST_TEST(rig.hook.alive == (heeds ? 0 : rig.hook.begun));
      rig.hook.release(); // too late
      settle(rig.io);
      BOOST_TEST(rig.hook.alive == 0);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_destroyed_cancels_the_hook) {
  with_each([](const async_hook_case& c) {
    async_hook_rig rig(c);
    auto pair = rig.run_to_the_hook();
    const operation client = pair->c;
    const operation server = pair->s;
    pair.reset();
    run_out(rig.io);
    BOOST_TEST(client.done());
    BOOST_TEST(server.done());
    BOOST_TEST(rig.hook.cancelled == 1);
    BOOST_TEST(rig.hook.alive == 0);
  });
}

BOOST_AUTO_TEST_CASE(a_loop_that_goes_away_takes_everything_along) {
  with_each([](const async_hook_case& c) {
    for (const bool owned_by_the_loop : {true, false}) {
      std::shared_ptr<script> hook;
      {
        async_hook_rig rig(c);
        hook = rig.kept_hook;
        std::shared_ptr<async_hook_rig::connection> pair = rig.connect();
        const auto keep = owned_by_the_loop ? pair : nullptr;
        const auto own = [keep](error_code, std::size_t) {};
        pair->c = start_handshake(pair->client, as_client, own);
        pair->s = start_handshake(pair->server, as_server, own);
        run_until(rig.io, [&] { return hook->begun == 1; });
        rig.io.stop();
      }
      BOOST_TEST(hook->alive == 0);
    }
  });
}

// It waits for something of another loop, which goes away and takes the coroutine along. The coroutine has
// no object of that loop, since its frame is destroyed on its own loop and later.
BOOST_AUTO_TEST_CASE(a_hook_whose_coroutine_is_destroyed_fails_the_handshake) {
  std::optional<net::io_context> elsewhere(std::in_place);
  bool waits = false;
  async_hooks h;
  h.on_client_hello([&](client_hello) -> net::awaitable<client_hello_answer> {
    waits = true;
    co_await net::post(elsewhere->get_executor(), net::use_awaitable); // nobody runs that loop
    co_return client_hello_answer::proceed();
  });
  net::ssl::context server = server_context(TLS1_3_VERSION);
  BOOST_REQUIRE(!set_hooks(server, std::move(h)));
  both_ours p(client_context(TLS1_3_VERSION), std::move(server));
  const operation connecting = start_handshake(p.client, as_client);
  const operation accepting = start_handshake(p.server, as_server);
  run_until(p.io, [&] { return waits; });
  settle(p.io);
  BOOST_TEST(!accepting.done());
  elsewhere.reset();
  run_until(p.io, [&] { return accepting.done() && connecting.done(); });
  BOOST_TEST(accepting.ec() == to_boost(error::hook_failed));
}

// Coroutines that do not heed their cancellation must not pile up.
BOOST_AUTO_TEST_CASE(there_are_not_more_coroutines_than_allowed) {
  script hook;
  hook.ignores_cancellation = true;
  async_hooks h;
  h.on_client_hello([&](client_hello) -> net::awaitable<client_hello_answer> {
    co_await hook.wait();
    co_return client_hello_answer::proceed();
  });
  h.set_most(2);
  net::ssl::context server = server_context(TLS1_3_VERSION);
  BOOST_REQUIRE(!set_hooks(server, std::move(h)));
  both_ours p(client_context(TLS1_3_VERSION), std::move(server));
  const operation connecting = start_handshake(p.client, as_client);
  for (int i = 1; i <= 2; ++i) {
    operation op = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return hook.begun == i; });
    op.cancel();
    run_until(p.io, [&] { return op.done(); });
    BOOST_TEST(op.aborted());
  }
  const operation last = start_handshake(p.server, as_server);
  run_until(p.io, [&] { return last.done() && connecting.done(); });
  BOOST_TEST(last.ec() == to_boost(error::hook_failed));
  BOOST_TEST(hook.begun == 2);
  hook.release();
  settle(p.io);
  BOOST_TEST(hook.alive == 0);
}

BOOST_AUTO_TEST_SUITE_END()
