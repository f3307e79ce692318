// SPDX-License-Identifier: BSL-1.0
// Full handshakes or resumptions, client and server on one thread; one after the other, or some at a time; or
// the same on two threads, each with clients and server, where the server's context is shared.
//
// One handshake is: make both streams, shake hands, let one byte through (the client has then seen the
// tickets), destroy both. The TCP connections are made beforehand and not measured. Threads that a stream
// uses besides are on the second processor.
#ifndef TLSMODE_BENCH_SCENARIOS_HANDSHAKE_HPP
#define TLSMODE_BENCH_SCENARIOS_HANDSHAKE_HPP

#include "ends.hpp"
#include "harness/usage.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace bench {

// Every step-th connection from the first one on.
struct handshake_turns {
  std::size_t first, step;
};

// Whether sessions are offered, and so are to be resumed, on both ends.
enum class offers : std::uint8_t { nothing, kept_session };

template <stream_adapter A>
void offer(typename A::connection& client, offers what) {
  if (what == offers::nothing) return;
  if constexpr (openssl_adapter<A>) {
    if (!offer_kept_session(A::native(client))) throw std::runtime_error("there is no session to offer");
  } else if constexpr (resuming_adapter<A>) {
    if (!A::has_session(client)) throw std::runtime_error("there is no session to offer");
  } else {
    throw std::logic_error("this stream cannot resume sessions");
  }
}

template <stream_adapter A>
void check_handshake(typename A::connection& connection, offers what) {
  A::check(connection);
  if constexpr (openssl_adapter<A>) {
    check_resumed(A::native(connection), what == offers::kept_session);
  } else if constexpr (resuming_adapter<A>) {
    if (what == offers::kept_session && !A::resumed(connection))
      throw std::runtime_error("the session was not resumed");
  }
}

struct handshake_costs {
  usage before, used;
  std::exception_ptr failure;
};

template <stream_adapter A>
typename A::template task<void> handshake_server(typename A::loop& loop, typename A::context& context,
                                                 std::vector<unique_fd>& sockets, handshake_turns turns,
                                                 offers what) {
  for (std::size_t i = turns.first; i < sockets.size(); i += turns.step) {
    typename A::connection connection = A::open(loop, context, std::move(sockets[i]));
    co_await A::handshake(connection, role::server);
    check_handshake<A>(connection, what);
    co_await send_signal<A>(connection);
    if constexpr (openssl_adapter<A>) keep_in_cache(A::native(connection));
  }
}

template <stream_adapter A>
typename A::template task<void> handshake_client(typename A::loop& loop, typename A::context& context,
                                                 std::vector<unique_fd>& sockets, handshake_turns turns,
                                                 offers what, handshake_costs& costs) {
  for (std::size_t i = turns.first; i < sockets.size(); i += turns.step) {
    typename A::connection connection = A::open(loop, context, std::move(sockets[i]));
    offer<A>(connection, what);
    co_await A::handshake(connection, role::client);
    check_handshake<A>(connection, what);
    co_await await_signal<A>(connection);
  }
  costs.used = usage_now() - costs.before; // the last one's word counts
}

struct handshake_plan {
  std::uint64_t count;
  std::size_t at_once;
  offers what = offers::nothing;
  unsigned processor = 0;
};

// What the handshakes cost, all on one thread.
template <stream_adapter A>
usage shake_hands(typename A::context& client_context, typename A::context& server_context,
                  handshake_plan plan) {
  constexpr std::uint64_t batch = 100; // connections open at a time
  loopback listener;
  usage used;
  while (plan.count > 0) {
    std::vector<unique_fd> clients, servers;
    for (std::uint64_t i = 0; i < std::min(plan.count, batch); ++i) {
      tcp_pair sockets = listener.connect();
      clients.push_back(std::move(sockets.client));
      servers.push_back(std::move(sockets.server));
    }
    plan.count -= clients.size();
    handshake_costs costs;
    const auto note = [&costs](std::exception_ptr error) {
      if (error && !costs.failure) costs.failure = error;
    };
    const std::size_t step = plan.at_once;
    run_ends<A>(
        placement::one_thread,
        [&](typename A::loop& loop) {
          costs.before = usage_now();
          const auto client = [&](std::size_t first) {
            return handshake_client<A>(loop, client_context, clients, {first, step}, plan.what, costs);
          };
          for (std::size_t i = 1; i < step; ++i) A::spawn(loop, client(i), note);
          return client(0);
        },
        [&](typename A::loop& loop) {
          const auto server = [&](std::size_t first) {
            return handshake_server<A>(loop, server_context, servers, {first, step}, plan.what);
          };
          for (std::size_t i = 1; i < step; ++i) A::spawn(loop, server(i), note);
          return server(0);
        },
        plan.processor);
    if (costs.failure) std::rethrow_exception(costs.failure);
    usage& one = costs.used;
    one.wall_seconds += used.wall_seconds; // one batch after the other
    used = used + one;
  }
  return used;
}

// The same on two threads at a time, a half each, with a client context for each.
template <stream_adapter A>
usage shake_hands_on_two(typename A::context (&client_contexts)[2], typename A::context& server_context,
                         handshake_plan plan) {
  usage used[2];
  std::exception_ptr failures[2];
  const auto half = [&](unsigned processor) {
    try {
      handshake_plan own = plan;
      own.count = (plan.count + processor) / 2;
      own.processor = processor;
      used[processor] = shake_hands<A>(client_contexts[processor], server_context, own);
    } catch (...) {
      failures[processor] = std::current_exception();
    }
  };
  std::thread other([&] { half(1); });
  half(0);
  other.join();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return used[0] + used[1];
}

template <stream_adapter A>
measurement run_handshake(const workload& work) {
  std::optional<typename A::context> made;
  on_processor(1, [&] { made.emplace(role::server, work.tls); });
  typename A::context& server_context = *made;
  typename A::context client_contexts[]{typename A::context(role::client, work.tls),
                                        typename A::context(role::client, work.tls)};
  const bool apart = work.where == placement::two_threads;
  handshake_plan plan{work.warm_up, static_cast<std::size_t>(work.at_once)};
  if (work.tls.resume) {
    for (auto& one : client_contexts) shake_hands<A>(one, server_context, {1, 1}); // brings the first session
    plan.what = offers::kept_session;
  }
  const auto shake = [&](std::uint64_t count) {
    plan.count = count;
    return apart ? shake_hands_on_two<A>(client_contexts, server_context, plan)
                 : shake_hands<A>(client_contexts[0], server_context, plan);
  };
  shake(work.warm_up);
  const double cpu_before = process_cpu_seconds();
  const usage used = shake(work.amount);
  const double cpu = process_cpu_seconds() - cpu_before;
  const auto count = static_cast<double>(work.amount);
  measurement result{{metric::handshakes, count / used.wall_seconds}};
  if (work.at_once > 1) { // also for what other threads do
    result.emplace_back(metric::server_cpu, cpu / count * 1e6);
    result.emplace_back(metric::loop_cpu, used.cpu_seconds / count * 1e6);
    return result;
  }
  result.emplace_back(metric::handshake_cpu, used.cpu_seconds / count * 1e6);
  if (counters_available()) {
    result.emplace_back(metric::system_calls_handshake, static_cast<double>(used.system_calls()) / count);
    result.emplace_back(metric::allocations_handshake, static_cast<double>(used.allocations) / count);
  }
  if (used.instructions)
    result.emplace_back(metric::instructions_handshake, static_cast<double>(*used.instructions) / count);
  return result;
}

} // namespace bench

#endif
