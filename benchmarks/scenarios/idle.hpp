// SPDX-License-Identifier: BSL-1.0
// Heap per idle server connection: the handshake is done, one byte was echoed, a read is outstanding.
//
// Server and clients run on two threads and the heap is counted per thread, so only the server's side is
// seen. The figure is the slope between a few connections and many: what the process needs anyhow falls out.
#ifndef TLSMODE_BENCH_SCENARIOS_IDLE_HPP
#define TLSMODE_BENCH_SCENARIOS_IDLE_HPP

#include "ends.hpp"
#include "harness/usage.hpp"

#include <atomic>
#include <memory>
#include <vector>

namespace bench {

struct idle_counts {
  std::uint64_t waiting = 0; // connections with a read outstanding
  std::uint64_t ended = 0;
  std::exception_ptr failure;
};

template <stream_adapter A>
typename A::template task<void> idle_server(typename A::loop& loop, typename A::context& context,
                                            unique_fd fd, idle_counts& counts) {
  typename A::connection connection = A::open(loop, context, std::move(fd));
  co_await A::handshake(connection, role::server);
  A::check(connection);
  co_await await_signal<A>(connection);
  co_await send_signal<A>(connection);
  ++counts.waiting;
  A::stop(loop); // back to the thread that opens connections, as soon as the read below is waiting
  try {
    std::byte more{};
    co_await A::read_some(connection, std::span(&more, 1));
  } catch (const std::exception&) {
    co_return; // the end of the connection, and the only thing that this read is meant to see
  }
  throw std::runtime_error("an idle connection received something");
}

template <stream_adapter A>
typename A::template task<void> idle_client(typename A::connection& connection) {
  co_await A::handshake(connection, role::client);
  A::check(connection);
  co_await send_signal<A>(connection);
  co_await await_signal<A>(connection);
}

// The server's thread: takes connections one by one from the socket list and brings each to rest.
// A client thread answers them in the same order.
template <stream_adapter A>
double idle_slope(typename A::context& context, std::vector<unique_fd>& sockets, std::size_t few,
                  std::atomic<bool>& measured, const std::atomic<bool>& clients_closed) {
  idle_counts counts;
  typename A::loop loop;
  const auto open_until = [&](std::size_t target) {
    while (counts.waiting < target) {
      const std::uint64_t before = counts.waiting;
      A::spawn(loop, idle_server<A>(loop, context, std::move(sockets[counts.waiting]), counts),
               [&counts](std::exception_ptr result) {
                 ++counts.ended;
                 if (result) counts.failure = result;
               });
      A::run(loop);
      if (counts.failure) std::rethrow_exception(counts.failure);
      if (counts.waiting != before + 1) throw std::runtime_error("a connection did not come to rest");
    }
    A::run_for(loop, std::chrono::milliseconds(20)); // whatever a stream does late, it has done now
    if (counts.ended != 0) throw std::runtime_error("an idle connection ended early");
    return usage_now().live_bytes;
  };
  const std::int64_t with_few = open_until(few);
  const std::int64_t with_many = open_until(sockets.size());
  measured = true;
  while (!clients_closed) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  A::run(loop); // every read ends now, and with it the server's side
  if (counts.failure) std::rethrow_exception(counts.failure);
  if (counts.ended != sockets.size()) throw std::runtime_error("an idle connection did not end");
  return static_cast<double>(with_many - with_few) / static_cast<double>(sockets.size() - few);
}

template <stream_adapter A>
measurement run_idle(const workload& work) {
  const auto few = static_cast<std::size_t>(work.warm_up);
  const auto many = static_cast<std::size_t>(work.amount);
  if (few >= many) throw std::logic_error("a slope needs two different numbers of connections");
  require_descriptors(2 * many + 64);
  typename A::context server_context(role::server, work.tls), client_context(role::client, work.tls);
  loopback listener;
  std::vector<unique_fd> clients, servers;
  for (std::size_t i = 0; i < many; ++i) {
    tcp_pair sockets = listener.connect();
    clients.push_back(std::move(sockets.client));
    servers.push_back(std::move(sockets.server));
  }

  std::atomic<bool> measured = false, clients_closed = false;
  std::exception_ptr client_failure;
  std::thread client_thread([&] {
    try {
      typename A::loop loop;
      std::vector<std::unique_ptr<typename A::connection>> open;
      for (unique_fd& fd : clients) {
        open.emplace_back(new typename A::connection(A::open(loop, client_context, std::move(fd))));
        A::spawn(loop, idle_client<A>(*open.back()),
                 [&client_failure](std::exception_ptr result) { client_failure = result; });
        A::run(loop);
        if (client_failure) break;
      }
      while (!client_failure && !measured) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } catch (...) {
      client_failure = std::current_exception();
    }
    clients.clear(); // a failure must end the server's side, too
    clients_closed = true;
  });
  std::exception_ptr server_failure;
  double slope = 0;
  try {
    // A thread of its own would do as well: the figure is a difference on this one.
    slope = idle_slope<A>(server_context, servers, few, measured, clients_closed);
  } catch (...) {
    server_failure = std::current_exception();
    servers.clear();
  }
  measured = true;
  client_thread.join();
  if (client_failure) std::rethrow_exception(client_failure);
  if (server_failure) std::rethrow_exception(server_failure);
  measurement result;
  if (counters_available()) result.emplace_back(metric::idle_heap, slope);
  return result;
}

} // namespace bench

#endif
