// SPDX-License-Identifier: BSL-1.0
// A connection whose server asks somebody in the middle of its handshake, and what that somebody hears.
#ifndef TLSMODE_TESTS_SUPPORT_ASKING_PAIR_HPP
#define TLSMODE_TESTS_SUPPORT_ASKING_PAIR_HPP

#include "asker.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

namespace tlsmode::test {

inline context async(context ctx) {
  ctx.set_mode(mode::async);
  return ctx;
}

// What outlives the connection.
struct who_asks {
  who_asks(asker::asked f, std::chrono::milliseconds limit) : hook(std::move(f), limit) {}
  asker hook;
  int calls = 0;
  std::shared_ptr<std::function<void()>> callback =
      std::make_shared<std::function<void()>>([this] { ++calls; });
};

// A server that asks somebody whether it may go on, in a job.
struct asking_pair : who_asks, memory_pair {
  explicit asking_pair(asker::asked f = {}, std::chrono::milliseconds limit = asker::for_ever,
                       const context& server_settings = async(server_context()))
      : who_asks(std::move(f), limit), memory_pair(client_context(), server_settings) {
    hook.install(server.native());
    server.tls.set_job_callback(callback);
  }
  // As far as the question, which is kept.
  void ask() {
    client.handshake();
    deliver(client, server);
    BOOST_REQUIRE(stops(server.handshake(), suspend::want_async));
    q = hook.last();
    BOOST_REQUIRE(q);
  }
  std::shared_ptr<question> q;
};

// What happened to a question, seen from who answers.
struct listener {
  explicit listener(question& q) {
    q.on_abandoned([told = told] { ++*told; });
  }
  [[nodiscard]] int times() const { return *told; }
  std::shared_ptr<std::atomic<int>> told = std::make_shared<std::atomic<int>>(0);
};

template <class F>
void on_another_thread(F f) {
  std::thread(f).join();
}

} // namespace tlsmode::test

#endif
