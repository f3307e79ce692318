// SPDX-License-Identifier: BSL-1.0
// Invariant 10 with threads: does a connection that is destroyed while its job is paused elsewhere end that
// job where it belongs, and leave nothing behind?
#include "answer_wait.hpp"
#include "heap_counter.hpp"
#include "job_call.hpp"
#include "job_pauser.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <tlsmode/job.hpp>
#include <tlsmode/job_threads.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/async.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <vector>

BOOST_AUTO_TEST_SUITE(job_orphans)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

// Connections whose jobs cannot be ended any more; kept here, so that the leak checker knows them.
std::vector<SSL*> lost;

context async_server() {
  context ctx = server_context();
  ctx.set_mode(mode::async);
  return ctx;
}

// A server engine of its own, on the heap, whose steps run on a job thread, with a client to talk to.
struct heaped {
  heaped(const context& client_ctx, const context& server_ctx, job_thread t)
      : client(client_ctx, role::client), server(std::make_unique<engine>(server_ctx)), home(std::move(t)),
        pauser(server->native_handle()) {
    BOOST_REQUIRE(!client.tls.set_host(server_name));
  }
  // Client and server until the server has nothing to do; its last step.
  step advance() {
    client.last = client.handshake();
    BOOST_REQUIRE(server->feed(client.wire.output()));
    client.wire.consume(client.wire.output().size());
    return there([this](transport& t) { return server->handshake(t, role::server); });
  }
  step there(const std::function<step(transport&)>& f) {
    step s;
    call_on(home, [&] { s = f(wire); });
    (void)client.wire.feed(wire.output());
    wire.consume(wire.output().size());
    return s;
  }
  void connect() {
    for (int i = 0; i < 4 && server->state() != connection_state::open; ++i) advance();
    BOOST_REQUIRE((server->state() == connection_state::open));
    BOOST_REQUIRE(completes(client.handshake()));
  }
  endpoint client;
  std::unique_ptr<engine> server;
  memory_transport wire;
  job_thread home;
  job_pauser pauser;
};

void check_no_leak(const std::function<void()>& once) {
  once(); // what OpenSSL makes once and keeps
  const std::size_t bytes = heap_bytes();
  const std::size_t stacks = job_stacks();
  const std::uint64_t abandoned = abandoned_jobs();
  for (int i = 0; i < 20; ++i) {
    once();
    BOOST_REQUIRE(heap_bytes() == bytes);
    BOOST_REQUIRE(job_stacks() == stacks);
  }
  BOOST_TEST(abandoned_jobs() == abandoned);
}

} // namespace

BOOST_AUTO_TEST_CASE(an_engine_is_destroyed_where_its_job_is) {
  const context client = client_context();
  const context server = async_server();
  job_threads pool(1);
  check_no_leak([&] {
    heaped h(client, server, pool[0]);
    h.pauser.arm(point::certificate);
    BOOST_REQUIRE(stops(h.advance(), suspend::want_async));
    h.pauser.release();
    destroy_on(h.home, std::move(h.server));
    settle(pool);
  });
}

BOOST_AUTO_TEST_CASE(whatever_is_paused_can_be_destroyed) {
  const context client = client_context();
  const context server = async_server();
  job_threads pool(1);
  const auto with = [&](point where, const std::function<step(engine&, transport&)>& operation) {
    check_no_leak([&] {
      heaped h(client, server, pool[0]);
      h.connect();
      BOOST_REQUIRE(completes(h.client.write("something to read"), 17));
      BOOST_REQUIRE(h.server->feed(h.client.wire.output()));
      h.server->set_job_scope(job_scope::all);
      h.pauser.arm(where);
      BOOST_REQUIRE(
          stops(h.there([&](transport& t) { return operation(*h.server, t); }), suspend::want_async));
      h.pauser.release();
      destroy_on(h.home, std::move(h.server));
      settle(pool);
    });
  };
  with(point::record_in, [](engine& e, transport& t) {
    std::string room(100, '\0');
    const mutable_buffer to = room_in(room);
    return e.read(t, {&to, 1});
  });
  with(point::record_out, [](engine& e, transport& t) {
    const const_buffer from = bytes_of("data");
    return e.write(t, {&from, 1});
  });
  with(point::record_out, [](engine& e, transport& t) { return e.shutdown(t, shutdown_form::send_only); });
  with(point::record_in, [](engine& e, transport& t) { return e.shutdown(t, shutdown_form::drain); });
}

BOOST_AUTO_TEST_CASE(without_a_paused_job_it_is_destroyed_at_once) {
  const context client = client_context();
  const context server = async_server();
  job_threads pool(1);
  heaped h(client, server, pool[0]);
  h.connect();
  const auto held = std::make_shared<int>(0);
  h.server->set_verify_callback([held](bool good, X509_STORE_CTX*) { return good; });
  BOOST_REQUIRE(held.use_count() == 2);
  std::promise<void> go;
  BOOST_REQUIRE(pool[0].post(std::make_shared<job_call>([wait = go.get_future().share()] { wait.wait(); })));
  destroy_on(h.home, std::move(h.server));
  BOOST_TEST(held.use_count() == 1);
  go.set_value();
}

BOOST_AUTO_TEST_CASE(a_job_whose_thread_was_stopped_is_counted_and_left_alone) {
  const context client = client_context();
  const context server = async_server();
  const std::uint64_t before = abandoned_jobs();
  job_threads pool(1);
  heaped h(client, server, pool[0]);
  h.pauser.arm(point::certificate);
  BOOST_REQUIRE(stops(h.advance(), suspend::want_async));
  h.pauser.release();
  pool.stop();
  SSL* const ssl = h.server->native_handle();
  destroy_on(h.home, std::move(h.server));
  BOOST_TEST(abandoned_jobs() == before + 1);
  BOOST_TEST(h.pauser.pauses() == 1);
  BOOST_TEST(SSL_waiting_for_async(ssl) == 1);
  lost.push_back(ssl);
}

// Whoever works on an answer hears at once that it is in vain, and not when the job thread has time.
BOOST_AUTO_TEST_CASE(whoever_was_asked_is_told_at_once) {
  class question final : public pending_answer {};
  struct asking {
    std::shared_ptr<question> asked;
    detail::waited result = detail::waited::answered;
  };
  const context client = client_context();
  const context server = async_server();
  enum class way { handed_over, on_another_thread };
  for (const way how : {way::handed_over, way::on_another_thread}) {
    asking a;
    int told = 0;
    job_threads pool(1);
    heaped h(client, server, pool[0]);
    SSL_set_cert_cb(
        h.server->native_handle(),
        [](SSL*, void* to) {
          auto& self = *static_cast<asking*>(to);
          self.asked = std::make_shared<question>();
          detail::answer_wait::prepare(*self.asked, std::chrono::hours(1));
          self.result = detail::answer_wait::pause(self.asked);
          return 0;
        },
        &a);
    BOOST_REQUIRE(stops(h.advance(), suspend::want_async));
    BOOST_REQUIRE(h.server->answer_awaited());
    const auto asked = a.asked;
    asked->on_abandoned([&] { ++told; });
    const std::uint64_t before = abandoned_jobs();
    if (how == way::handed_over) {
      std::promise<void> go;
      auto busy = std::make_shared<job_call>([wait = go.get_future().share()] { wait.wait(); });
      BOOST_REQUIRE(pool[0].post(busy));
      destroy_on(h.home, std::move(h.server));
      BOOST_TEST(told == 1);
      go.set_value();
      settle(pool);
      BOOST_TEST((a.result == detail::waited::ending));
      BOOST_TEST(abandoned_jobs() == before);
    } else { // the job is lost, but not the one who was asked
      lost.push_back(h.server->native_handle());
      h.server.reset();
      BOOST_TEST(told == 1);
      BOOST_TEST(abandoned_jobs() == before + 1);
    }
    BOOST_TEST(asked->abandoned());
  }
}

BOOST_AUTO_TEST_CASE(a_job_that_does_not_end_is_counted_too) {
  const context client = client_context();
  const context server = async_server();
  const std::uint64_t before = abandoned_jobs();
  job_threads pool(1);
  heaped h(client, server, pool[0]);
  h.pauser.arm(point::certificate);
  BOOST_REQUIRE(stops(h.advance(), suspend::want_async));
  SSL* const orphan = h.server->native_handle();
  destroy_on(h.home, std::move(h.server));
  settle(pool);
  BOOST_TEST(abandoned_jobs() == before + 1);
  BOOST_TEST(h.pauser.pauses() > 1);
  BOOST_REQUIRE(SSL_waiting_for_async(orphan) == 1);
  h.pauser.release(); // so that this program does not leak
  call_on(pool[0], [orphan] {
    SSL_set0_rbio(orphan, BIO_new(BIO_s_null()));
    for (int i = 0; i < 10 && SSL_waiting_for_async(orphan) == 1; ++i) SSL_do_handshake(orphan);
    SSL_free(orphan);
  });
}

// The callback's owner may be gone by the time when the job is ended.
BOOST_AUTO_TEST_CASE(the_verify_callback_of_an_engine_that_was_given_up_is_not_called) {
  for (const bool given_up : {false, true}) {
    context client_ctx = client_context();
    client_ctx.set_mode(mode::async);
    memory_pair pair(client_ctx, server_context());
    int calls = 0;
    pair.client.tls.set_verify_callback([&](bool, X509_STORE_CTX*) {
      ++calls;
      return true;
    });
    job_pauser pauser(pair.client.native());
    pauser.arm(point::record_in, 1); // the server's flight, ServerHello excepted
    for (int i = 0; i < 10 && pair.client.last.why != suspend::want_async; ++i) pair.advance();
    BOOST_REQUIRE(stops(pair.client.last, suspend::want_async));
    BOOST_REQUIRE(calls == 0);
    if (given_up) pair.client.tls.give_up();
    pauser.release();
    pair.client.last = pair.client.handshake();
    BOOST_TEST((calls == 0) == given_up);
  }
}

BOOST_AUTO_TEST_SUITE_END()
