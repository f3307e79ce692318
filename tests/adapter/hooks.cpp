// SPDX-License-Identifier: BSL-1.0
// Can every hook be a coroutine that waits, while the loop goes on? With contexts of Boost.Asio's, with many
// connections at a time, and from blocking calls.
#define BOOST_TEST_MODULE adapter_hooks
#include "asio_hook_cases.hpp"
#include "asio_session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <thread>

BOOST_AUTO_TEST_SUITE(adapter_hooks)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

template <class Test>
void with_each(Test test) {
  for (const async_hook_case& c : all_async_hook_cases())
    BOOST_TEST_CONTEXT(c.name << ", version " << c.version) { test(c); }
}

net::awaitable<void> yield() { co_await net::post(co_await net::this_coro::executor, net::use_awaitable); }

// Servers that are told apart by their certificates: localhost(), and the client's.
struct two_tenants {
  explicit two_tenants(int version)
      : front(server_context(version)), other(server_context(version, client_identity())) {
    async_hooks h;
    h.on_client_hello([this](client_hello hello) -> net::awaitable<client_hello_answer> {
      co_await yield();
      ++asked;
      if (hello.server_name == "nobody.test") co_return client_hello_answer::refuse(alert::unrecognized_name);
      co_return hello.server_name == "other.test" ? client_hello_answer::use(other.native_handle())
                                                  : client_hello_answer::proceed();
    });
    BOOST_REQUIRE(!set_hooks(front, std::move(h)));
  }
  net::ssl::context front;
  net::ssl::context other;
  std::atomic<int> asked{0};
};

std::string subject_of(tls_stream& s) {
  const certificate_ptr c = peer_certificate(s.native_handle());
  char name[100] = "";
  if (c) X509_NAME_get_text_by_NID(X509_get_subject_name(c.get()), NID_commonName, name, sizeof name);
  return name;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_hook_waits_while_the_loop_goes_on) {
  with_each([](const async_hook_case& c) {
    async_hook_rig rig(c);
    const auto pair = rig.run_to_the_hook();
    int others = 0;
    std::function<void()> other = [&] {
      if (++others < 1000) net::post(rig.io, other);
    };
    net::post(rig.io, other);
    run_until(rig.io, [&] { return others == 1000; });
    BOOST_TEST(!pair->operation_of_side().done());
    rig.hook.release();
    rig.finish(*pair);
    BOOST_TEST(rig.hook.alive == 0);
    BOOST_TEST(pair->server.resumed() == c.second_connection);
  });
}

BOOST_AUTO_TEST_CASE(an_exception_fails_the_handshake) {
  with_each([](const async_hook_case& c) {
    async_hook_rig rig(c);
    rig.hook.throws = true;
    const auto pair = rig.run_to_the_hook();
    rig.hook.release();
    run_until(rig.io, [&] { return pair->c.done() && pair->s.done(); });
    BOOST_TEST(pair->operation_of_side().ec() == to_boost(error::hook_failed));
    BOOST_TEST(rig.hook.alive == 0);
  });
}

BOOST_AUTO_TEST_CASE(a_function_may_answer_at_once_and_need_not_be_copyable) {
  net::ssl::context server = server_context(TLS1_3_VERSION);
  async_hooks h;
  int asked = 0;
  h.on_client_hello([&, owned = std::make_unique<int>(1)](client_hello hello) {
    asked += *owned;
    BOOST_TEST(hello.server_name.empty());
    return client_hello_answer::proceed();
  });
  h.on_certificate([&, owned = std::make_unique<int>(1)](
                       certificate_wanted) mutable -> net::awaitable<certificate_answer> {
    co_await yield();
    asked += *owned;
    co_return certificate_answer::proceed();
  });
  BOOST_REQUIRE(!set_hooks(server, std::move(h)));
  our_server pair(client_context(TLS1_3_VERSION), std::move(server));
  pair.handshake();
  BOOST_TEST(asked == 2);
  check_session(pair.io, pair.client, pair.server);
}

BOOST_AUTO_TEST_CASE(streams_of_a_context_get_answers_of_their_own) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    two_tenants tenants(version);
    net::ssl::context client = client_context(version);
    client.set_verify_mode(net::ssl::verify_none);
    net::io_context io;
    struct connection {
      tls_stream client, server;
      operation c, s;
      const char* name;
    };
    std::vector<std::unique_ptr<connection>> all;
    const char* const names[] = {"localhost", "other.test", "nobody.test"};
    for (int i = 0; i < 30; ++i) {
      auto sockets = tcp_pair(io.get_executor(), io.get_executor());
      all.push_back(std::unique_ptr<connection>(new connection{{std::move(sockets.first), client},
                                                               {std::move(sockets.second), tenants.front},
                                                               {},
                                                               {},
                                                               names[i % 3]}));
      SSL_set_tlsext_host_name(all.back()->client.native_handle(), all.back()->name);
    }
    for (const auto& c : all) {
      c->c = start_handshake(c->client, as_client);
      c->s = start_handshake(c->server, as_server);
    }
    run_until(io, [&] {
      return std::all_of(all.begin(), all.end(), [](const auto& c) { return c->c.done() && c->s.done(); });
    });
    BOOST_TEST(tenants.asked == 30);
    for (const auto& c : all) {
      if (c->name == names[2]) {
        BOOST_TEST(c->s.ec() == to_boost(error::hook_refused));
        BOOST_TEST(!c->c.good());
        continue;
      }
      BOOST_TEST(c->s.good());
      BOOST_TEST(subject_of(c->client) == (c->name == names[0] ? "localhost" : "client"));
    }
  }
}

// OpenSSL itself can wait for these, so no job is paused and it does not matter which thread goes on.
BOOST_AUTO_TEST_CASE(hooks_that_need_no_paused_job_work_on_many_threads) {
  two_tenants tenants(TLS1_3_VERSION);
  net::ssl::context client = client_context(TLS1_3_VERSION);
  async_hooks h;
  std::atomic<int> verified = 0;
  h.on_verify([&](peer_certificates p) -> net::awaitable<verify_answer> {
    co_await yield();
    ++verified;
    co_return p.trusted ? verify_answer::accept() : verify_answer::reject();
  });
  BOOST_REQUIRE(!set_hooks(client, std::move(h)));
  net::thread_pool pool(3);
  std::atomic<int> good = 0;
  {
    std::vector<std::unique_ptr<tls_stream>> streams;
    for (int i = 0; i < 20; ++i) {
      auto sockets = tcp_pair(net::make_strand(pool), net::make_strand(pool));
      streams.push_back(std::make_unique<tls_stream>(std::move(sockets.first), client));
      const char* const name = i % 2 == 0 ? "localhost" : "other.test";
      SSL_set_tlsext_host_name(streams.back()->native_handle(), name);
      streams.push_back(std::make_unique<tls_stream>(std::move(sockets.second), tenants.front));
    }
    for (std::size_t i = 0; i < streams.size(); ++i) {
      tls_stream& s = *streams[i];
      net::post(s.get_executor(), [&s, &good, i] {
        s.async_handshake(i % 2 == 0 ? as_client : as_server, [&good](error_code ec) { good += ec ? 0 : 1; });
      });
    }
    pool.wait();
  }
  BOOST_TEST(good == 40);
  BOOST_TEST(verified == 20);
}

BOOST_AUTO_TEST_CASE(a_blocking_handshake_cannot_wait_for_a_coroutine) {
  with_each([](const async_hook_case& c) {
    async_hook_rig rig(c);
    const auto pair = rig.connect();
    error_code ec;
    pair->side().handshake(c.on_client ? as_client : as_server, ec);
    BOOST_TEST(ec == to_boost(error::hooks_need_async));
    BOOST_TEST(rig.hook.begun == 0);
    pair->start(); // nothing has happened
    run_until(rig.io, [&] { return rig.hook.begun == 1; });
    rig.hook.release();
    rig.finish(*pair);
  });
}

BOOST_AUTO_TEST_CASE(a_blocking_handshake_can_wait_for_a_thread) {
  net::ssl::context server = server_context(TLS1_3_VERSION);
  std::thread helper;
  hooks h;
  h.staple = [&](std::shared_ptr<staple_request> r) {
    helper = std::thread([r] { r->answer(staple_answer::none()); });
  };
  BOOST_REQUIRE(!set_hooks(server, std::move(h)));
  net::ssl::context client = client_context(TLS1_3_VERSION);
  net::io_context io;
  auto sockets = tcp_pair(io.get_executor(), io.get_executor());
  tls_stream s(std::move(sockets.second), server);
  asio_stream c(std::move(sockets.first), client);
  BOOST_REQUIRE(!request_staple(c.native_handle()));
  std::thread peer([&] {
    error_code ignored;
    c.handshake(as_client, ignored);
  });
  error_code ec;
  s.handshake(as_server, ec);
  BOOST_TEST(ec == error_code());
  peer.join();
  helper.join();
}

BOOST_AUTO_TEST_SUITE_END()
