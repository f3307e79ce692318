// SPDX-License-Identifier: BSL-1.0
// Code that OpenSSL calls asks somebody and pauses: does every question get exactly one end, whoever is
// first, the answer, the deadline, a cancellation or the end of the connection?
#include "asking_pair.hpp"
#include "job_pauser.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <optional>
#include <stdexcept>
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

BOOST_AUTO_TEST_CASE(an_answer_that_is_there_at_once_pauses_nothing) {
  asking_pair pair([](const std::shared_ptr<question>& q) { BOOST_TEST(q->reply()); });
  BOOST_TEST(pair.connect());
  BOOST_TEST(pair.hook.ends() == ends{waited::answered}, boost::test_tools::per_element());
  BOOST_TEST(pair.server.tls.stats().suspended_async == 0u);
  BOOST_TEST(pair.calls == 0);
  BOOST_TEST(!pair.server.tls.answer_awaited());
}

BOOST_AUTO_TEST_CASE(an_answer_from_another_thread_wakes_who_waits) {
  asking_pair pair;
  pair.ask();
  BOOST_TEST(pair.server.tls.answer_awaited());
  BOOST_TEST(pair.server.tls.job_calls_back());
  BOOST_TEST(!pair.server.tls.answer_deadline());
  for (int i = 0; i < 3; ++i) BOOST_TEST(stops(pair.server.handshake(), suspend::want_async)); // too early
  BOOST_TEST(pair.hook.questions() == 1);
  BOOST_TEST(pair.calls == 0);
  on_another_thread([&] { BOOST_TEST(pair.q->reply()); });
  BOOST_TEST(pair.calls == 1);
  BOOST_TEST(pair.connect());
  BOOST_TEST(pair.hook.ends() == ends{waited::answered}, boost::test_tools::per_element());
  BOOST_TEST(!pair.server.tls.answer_awaited());
  BOOST_TEST(pair.calls == 1);
}

BOOST_AUTO_TEST_CASE(a_refusal_fails_with_its_own_reason) {
  asking_pair pair;
  pair.ask();
  BOOST_TEST(pair.q->reply(false));
  BOOST_TEST(!pair.connect());
  BOOST_TEST(pair.server.tls.last_failure().code == error::hook_refused);
  BOOST_TEST(fails(pair.server.last, error::hook_refused));
}

// OpenSSL does not mind everything. What fails later fails for a reason of its own.
BOOST_AUTO_TEST_CASE(a_refusal_that_made_nothing_fail_is_forgotten) {
  for (const bool in_job : {false, true}) {
    memory_pair pair(client_context(), in_job ? async(server_context()) : server_context());
    SSL_set_cert_cb(
        pair.server.native(),
        [](SSL*, void*) {
          answer_wait::fail_with(error::hook_failed);
          return 1;
        },
        nullptr);
    BOOST_REQUIRE(pair.connect());
    const std::string garbage = std::string("\x17\x03\x03\x00\x20", 5) + "this is no record of this session";
    BOOST_REQUIRE(pair.server.wire.feed(bytes_of(garbage)));
    pair.server.read_all();
    BOOST_TEST(fails_for(pair.server.last, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC));
  }
}

BOOST_AUTO_TEST_CASE(the_first_answer_counts) {
  asking_pair pair;
  pair.ask();
  const listener heard(*pair.q);
  BOOST_TEST(pair.q->reply(true));
  BOOST_TEST(!pair.q->reply(false));
  BOOST_TEST(pair.calls == 1);
  BOOST_TEST(pair.connect());
  BOOST_TEST(!pair.q->reply(false));
  BOOST_TEST(!pair.q->abandoned());
  BOOST_TEST(heard.times() == 0);
  const listener late(*pair.q); // never after an answer
  BOOST_TEST(late.times() == 0);
}

BOOST_AUTO_TEST_CASE(an_answer_that_cannot_be_stored_is_none) {
  struct thrower final : pending_answer {
    bool reply() {
      return answer([] { throw std::runtime_error("no memory"); });
    }
    bool reply_well() {
      return answer([] {});
    }
  } q;
  BOOST_CHECK_THROW(q.reply(), std::runtime_error);
  BOOST_TEST(q.reply_well());
}

BOOST_AUTO_TEST_CASE(destroying_the_connection_abandons_the_question) {
  std::optional<asking_pair> pair(std::in_place);
  pair->ask();
  const std::shared_ptr<question> q = pair->q;
  const listener heard(*q);
  BOOST_TEST(!q->abandoned());
  const auto callback = pair->callback; // the connection's owner is gone, its callback need not be
  pair.reset();
  BOOST_TEST(q->abandoned());
  BOOST_TEST(heard.times() == 1);
  BOOST_TEST(!q->reply());
  BOOST_TEST(heard.times() == 1);
  const listener late(*q);
  BOOST_TEST(late.times() == 1); // at once
  BOOST_TEST(callback.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(whoever_asks_is_told_that_the_connection_ends) {
  const context client = client_context();
  const context server = async(server_context());
  asker hook;
  auto pair = std::make_unique<memory_pair>(client, server);
  hook.install(pair->server.native());
  pair->advance();
  BOOST_TEST(stops(pair->server.last, suspend::want_async));
  pair.reset();
  BOOST_TEST(hook.ends() == ends{waited::ending}, boost::test_tools::per_element());
  BOOST_TEST(hook.questions() == 1);
}

// The connection goes away while somebody else's job is paused, and only then the question comes up.
BOOST_AUTO_TEST_CASE(a_question_that_comes_up_while_the_connection_ends_is_not_waited_for) {
  const context client = client_context();
  const context server = async(server_context());
  for (const bool by_reset : {false, true}) {
    const std::uint64_t given_up = abandoned_jobs();
    asker hook;
    auto pair = std::make_unique<memory_pair>(client, server);
    job_pauser crypto(pair->server.native());
    crypto.arm(job_pauser::point::record_in);
    hook.install(pair->server.native()); // in the place of the pauser's certificate callback
    pair->advance();
    BOOST_REQUIRE(stops(pair->server.last, suspend::want_async));
    BOOST_REQUIRE(hook.questions() == 0);
    crypto.release();
    if (by_reset) BOOST_TEST(!pair->server.tls.reset());
    pair.reset();
    BOOST_TEST(abandoned_jobs() == given_up);
    BOOST_TEST(hook.ends() == ends{waited::ending}, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_reset_ends_the_question_and_the_object_works_again) {
  asking_pair pair;
  pair.ask();
  const listener heard(*pair.q);
  BOOST_TEST(!pair.server.tls.reset());
  BOOST_TEST(heard.times() == 1);
  BOOST_TEST(pair.hook.ends() == ends{waited::ending}, boost::test_tools::per_element());
  BOOST_TEST(!pair.server.tls.answer_awaited());
  BOOST_TEST(!pair.client.tls.reset());
  pair.client.wire = memory_transport();
  pair.server.wire = memory_transport();
  pair.ask();
  BOOST_TEST(pair.q->reply());
  BOOST_TEST(pair.connect());
}

BOOST_AUTO_TEST_CASE(a_deadline_that_passes_fails_the_handshake) {
  asking_pair pair({}, 20ms);
  pair.ask();
  const listener heard(*pair.q);
  BOOST_REQUIRE(pair.server.tls.answer_deadline().has_value());
  BOOST_TEST((*pair.server.tls.answer_deadline() == pair.q->deadline()));
  std::this_thread::sleep_until(pair.q->deadline());
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails(pair.server.last, error::hook_timed_out));
  BOOST_TEST(pair.hook.ends() == ends{waited::late}, boost::test_tools::per_element());
  BOOST_TEST(heard.times() == 1);
  BOOST_TEST(!pair.q->reply());
  BOOST_TEST(!pair.server.tls.answer_deadline());
  BOOST_TEST(pair.calls == 0);
}

BOOST_AUTO_TEST_CASE(a_deadline_in_the_past_is_late_at_once) {
  asking_pair pair({}, 0ms);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails(pair.server.last, error::hook_timed_out));
  BOOST_TEST(pair.server.tls.stats().suspended_async == 0u);
}

BOOST_AUTO_TEST_CASE(an_answer_in_time_counts_although_the_operation_comes_late) {
  asking_pair pair({}, 20ms);
  pair.ask();
  const bool in_time = pair.q->reply(); // unless the machine is that slow
  std::this_thread::sleep_until(pair.q->deadline());
  BOOST_TEST(pair.connect() == in_time);
  BOOST_TEST(pair.hook.ends() == ends{waited::answered}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_cancelled_handshake_asks_anew) {
  asking_pair pair;
  pair.ask();
  const auto first = pair.q;
  const listener heard(*first);
  pair.server.tls.cancel_handshake();
  BOOST_TEST(heard.times() == 1);
  BOOST_TEST(pair.server.tls.job_paused());
  pair.server.tls.cancel_handshake(); // there is nobody to tell any more
  BOOST_TEST(heard.times() == 1);
  BOOST_TEST(!first->reply());
  BOOST_TEST(pair.calls == 0);
  BOOST_TEST(stops(pair.server.handshake(), suspend::want_async));
  BOOST_TEST(pair.hook.questions() == 2);
  BOOST_TEST(pair.hook.last() != first);
  BOOST_TEST(pair.hook.last()->reply());
  BOOST_TEST(pair.calls == 1);
  BOOST_TEST(pair.connect());
  BOOST_TEST(pair.hook.ends() == (ends{waited::cancelled, waited::answered}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_answer_that_came_before_the_cancellation_is_kept) {
  asking_pair pair;
  pair.ask();
  const listener heard(*pair.q);
  BOOST_TEST(pair.q->reply());
  pair.server.tls.cancel_handshake();
  BOOST_TEST(heard.times() == 0);
  BOOST_TEST(pair.connect());
  BOOST_TEST(pair.hook.questions() == 1);
}

BOOST_AUTO_TEST_CASE(a_cancelled_handshake_that_never_comes_back_leaves_nothing) {
  asking_pair pair;
  pair.ask();
  pair.server.tls.cancel_handshake();
  const std::uint64_t given_up = abandoned_jobs();
  const auto q = pair.q;
  pair.q.reset();
  BOOST_TEST(!pair.server.tls.reset());
  BOOST_TEST(abandoned_jobs() == given_up);
  BOOST_TEST(pair.hook.ends() == ends{waited::ending}, boost::test_tools::per_element());
  BOOST_TEST(q.use_count() == 1);
}

// Whoever answers may let go of the question, and whoever asked may let go of the connection.
BOOST_AUTO_TEST_CASE(nobody_keeps_a_question_that_is_over) {
  BOOST_TEST(question::alive() == 0);
  {
    asking_pair pair;
    pair.ask();
    BOOST_TEST(pair.q->reply());
    pair.q.reset();
    BOOST_TEST(question::alive() == 1);
    BOOST_TEST(pair.connect());
    BOOST_TEST(question::alive() == 0);
  }
  {
    asking_pair pair; // nobody will ever answer
    pair.ask();
    pair.q.reset();
    BOOST_TEST(question::alive() == 1);
  }
  BOOST_TEST(question::alive() == 0);
  {
    std::optional<asking_pair> pair(std::in_place);
    pair->ask();
    const auto q = pair->q;
    q->on_abandoned([keeps = q] {}); // a circle: broken when the question is over
    pair.reset();
  }
  BOOST_TEST(question::alive() == 0);
}

BOOST_AUTO_TEST_CASE(whoever_answers_learns_where_the_connection_works) {
  struct place final : answer_host {};
  const auto here = std::make_shared<place>();
  asking_pair pair;
  pair.server.tls.set_answer_host(here);
  pair.ask();
  BOOST_TEST((pair.q->host() == here));
  BOOST_TEST(pair.q->reply());
  BOOST_TEST(pair.connect());
}

// A promise to call holds for the pause that it was made for: the next one may be of crypto that says
// nothing, and then somebody has to poll.
BOOST_AUTO_TEST_CASE(the_promise_to_call_back_ends_with_the_question) {
  asking_pair pair;
  job_pauser crypto(pair.server.native());
  pair.hook.install(pair.server.native()); // again
  pair.client.handshake();
  deliver(pair.client, pair.server);
  BOOST_REQUIRE(stops(pair.server.handshake(), suspend::want_async));
  BOOST_TEST(pair.server.tls.job_calls_back());
  BOOST_TEST(pair.hook.last()->reply());
  crypto.arm(job_pauser::point::record_out);
  BOOST_REQUIRE(stops(pair.server.handshake(), suspend::want_async));
  BOOST_REQUIRE(crypto.pauses() == 1);
  BOOST_TEST(!pair.server.tls.answer_awaited());
  BOOST_TEST(!pair.server.tls.job_calls_back());
  crypto.release();
  BOOST_TEST(pair.connect());
}

BOOST_AUTO_TEST_SUITE_END()
