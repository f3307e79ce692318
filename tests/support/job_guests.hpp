// SPDX-License-Identifier: BSL-1.0
// Connections that need a slot in their thread's job pool, and write down when they are called.
#ifndef TLSMODE_TESTS_SUPPORT_JOB_GUESTS_HPP
#define TLSMODE_TESTS_SUPPORT_JOB_GUESTS_HPP

#include "job_pauser.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace tlsmode::test {

using numbers = std::vector<int>;

struct guest_settings {
  context client = client_context();
  context server = async_server();
  static context async_server() {
    context ctx = server_context();
    ctx.set_mode(mode::async);
    return ctx;
  }
};

// A server connection that pauses in its handshake as soon as it has a slot.
struct guest {
  guest(const guest_settings& s, int number, numbers& called, bool has_callback = true)
      : held(std::make_unique<memory_pair>(s.client, s.server)), pair(*held), pauser(pair.server.native()) {
    if (has_callback)
      pair.server.tls.set_job_callback(
          std::make_shared<std::function<void()>>([number, &called] { called.push_back(number); }));
    pauser.arm(job_pauser::point::certificate);
    pair.client.handshake();
    deliver(pair.client, pair.server);
  }
  ~guest() { held.reset(); } // its job comes back to the pauser
  guest(const guest&) = delete;
  guest& operator=(const guest&) = delete;
  step try_it() { return pair.server.handshake(); }
  [[nodiscard]] bool waits() const { return pair.server.tls.slot_awaited(); }
  // Has its slot: takes it no further than the end of the job.
  void finish_job() {
    pauser.release();
    BOOST_TEST(stops(try_it(), suspend::want_read));
  }
  std::unique_ptr<memory_pair> held;
  memory_pair& pair;
  job_pauser pauser;
};

// An open connection whose operations are jobs.
struct open_guest {
  open_guest(const guest_settings& s, int number, numbers& called)
      : pair(s.client, s.server), pauser(native()) {
    engine& tls = pair.server.tls;
    tls.set_job_callback(
        std::make_shared<std::function<void()>>([number, &called] { called.push_back(number); }));
    BOOST_REQUIRE(pair.connect());
    tls.set_job_scope(job_scope::all);
  }
  [[nodiscard]] SSL* native() const { return pair.server.native(); }
  memory_pair pair;
  job_pauser pauser;
};

} // namespace tlsmode::test

#endif
