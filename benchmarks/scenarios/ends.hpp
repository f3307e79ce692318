// SPDX-License-Identifier: BSL-1.0
// Runs the two ends of a connection where the workload says, and the small steps that every scenario takes.
#ifndef TLSMODE_BENCH_SCENARIOS_ENDS_HPP
#define TLSMODE_BENCH_SCENARIOS_ENDS_HPP

#include "harness/machine.hpp"
#include "harness/measurement.hpp"
#include "streams/adapter.hpp"

#include <exception>
#include <stdexcept>
#include <thread>

namespace bench {

// Runs one end on the calling thread until its task has ended; returns the exception that ended it.
template <stream_adapter A, class End>
std::exception_ptr run_end(End& end) noexcept {
  try {
    typename A::loop loop;
    std::exception_ptr failure = std::make_exception_ptr(std::logic_error("the task never ended"));
    A::spawn(loop, end(loop), [&failure](std::exception_ptr result) { failure = result; });
    A::run(loop);
    return failure;
  } catch (...) {
    return std::current_exception();
  }
}

// client and server are called with the loop that they are to run on and return a task. An end that fails
// closes its connection, which ends the other one. Rethrows the failure of the client, else that of the
// server. On one thread, that is pinned to the processor.
template <stream_adapter A, class Client, class Server>
void run_ends(placement where, Client client, Server server, unsigned processor = 0) {
  std::exception_ptr client_failure, server_failure;
  if (where == placement::two_threads) {
    // Two new threads, so that neither inherits the other's caches or the pinning outlives the run.
    std::thread server_thread([&] {
      pin_thread(0);
      server_failure = run_end<A>(server);
    });
    std::thread client_thread([&] {
      pin_thread(1);
      client_failure = run_end<A>(client);
    });
    server_thread.join();
    client_thread.join();
  } else {
    std::thread both([&] {
      pin_thread(processor);
      auto end = [&](typename A::loop& loop) {
        A::spawn(loop, server(loop), [&](std::exception_ptr result) { server_failure = result; });
        return client(loop);
      };
      client_failure = run_end<A>(end);
    });
    both.join();
  }
  if (client_failure) std::rethrow_exception(client_failure);
  if (server_failure) std::rethrow_exception(server_failure);
}

template <stream_adapter A>
typename A::template task<void> read_all(typename A::connection& connection, std::span<std::byte> to) {
  while (!to.empty()) to = to.subspan(co_await A::read_some(connection, to));
}

// One byte each way tells the other end "ready" or "done".
template <stream_adapter A>
typename A::template task<void> send_signal(typename A::connection& connection) {
  const std::byte signal{'!'};
  co_await A::write_all(connection, std::span(&signal, 1));
}

template <stream_adapter A>
typename A::template task<void> await_signal(typename A::connection& connection) {
  std::byte signal{};
  co_await read_all<A>(connection, std::span(&signal, 1));
  if (signal != std::byte{'!'}) throw std::runtime_error("a wrong byte arrived");
}

} // namespace bench

#endif
