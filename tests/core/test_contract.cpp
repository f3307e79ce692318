// SPDX-License-Identifier: BSL-1.0
// What is left of OpenSSL's asynchronous contract and has no suite of its own (docs/async-contract.md has all
// of it): does the engine keep its part?
#include "checked_peers.hpp"
#include "job_pauser.hpp"
#include "job_pool.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/async.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

context async(context ctx) {
  ctx.set_mode(mode::async);
  return ctx;
}

// A client whose every operation is a job.
struct open_pair : memory_pair {
  open_pair() : memory_pair(async(client_context()), server_context()) {
    client.tls.set_job_scope(job_scope::all);
    BOOST_REQUIRE(connect());
  }
  void server_sends(std::string_view data) {
    BOOST_REQUIRE(completes(server.write(data), data.size()));
    deliver(server, client);
  }
  job_pauser pauser{client.native()};
};

} // namespace

BOOST_AUTO_TEST_SUITE(contract)

BOOST_AUTO_TEST_CASE(an_operation_that_waits_for_the_peer_holds_no_job) {
  with_job_pool(1, [] {
    open_pair one;
    open_pair other;
    std::string room(10, '\0');
    for (int i = 0; i < 3; ++i) {
      for (open_pair* p : {&one, &other}) {
        BOOST_TEST(stops(p->client.read(room), suspend::want_read));
        BOOST_TEST(!p->client.tls.job_paused());
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(a_paused_read_may_be_repeated_with_other_memory) {
  open_pair p;
  p.server_sends("hello");
  p.pauser.arm(point::record_in);
  const auto first = std::make_unique<std::string>(10, '.');
  BOOST_TEST(stops(p.client.read(*first), suspend::want_async));
  p.pauser.release();
  std::string second(3, '.');
  BOOST_TEST(completes(p.client.read(second), 3));
  BOOST_TEST(second == "hel");
  BOOST_TEST(*first == "..........");
  BOOST_TEST(completes(p.client.read(second), 2));
  BOOST_TEST(second.substr(0, 2) == "lo");
}

BOOST_AUTO_TEST_CASE(waiting_for_data_may_pause_too) {
  open_pair p;
  p.server_sends("hello");
  p.pauser.arm(point::record_in);
  const auto wait = [&] { return p.client.tls.wait_readable(p.client.wire); };
  BOOST_TEST(stops(wait(), suspend::want_async));
  BOOST_TEST(stops(p.client.write("x"), suspend::want_turn));
  p.pauser.release();
  BOOST_TEST(completes(wait()));
  BOOST_TEST(same_bytes(p.client.read_all(), "hello"));
  BOOST_TEST(p.pauser.missed() == 0);
}

BOOST_AUTO_TEST_CASE(a_failed_read_moves_nothing) {
  for (const bool with_jobs : {false, true}) {
    open_pair p;
    if (!with_jobs) p.client.tls.set_job_scope(job_scope::handshake);
    p.server_sends("hello");
    std::string room(100, '\0');
    BOOST_TEST(completes(p.client.read(room), 5));
    const std::string garbage = std::string("\x17\x03\x03\x00\x20", 5) + "this is no record of this session";
    BOOST_REQUIRE(p.client.wire.feed(bytes_of(garbage)));
    BOOST_TEST(fails_for(p.client.read(room), SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC));
    BOOST_TEST(p.client.tls.stats().plain_read == 5u);
  }
}

// Each pause names its own descriptors: those of the last one are not among them any more.
BOOST_AUTO_TEST_CASE(descriptors_are_those_of_this_pause) {
  open_pair p;
  using numbers = std::vector<int>;
  for (const numbers& fds :
       {numbers{1001}, numbers{1002, 1003}, numbers{}, numbers{1003}, numbers{1001, 1003}}) {
    p.pauser.name_descriptors(fds);
    p.pauser.arm(point::record_out);
    BOOST_REQUIRE(stops(p.client.write("x"), suspend::want_async));
    for (int i = 0; i < 2; ++i) { // asking changes nothing
      numbers seen = p.client.tls.job_descriptors();
      std::sort(seen.begin(), seen.end());
      BOOST_TEST(seen == fds, boost::test_tools::per_element());
    }
    p.pauser.release();
    BOOST_TEST(completes(p.client.write("x"), 1));
    BOOST_TEST(p.client.tls.job_descriptors().empty());
  }
}

// A callback in a job uses another connection: that one has no job of its own then, and what pauses there
// pauses the outer one.
BOOST_AUTO_TEST_CASE(a_connection_that_is_used_inside_a_job_of_another) {
  memory_pair outer(client_context(), async(server_context()));
  memory_pair inner(client_context(), async(server_context()));
  job_pauser crypto(inner.server.native());
  crypto.arm(point::certificate);
  struct both {
    memory_pair& pair;
    bool connected = false;
  } nested{inner};
  SSL_set_cert_cb(
      outer.server.native(),
      [](SSL*, void* arg) {
        auto& n = *static_cast<both*>(arg);
        n.connected = n.pair.connect();
        return 1;
      },
      &nested);
  outer.advance();
  BOOST_TEST(stops(outer.server.last, suspend::want_async));
  BOOST_TEST(crypto.pauses() == 1);
  BOOST_TEST(!inner.server.tls.job_paused());
  BOOST_TEST(!nested.connected);
  BOOST_TEST(stops(outer.server.handshake(), suspend::want_async));
  crypto.release();
  BOOST_TEST(outer.connect());
  BOOST_TEST(nested.connected);
  BOOST_TEST(completes(inner.client.write("inner"), 5));
  BOOST_TEST(completes(outer.client.write("outer"), 5));
  inner.settle();
  outer.settle();
  BOOST_TEST(inner.server.read_all() == "inner");
  BOOST_TEST(outer.server.read_all() == "outer");
}

// OpenSSL would not resume a paused job there, but go into the middle of its handshake on the wrong stack.
BOOST_AUTO_TEST_CASE(a_job_that_is_paused_already_is_left_alone_inside_a_job_of_another) {
  memory_pair outer(client_context(), async(server_context()));
  auto inner = std::make_unique<memory_pair>(client_context(), async(server_context()));
  job_pauser crypto(inner->server.native());
  crypto.arm(point::certificate);
  inner->advance();
  BOOST_REQUIRE(inner->server.tls.job_paused());
  struct evicting {
    std::unique_ptr<memory_pair>& victim;
    step tried;
    std::error_code reused;
    std::uint64_t left = 0;
  } nested{inner, {}, {}};
  SSL_set_cert_cb(
      outer.server.native(),
      [](SSL*, void* arg) {
        auto& n = *static_cast<evicting*>(arg);
        n.tried = n.victim->server.handshake();
        n.reused = n.victim->server.tls.reset();
        const std::uint64_t before = abandoned_jobs();
        n.victim.reset();
        n.left = abandoned_jobs() - before;
        return 1;
      },
      &nested);
  BOOST_TEST(outer.connect());
  BOOST_TEST(fails(nested.tried, error::job_on_other_thread));
  BOOST_TEST(nested.reused == error::job_on_other_thread);
  BOOST_TEST(nested.left == 1U);
  BOOST_TEST(crypto.pauses() == 1, "nobody went on with it");
}

BOOST_AUTO_TEST_CASE(without_a_limit_any_number_of_jobs_is_paused) {
  with_job_pool(0, [] {
    const context client = client_context();
    const context server = async(server_context());
    struct paused {
      paused(const context& c, const context& s)
          : pair(std::make_unique<memory_pair>(c, s)), pauser(pair->server.native()) {
        pauser.arm(point::certificate);
        pair->advance();
      }
      std::unique_ptr<memory_pair> pair;
      job_pauser pauser;
    };
    std::vector<std::unique_ptr<paused>> all;
    for (int i = 0; i < 60; ++i) {
      all.push_back(std::make_unique<paused>(client, server));
      BOOST_REQUIRE(stops(all.back()->pair->server.last, suspend::want_async));
    }
    for (const auto& p : all) {
      p->pauser.release();
      BOOST_TEST(p->pair->connect());
    }
  });
}

// OpenSSL asks our BIO things that it does not know, also between a failed read and the look at its flags.
BOOST_AUTO_TEST_CASE(unknown_commands_leave_the_flags_of_a_waiting_read_alone) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  std::string room(10, '\0');
  BOOST_TEST(stops(pair.client.read(room), suspend::want_read));
  BIO* const bio = SSL_get_rbio(pair.client.native());
  BOOST_TEST(BIO_should_read(bio) != 0);
  for (const int command : {BIO_CTRL_INFO, BIO_CTRL_GET_KTLS_RECV, BIO_CTRL_PENDING, BIO_CTRL_DUP, 9999}) {
    BOOST_TEST(BIO_ctrl(bio, command, 0, nullptr) == 0);
    BOOST_TEST(BIO_should_read(bio) != 0);
  }
  BOOST_TEST(BIO_flush(bio) == 1);
}

// ---- verifying ----

namespace {

constexpr int required = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

// Pauses the job, if it runs in one, until it is resumed.
struct slow_check {
  bool operator()(bool good, X509_STORE_CTX*) {
    ++*asked;
    if (ASYNC_get_current_job() != nullptr) ASYNC_pause_job();
    return good;
  }
  std::shared_ptr<int> asked = std::make_shared<int>(0);
};

void drive(memory_pair& pair) {
  for (int i = 0; i < 100; ++i) {
    pair.advance();
    if (pair.client.last.error || pair.server.last.error) return;
    if (pair.client.last.complete() && pair.server.last.complete()) return;
  }
}

} // namespace

TLSMODE_CASE_PER_VERSION(a_bad_client_certificate_is_refused_after_a_pause) {
  for (const bool good : {true, false}) {
    memory_pair pair(client_context(), async(only(version, demanding_server())));
    const slow_check check;
    pair.server.tls.set_verify_callback(check);
    show(pair.client.native(), good ? client_identity() : stranger());
    drive(pair);
    BOOST_TEST(*check.asked >= 1);
    BOOST_TEST(pair.server.tls.stats().suspended_async >= 1u);
    if (good)
      BOOST_TEST(completes(pair.server.last));
    else
      BOOST_TEST(fails_for(pair.server.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
  }
}

TLSMODE_CASE_PER_VERSION(a_bad_server_certificate_is_refused_after_a_pause) {
  for (const bool good : {true, false}) {
    memory_pair pair(async(client_context()),
                     only(version, good ? server_context() : server_context(stranger())));
    const slow_check check;
    pair.client.tls.set_verify_callback(check);
    drive(pair);
    BOOST_TEST(*check.asked >= 1);
    BOOST_TEST(pair.client.tls.stats().suspended_async >= 1u);
    if (good)
      BOOST_TEST(completes(pair.client.last));
    else
      BOOST_TEST(fails_for(pair.client.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
  }
}

// SSL_set_retry_verify() is for clients. On a server OpenSSL 3.0 would go on with the certificate unverified.
TLSMODE_CASE_PER_VERSION(a_server_that_asks_for_time_to_verify_refuses) {
  for (const bool native : {false, true}) {
    context server = only(version, demanding_server());
    const auto retry = [](X509_STORE_CTX* store) {
      const int index = SSL_get_ex_data_X509_STORE_CTX_idx();
      return SSL_set_retry_verify(static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, index))) == 1;
    };
    if (native)
      SSL_CTX_set_verify(server.native_handle(), required, [](int, X509_STORE_CTX* store) {
        const int index = SSL_get_ex_data_X509_STORE_CTX_idx();
        return static_cast<int>(
            SSL_set_retry_verify(static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, index))));
      });
    memory_pair pair(client_context(), server);
    if (!native)
      pair.server.tls.set_verify_callback([&](bool, X509_STORE_CTX* store) { return retry(store); });
    show(pair.client.native(), stranger());
    drive(pair);
    BOOST_TEST(fails_for(pair.server.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
    BOOST_TEST(pair.server.tls.state() == connection_state::failed);
  }
}

BOOST_AUTO_TEST_SUITE_END()
