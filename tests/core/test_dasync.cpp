// SPDX-License-Identifier: BSL-1.0
// An independent check: does everything work over crypto that is not ours, OpenSSL's dasync, which pauses
// several times in every handshake, record and close_notify?
#include "dasync.hpp"
#include "leak_check.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <poll.h>

BOOST_AUTO_TEST_SUITE(dasync)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

context client_side() {
  context ctx = context::client();
  const memory_file ca(rsa_server().certificate);
  BOOST_REQUIRE(!ctx.trust_file(ca.path()));
  only_dasync(ctx.native_handle());
  ctx.set_mode(mode::async);
  return ctx;
}

context server_side() {
  context ctx = context::server();
  const memory_file chain(rsa_server().certificate);
  const memory_file key(rsa_server().key);
  BOOST_REQUIRE(!ctx.use_certificate_chain_file(chain.path()));
  BOOST_REQUIRE(!ctx.use_private_key_file(key.path()));
  only_dasync(ctx.native_handle());
  ctx.set_mode(mode::async);
  return ctx;
}

struct settings {
  context client = client_side();
  context server = server_side();
};

// Both sides have jobs for everything. Every pause is seen by `at_pause`, which may stop the session.
struct session : memory_pair {
  explicit session(const settings& s) : memory_pair(s.client, s.server) {
    client.tls.set_job_scope(job_scope::all);
    server.tls.set_job_scope(job_scope::all);
  }
  struct stopped {};

  // Repeats a step of `e` as long as its job is paused, and counts how often that was so.
  template <class Step>
  step drive(endpoint& e, const Step& one_step) {
    for (;;) {
      const step s = one_step();
      if (s.why != suspend::want_async) return s;
      BOOST_REQUIRE(e.tls.job_paused());
      ++pauses;
      at_pause(e);
    }
  }
  void handshake() {
    for (int i = 0; i < 10 && !(client.last.complete() && server.last.complete()); ++i) {
      client.last = drive(client, [&] { return client.handshake(); });
      deliver(client, server);
      server.last = drive(server, [&] { return server.handshake(); });
      deliver(server, client);
    }
    BOOST_REQUIRE_MESSAGE(completes(server.last), server.tls.last_failure().to_string());
    BOOST_REQUIRE_MESSAGE(completes(client.last), client.tls.last_failure().to_string());
  }
  void write(endpoint& from, endpoint& to, const std::string& data) {
    step s;
    std::size_t n = 0;
    while (n < data.size()) {
      s = drive(from, [&] { // at another address each time
        const std::string copy = data.substr(n);
        return from.write(copy);
      });
      BOOST_REQUIRE((!s.error && s.complete()));
      n += s.bytes;
    }
    deliver(from, to);
  }
  std::string read(endpoint& at) {
    std::string all;
    std::string room(7000, '\0');
    for (;;) {
      at.last = drive(at, [&] { return at.read(room); });
      if (at.last.bytes == 0) return all;
      all.append(room, 0, at.last.bytes);
    }
  }
  void shutdown(endpoint& e, endpoint& peer) {
    BOOST_REQUIRE(completes(drive(e, [&] { return e.shutdown(shutdown_form::send_only); })));
    deliver(e, peer);
  }
  // All of it, with what each part must have.
  void run(const std::function<void(const char*)>& after = [](const char*) {}) {
    handshake();
    after("handshake");
    const std::string data = pattern(40'000);
    write(client, server, data);
    after("write");
    const std::string got = read(server);
    BOOST_REQUIRE(same_bytes(got, data));
    after("read");
    write(server, client, data);
    BOOST_REQUIRE(same_bytes(read(client), data));
    after("answer");
    shutdown(client, server);
    after("shutdown");
    BOOST_REQUIRE(read(server).empty());
    BOOST_REQUIRE(fails(server.last, error::end_of_stream));
    shutdown(server, client);
    BOOST_REQUIRE(read(client).empty());
    BOOST_REQUIRE(fails(client.last, error::end_of_stream));
    BOOST_REQUIRE(client.tls.state() == connection_state::closed);
    BOOST_REQUIRE(server.tls.state() == connection_state::closed);
  }
  int pauses = 0;
  std::function<void(endpoint&)> at_pause = [](endpoint&) {};
};

} // namespace

BOOST_AUTO_TEST_CASE(every_operation_pauses_and_every_byte_arrives) {
  const settings s;
  session pair(s);
  int before = 0;
  pair.run([&](const char* what) {
    BOOST_TEST_MESSAGE(what << ": " << pair.pauses - before << " pauses");
    BOOST_TEST(pair.pauses > before, what);
    before = pair.pauses;
  });
  BOOST_TEST(pair.client.tls.protocol() == "TLSv1.2");
  BOOST_TEST(pair.client.tls.cipher() == "AES128-SHA");
  const auto& c = pair.client.tls.stats();
  const auto& r = pair.server.tls.stats();
  BOOST_TEST(c.suspended_async + r.suspended_async == static_cast<std::uint64_t>(pair.pauses));
  BOOST_TEST(c.plain_written == 40'000u);
  BOOST_TEST(c.plain_read == 40'000u);
}

// It says by a descriptor that it is ready, and is so before it pauses.
BOOST_AUTO_TEST_CASE(its_descriptor_is_known_and_readable_at_every_pause) {
  const settings s;
  session pair(s);
  pair.at_pause = [](endpoint& e) {
    const std::vector<int> fds = e.tls.job_descriptors();
    BOOST_REQUIRE(fds.size() == 1u);
    pollfd p{fds[0], POLLIN, 0};
    BOOST_REQUIRE(::poll(&p, 1, 0) == 1);
    BOOST_REQUIRE(!e.tls.job_calls_back());
  };
  pair.run();
  BOOST_TEST(pair.pauses > 0);
}

// Where there is a callback it uses that, and calls before it pauses.
BOOST_AUTO_TEST_CASE(the_callback_comes_before_the_pause) {
  const settings s;
  session pair(s);
  int calls = 0;
  int seen = 0;
  const auto callback = std::make_shared<std::function<void()>>([&] { ++calls; });
  pair.client.tls.set_job_callback(callback);
  pair.server.tls.set_job_callback(callback);
  pair.at_pause = [&](endpoint& e) {
    BOOST_REQUIRE(calls > seen);
    seen = calls;
    BOOST_REQUIRE(e.tls.job_descriptors().empty());
  };
  pair.run();
  BOOST_TEST(pair.pauses > 0);
}

BOOST_AUTO_TEST_CASE(a_whole_session_leaves_nothing) {
  const settings s;
  check_no_leak([&] { session(s).run(); }, 5);
}

// Destroyed at its first pause, at its second, and so on to its last.
BOOST_AUTO_TEST_CASE(a_session_that_is_destroyed_at_any_pause_leaves_nothing) {
  const settings s;
  int last = 0;
  for (int i = 0; i < 2; ++i) { // the first one pauses more often
    session all(s);
    all.run();
    last = all.pauses;
  }
  BOOST_REQUIRE(last > 10);
  const std::uint64_t given_up = abandoned_jobs();
  for (int stop = 1; stop <= last; ++stop) {
    BOOST_TEST_CONTEXT("pause " << stop << " of " << last) {
      const auto once = [&] {
        session pair(s);
        pair.at_pause = [&](endpoint&) {
          if (pair.pauses == stop) throw session::stopped();
        };
        BOOST_REQUIRE_THROW(pair.run(), session::stopped);
      };
      check_no_leak(once, 1);
    }
  }
  BOOST_TEST(abandoned_jobs() == given_up);
}

BOOST_AUTO_TEST_SUITE_END()
