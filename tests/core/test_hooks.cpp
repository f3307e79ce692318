// SPDX-License-Identifier: BSL-1.0
// What holds for every hook that can be waited for: does the handshake stop for it and nothing else, and does
// anything but a good answer in time refuse the connection?
#include "hook_cases.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <thread>

BOOST_AUTO_TEST_SUITE(hooks_in_general)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// Runs `test` for every hook.
template <class Test>
void with_each(Test test) {
  for (const hook_case& c : all_hook_cases()) BOOST_TEST_CONTEXT(c.name << ", version " << c.version) {
      test(c);
    }
}

// Steps until the side that asks is done, or nothing more will come.
step end_of(const hook_rig& rig, memory_pair& pair) {
  for (int i = 0; i < 20; ++i) {
    const endpoint& side = rig.side_of(pair);
    pair.advance();
    if (side.last.complete()) break;
  }
  return rig.side_of(pair).last;
}

} // namespace

BOOST_AUTO_TEST_CASE(an_answer_at_once_does_not_stop_the_handshake) {
  with_each([](const hook_case& c) {
    hook_rig rig(c);
    rig.asked.at_once = true;
    const auto pair = rig.pair();
    BOOST_TEST(pair->connect());
    BOOST_TEST(rig.asked.count == 1);
    const stats& s = rig.side_of(*pair).tls.stats();
    BOOST_TEST(s.suspended_async + s.suspended_other == 0U);
    BOOST_TEST(pair->server.tls.resumed() == c.second_connection);
  });
}

BOOST_AUTO_TEST_CASE(the_handshake_waits_for_a_late_answer) {
  with_each([](const hook_case& c) {
    hook_rig rig(c);
    const auto pair = rig.asking_pair();
    endpoint& side = rig.side_of(*pair);
    for (int i = 0; i < 3; ++i) BOOST_TEST(stops(side.handshake(), c.reason)); // whatever wakes it
    BOOST_TEST(rig.asked.open.size() == 1U);
    BOOST_TEST(side.tls.answer_deadline().has_value());
    BOOST_TEST(rig.asked.open[0].answer());
    BOOST_TEST(!rig.asked.open[0].answer(), "the first answer counts");
    BOOST_TEST(pair->connect());
    BOOST_TEST(rig.asked.count == 1);
    BOOST_TEST(!side.tls.answer_awaited());
    BOOST_TEST(pair->server.tls.resumed() == c.second_connection);
  });
}

BOOST_AUTO_TEST_CASE(an_answer_from_another_thread_calls_whoever_waits) {
  with_each([](const hook_case& c) {
    hook_rig rig(c);
    auto pair = rig.pair();
    std::atomic<int> calls = 0;
    rig.side_of(*pair).tls.set_job_callback(std::make_shared<std::function<void()>>([&] { ++calls; }));
    for (int i = 0; i < 20 && rig.asked.open.empty(); ++i) pair->advance();
    BOOST_REQUIRE(rig.asked.open.size() == 1U);
    BOOST_TEST(calls == 0);
    std::thread([&] { rig.asked.open[0].answer(); }).join();
    BOOST_TEST(calls == 1);
    BOOST_TEST(pair->connect());
  });
}

BOOST_AUTO_TEST_CASE(no_answer_refuses) {
  with_each([](const hook_case& c) {
    for (const error why : {error::hook_failed, error::hooks_need_async}) {
      hook_rig rig(c);
      const auto pair = rig.asking_pair();
      BOOST_TEST(rig.asked.open[0].fail(why));
      BOOST_TEST(fails(end_of(rig, *pair), why));
      BOOST_TEST(!pair->connect());
    }
  });
}

BOOST_AUTO_TEST_CASE(a_hook_that_throws_refuses) {
  with_each([](const hook_case& c) {
    hook_rig rig(c);
    rig.asked.throws = true;
    const auto pair = rig.pair();
    BOOST_TEST(fails(end_of(rig, *pair), error::hook_failed));
  });
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_late_refuses) {
  with_each([](const hook_case& c) {
    hook_rig rig(c, std::chrono::milliseconds(1));
    const auto pair = rig.pair();
    endpoint& side = rig.side_of(*pair);
    for (int i = 0; i < 20 && rig.asked.open.empty(); ++i) pair->advance();
    BOOST_REQUIRE(rig.asked.open.size() == 1U);
    if (const auto until = side.tls.answer_deadline()) std::this_thread::sleep_until(*until);
    BOOST_TEST(fails(end_of(rig, *pair), error::hook_timed_out));
    BOOST_TEST(rig.asked.open[0].request->abandoned());
    BOOST_TEST(!rig.asked.open[0].answer());
    BOOST_TEST(!pair->connect());
  });
}

BOOST_AUTO_TEST_CASE(a_cancelled_handshake_abandons_the_question_and_the_next_asks_again) {
  with_each([](const hook_case& c) {
    hook_rig rig(c);
    const auto pair = rig.asking_pair();
    endpoint& side = rig.side_of(*pair);
    int told = 0;
    rig.asked.open[0].request->on_abandoned([&] { ++told; });
    side.tls.cancel_handshake();
    BOOST_TEST(told == 1);
    BOOST_TEST(!rig.asked.open[0].answer());
    BOOST_TEST(stops(side.handshake(), c.reason));
    BOOST_REQUIRE(rig.asked.open.size() == 2U);
    BOOST_TEST(rig.asked.open[1].answer());
    BOOST_TEST(pair->connect());
    BOOST_TEST(told == 1);
  });
}

BOOST_AUTO_TEST_CASE(where_there_is_no_job_to_pause_the_hook_fails_closed) {
  with_each([](const hook_case& c) {
    hook_rig rig(c);
    (c.on_client ? rig.client : rig.server).clear_mode(mode::async);
    if (c.reason != suspend::want_async) { // OpenSSL itself can wait
      const auto pair = rig.asking_pair();
      BOOST_TEST(rig.asked.open[0].answer());
      BOOST_TEST(pair->connect());
      return;
    }
    const auto pair = rig.pair();
    BOOST_TEST(fails(end_of(rig, *pair), error::hook_cannot_wait));
    BOOST_TEST(rig.asked.open.at(0).request->abandoned());
    BOOST_TEST(!pair->connect());
  });
}

BOOST_AUTO_TEST_CASE(an_answer_at_once_needs_no_job) {
  with_each([](const hook_case& c) {
    hook_rig rig(c);
    (c.on_client ? rig.client : rig.server).clear_mode(mode::async);
    rig.asked.at_once = true;
    BOOST_TEST(rig.pair()->connect());
    BOOST_TEST(rig.asked.count == 1);
  });
}

// A connection of the same context that is driven by hand, with no engine.
BOOST_AUTO_TEST_CASE(without_an_engine_the_hook_fails_closed) {
  with_each([](const hook_case& c) {
    if (c.second_connection) return; // the session is with an engine
    hook_rig rig(c);
    rig.asked.at_once = true;
    SSL* const client = SSL_new(rig.client.native_handle());
    SSL* const server = SSL_new(rig.server.native_handle());
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    SSL_set_verify(client, c.on_client ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    BOOST_REQUIRE(!request_staple(client));
    BIO* one = nullptr;
    BIO* other = nullptr;
    BOOST_REQUIRE(BIO_new_bio_pair(&one, 0, &other, 0) == 1);
    SSL_set_bio(client, one, one);
    SSL_set_bio(server, other, other);
    for (int i = 0; i < 10; ++i) {
      SSL_do_handshake(client);
      SSL_do_handshake(server);
    }
    SSL* const side = c.on_client ? client : server;
    BOOST_TEST(SSL_is_init_finished(side) == 0);
    BOOST_TEST(rig.asked.count == 0);
    ERR_clear_error();
    SSL_free(client);
    SSL_free(server);
  });
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_used_again_asks_again) {
  with_each([](const hook_case& c) {
    if (c.second_connection) return; // reset() forgets the session
    hook_rig rig(c);
    auto pair = rig.asking_pair();
    endpoint& side = rig.side_of(*pair);
    BOOST_TEST(!side.tls.reset());
    BOOST_TEST(rig.asked.open[0].request->abandoned());
    rig.asked.open.clear();
    rig.asked.at_once = true;
    const auto fresh = rig.pair();
    for (int i = 0; i < 20 && !side.last.complete(); ++i) { // the old side with a new peer
      endpoint& peer = c.on_client ? fresh->server : fresh->client;
      if (i == 0) side.wire.consume(side.wire.output().size());
      side.last = side.handshake();
      deliver(side, peer);
      peer.last = peer.handshake();
      deliver(peer, side);
    }
    BOOST_TEST(completes(side.last));
    BOOST_TEST(rig.asked.count >= 2);
  });
}

// ---- setting them ----

BOOST_AUTO_TEST_CASE(what_cannot_be_set_is_refused) {
  asked_questions q;
  BOOST_TEST(set_hooks(static_cast<SSL_CTX*>(nullptr), {}) == error::bad_option);
  hooks none_in_time;
  none_in_time.time_limit = std::chrono::milliseconds(0);
  BOOST_TEST(set_hooks(server_context(), std::move(none_in_time)) == error::bad_option);
  for (const hook_case& c : all_hook_cases()) {
    const std::string_view name = c.name;
    if (name == "server certificate" || name == "verify a client") continue; // for both sides
    hooks h;
    c.install(h, q);
    const context client = client_context();
    BOOST_TEST((set_hooks(client, std::move(h)) == error::bad_option) == !c.on_client, c.name);
    BOOST_TEST(client.mode().contains(mode::async) == c.on_client);
  }
}

BOOST_AUTO_TEST_CASE(hooks_can_be_taken_away_before_the_first_connection) {
  with_each([](const hook_case& c) {
    hook_rig rig(c);
    BOOST_TEST(!set_hooks(c.on_client ? rig.client : rig.server, {}));
    const auto pair = rig.pair();
    const bool needed = std::string_view(c.name) == "client certificate"; // there is no other
    BOOST_TEST(pair->connect() == !needed);
    BOOST_TEST(rig.asked.count == 0);
  });
}

BOOST_AUTO_TEST_CASE(only_asynchronous_hooks_forbid_blocking) {
  context server = server_context();
  hooks h;
  h.client_hello = [](std::shared_ptr<client_hello_request>) {};
  BOOST_TEST(!set_hooks(server, h));
  BOOST_TEST(!engine(server).hooks_need_async());
  h.need_async = true;
  BOOST_TEST(!set_hooks(server, h));
  BOOST_TEST(engine(server).hooks_need_async());
  BOOST_TEST(!engine(server_context()).hooks_need_async());
}

BOOST_AUTO_TEST_SUITE_END()
