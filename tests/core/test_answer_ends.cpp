// SPDX-License-Identifier: BSL-1.0
// Questions with no job to pause, questions that several threads end at once, and what is left of any of
// them.
#include "asking_pair.hpp"
#include "leak_check.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <optional>
#include <thread>

BOOST_AUTO_TEST_SUITE(answers)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using namespace std::chrono_literals;
using detail::answer_wait;
using detail::waited;
using ends = std::vector<waited>;

} // namespace

// ---- with no job ----

BOOST_AUTO_TEST_CASE(without_a_job_the_thread_waits) {
  std::thread helper;
  asking_pair pair(
      [&](const std::shared_ptr<question>& q) {
        BOOST_TEST(!answer_wait::in_job());
        helper = std::thread([q] {
          std::this_thread::sleep_for(5ms);
          q->reply();
        });
      },
      asker::for_ever, server_context());
  BOOST_TEST(pair.connect());
  helper.join();
  BOOST_TEST(pair.hook.ends() == ends{waited::answered}, boost::test_tools::per_element());
  BOOST_TEST(pair.server.tls.stats().suspended_async == 0u);
}

BOOST_AUTO_TEST_CASE(without_a_job_the_deadline_holds_too) {
  std::shared_ptr<question> q;
  std::optional<listener> heard;
  const auto asked = [&](const std::shared_ptr<question>& asked_one) {
    q = asked_one;
    heard.emplace(*q);
  };
  asking_pair pair(asked, 5ms, server_context());
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails(pair.server.last, error::hook_timed_out));
  BOOST_TEST(heard->times() == 1);
  BOOST_TEST(!q->reply());
}

BOOST_AUTO_TEST_CASE(without_an_operation_there_is_nothing_to_ask_for) {
  BOOST_TEST(answer_wait::current() == nullptr);
  BOOST_TEST(!answer_wait::in_job());
  answer_wait::fail_with(error::hook_failed); // for nobody
  question q;
  answer_wait::prepare(q, 1h);
  BOOST_TEST((q.host() == nullptr));
  BOOST_TEST((q.deadline() != pending_answer::no_deadline));
}

// ---- callbacks that OpenSSL calls again by itself ----

BOOST_AUTO_TEST_CASE(a_callback_that_is_called_again_need_not_pause) {
  struct native {
    static int ask(SSL*, void* self) {
      auto& me = *static_cast<native*>(self);
      if (!me.q) {
        me.q = std::make_shared<question>();
        answer_wait::prepare(*me.q, me.limit);
      }
      me.standing = answer_wait::poll(*me.q);
      if (me.standing == answer_wait::standing::waiting) {
        answer_wait::remember(me.q);
        return -1;
      }
      return me.standing == answer_wait::standing::answered ? 1 : 0;
    }
    std::chrono::milliseconds limit = 1h;
    std::shared_ptr<question> q;
    answer_wait::standing standing{};
  };
  for (const bool in_time : {true, false}) {
    native hook;
    if (!in_time) hook.limit = 20ms;
    asking_pair pair({}, asker::for_ever, server_context());
    SSL_set_cert_cb(pair.server.native(), &native::ask, &hook);
    pair.advance();
    BOOST_REQUIRE(stops(pair.server.last, suspend::want_certificate));
    BOOST_TEST(pair.server.tls.answer_awaited());
    BOOST_TEST(pair.server.tls.answer_deadline().has_value());
    pair.advance();
    BOOST_REQUIRE(stops(pair.server.last, suspend::want_certificate));
    BOOST_TEST(pair.calls == 0);
    if (in_time)
      on_another_thread([&] { BOOST_TEST(hook.q->reply()); });
    else
      std::this_thread::sleep_until(hook.q->deadline());
    BOOST_TEST(pair.calls == (in_time ? 1 : 0));
    BOOST_TEST(pair.connect() == in_time);
    BOOST_TEST(hook.q->abandoned() == !in_time);
  }
}

// ---- threads ----

// Answers race with what ends a question otherwise: each question gets exactly one of both.
BOOST_AUTO_TEST_CASE(every_question_has_one_end_whoever_is_first) {
  const context client = client_context();
  const context server = async(server_context());
  int answered = 0;
  for (int round = 0; round < 120; ++round) {
    std::atomic<int> calls{0};
    asker hook({}, round % 4 == 3 ? 1ms : asker::for_ever);
    auto pair = std::make_unique<memory_pair>(client, server);
    pair->server.tls.set_job_callback(std::make_shared<std::function<void()>>([&] { ++calls; }));
    hook.install(pair->server.native());
    pair->advance();
    if (pair->server.last.why != suspend::want_async) continue; // the deadline was faster
    const auto q = hook.last();
    const listener heard(*q);
    std::atomic<bool> go{false};
    bool in_time = false;
    std::thread helper([&] {
      while (!go) std::this_thread::yield();
      in_time = q->reply();
    });
    go = true;
    for (int i = 0; i < round % 7; ++i) std::this_thread::yield();
    if (round % 4 == 0) pair.reset();
    if (round % 4 == 1) pair->server.tls.cancel_handshake();
    if (round % 4 == 2) BOOST_TEST(!pair->server.tls.reset());
    if (round % 4 == 3) {
      std::this_thread::sleep_until(q->deadline());
      pair->server.handshake();
    }
    helper.join();
    BOOST_TEST(q->abandoned() == !in_time);
    BOOST_TEST(heard.times() == (in_time ? 0 : 1));
    BOOST_TEST(calls == (in_time ? 1 : 0));
    answered += in_time ? 1 : 0;
    pair.reset();
    BOOST_TEST(q.use_count() == 1);
  }
  BOOST_TEST_MESSAGE("answered in time: " << answered);
}

// Whoever answers asks now and then whether anybody still wants to know, and hangs up late.
BOOST_AUTO_TEST_CASE(on_abandoned_may_come_from_another_thread_than_the_end) {
  const context client = client_context();
  const context server = async(server_context());
  for (int round = 0; round < 60; ++round) {
    asker hook;
    auto pair = std::make_unique<memory_pair>(client, server);
    hook.install(pair->server.native());
    pair->advance();
    const auto q = hook.last();
    BOOST_REQUIRE(q);
    std::atomic<int> told{0};
    std::thread helper([&] { q->on_abandoned([&] { ++told; }); });
    pair.reset();
    helper.join();
    BOOST_TEST(told == 1);
  }
}

// ---- memory ----

BOOST_AUTO_TEST_CASE(however_a_question_ends_nothing_is_left) {
  const context client = client_context();
  const context server = async(server_context());
  enum class way { answered, late, destroyed, reset, cancelled, asked_anew };
  for (const way w :
       {way::answered, way::late, way::destroyed, way::reset, way::cancelled, way::asked_anew}) {
    BOOST_TEST_CONTEXT("way " << static_cast<int>(w)) {
      check_no_leak([&] {
        asker hook({}, w == way::late ? 5ms : asker::for_ever);
        memory_pair pair(client, server);
        pair.server.tls.set_job_callback(std::make_shared<std::function<void()>>([] {}));
        hook.install(pair.server.native());
        pair.advance();
        BOOST_REQUIRE(stops(pair.server.last, suspend::want_async));
        const auto q = hook.last();
        q->on_abandoned([q] {});
        switch (w) {
        case way::answered: BOOST_REQUIRE((q->reply() && pair.connect())); break;
        case way::late:
          std::this_thread::sleep_until(q->deadline());
          BOOST_REQUIRE(!pair.connect());
          break;
        case way::destroyed: break;
        case way::reset: BOOST_REQUIRE(!pair.server.tls.reset()); break;
        case way::cancelled: pair.server.tls.cancel_handshake(); break;
        case way::asked_anew:
          pair.server.tls.cancel_handshake();
          BOOST_REQUIRE(stops(pair.server.handshake(), suspend::want_async));
          break;
        }
      });
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
