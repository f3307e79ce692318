// SPDX-License-Identifier: BSL-1.0
// A server on one thread with 100, then 1,000, then 10,000 connections: what a message of 64 bytes and its
// echo cost it, and how much heap a connection takes, idle, and with every tenth one busy.
//
// The clients are a process of their own (clients/scale_clients.hpp) on the second processor. Messages go to
// all connections in turn, in a random order, 50 under way at a time whatever the number of connections; so
// only the number differs, and what it does to caches and queues.
//
// A busy connection has half a record of 16 KiB to read and a write under way that the peer does not take.
// The buffers that the server itself reads into and writes from are shared by all, and not counted: whatever
// is under way at one time has the same bytes.
#ifndef TLSMODE_BENCH_SCENARIOS_SCALE_HPP
#define TLSMODE_BENCH_SCENARIOS_SCALE_HPP

#include "clients/client_process.hpp"
#include "clients/scale_clients.hpp"
#include "ends.hpp"
#include "harness/kernel_memory.hpp"
#include "harness/usage.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace bench {

constexpr std::uint64_t scale_messages = 20'000; // measured at each number of connections

// What the sessions on the loop have done, and how far they are to go; and the buffers that they share.
template <stream_adapter A>
class scale_progress {
 public:
  explicit scale_progress(typename A::loop& loop) : loop_(loop) {}

  void done() { // one message, one half of a busy time
    if (++done_ == wanted_) A::stop(loop_);
  }
  void ended(std::exception_ptr error) {
    ++ended_;
    if (!error || ending_) return; // at the end every session fails, because its peer has gone
    if (!failure_) failure_ = error;
    A::stop(loop_);
  }
  // The clients go away now: every session sees that and ends.
  void run_to_the_end(std::uint64_t sessions) {
    ended_ = 0;
    ending_ = true;
    A::run(loop_);
    if (failure_) std::rethrow_exception(failure_);
    if (ended_ != sessions) throw std::runtime_error("a session did not end");
  }
  // Starts a write that the peer does not take for now.
  void write_to(typename A::connection& connection) {
    A::spawn(loop_, write_answer(connection), [this](std::exception_ptr error) { ended(error); });
  }
  // Runs the loop until so many more things are done.
  void run_until(std::uint64_t more) {
    wanted_ = done_ + more;
    while (done_ < wanted_ && !failure_) A::run(loop_);
    if (failure_) std::rethrow_exception(failure_);
  }
  // What a stream does late, it has done after this.
  void settle() {
    A::run_for(loop_, std::chrono::milliseconds(30));
    if (failure_) std::rethrow_exception(failure_);
    if (done_ != wanted_) throw std::runtime_error("a connection did more than it was asked for");
  }

  std::vector<std::byte> message = std::vector<std::byte>(scale_message);
  const std::vector<std::byte> echo = scale_bytes(scale_message, scale_echo);
  std::vector<std::byte> record = std::vector<std::byte>(scale_record);
  const std::vector<std::byte> expected_record = scale_bytes(scale_record, scale_busy);

 private:
  typename A::template task<void> write_answer(typename A::connection& connection) {
    co_await A::write_all(connection, answer_);
    done();
  }

  const std::vector<std::byte> answer_ = scale_bytes(scale_answer, scale_busy);
  typename A::loop& loop_;
  std::uint64_t done_ = 0, wanted_ = 0, ended_ = 0;
  bool ending_ = false;
  std::exception_ptr failure_;
};

// No larger than it must be: this coroutine is a part of what a connection takes.
template <stream_adapter A>
typename A::template task<void> scale_session(typename A::connection& connection,
                                              scale_progress<A>& progress) {
  co_await A::handshake(connection, role::server);
  A::check(connection);
  for (;;) {
    const std::size_t size = co_await A::read_some(connection, progress.message); // not in the if: GCC 12
    if (size != scale_message) throw std::runtime_error("a message came in pieces");
    if (progress.message == progress.echo) {
      co_await A::write_all(connection, progress.echo);
      progress.done();
      continue;
    }
    progress.write_to(connection);
    progress.done(); // it is busy
    co_await read_all<A>(connection, progress.record);
    if (progress.record != progress.expected_record) throw std::runtime_error("a record differs");
    progress.done(); // it is not
  }
}

// The server's thread.
template <stream_adapter A>
class scale_server {
 public:
  scale_server(typename A::context& context, unique_fd listener, const unique_fd& control, std::size_t most)
      : context_(context), listener_(std::move(listener)), control_(control) {
    connections_.reserve(most);
  }

  void open_until(std::size_t count) {
    constexpr std::size_t batch = 100;
    while (connections_.size() < count) {
      const std::size_t more = std::min(batch, count - connections_.size());
      command(scale_command::kind::open, more);
      for (std::size_t i = 0; i < more; ++i) {
        unique_fd fd = accept_client(listener_);
        keep_send_buffer_small(fd.value());
        connections_.emplace_back(new typename A::connection(A::open(loop_, context_, std::move(fd))));
        A::spawn(loop_, scale_session<A>(*connections_.back(), progress_),
                 [this](std::exception_ptr error) { progress_.ended(error); });
      }
      finish(more);
    }
    progress_.settle();
  }

  // CPU microseconds of this thread per message.
  double message_cost() {
    exchange(connections_.size()); // every connection has been used since the last change
    const usage before = usage_now();
    exchange(scale_messages);
    return (usage_now() - before).cpu_seconds / static_cast<double>(scale_messages) * 1e6;
  }

  // Heap of this thread while so many connections are busy; afterwards they are as before.
  std::int64_t heap_while_busy(std::size_t count) {
    command(scale_command::kind::busy, count);
    finish(count);
    progress_.settle(); // also: no busy connection's read or write has ended
    const std::int64_t heap = usage_now().live_bytes;
    command(scale_command::kind::calm, count);
    finish(2 * count);
    exchange(connections_.size());
    return heap;
  }

  void end() {
    command(scale_command::kind::leave, 0);
    progress_.run_to_the_end(connections_.size());
  }

 private:
  void command(scale_command::kind what, std::uint64_t count) {
    send_value(control_, scale_command{what, count});
  }
  // Until the loop has done so much and the clients are content.
  void finish(std::uint64_t count) {
    std::exception_ptr failure;
    try {
      progress_.run_until(count);
    } catch (...) {
      failure = std::current_exception();
    }
    const auto reply = receive_value<scale_reply>(control_);
    if (reply.error[0] != '\0') throw std::runtime_error(reply.error); // the cause, if both have failed
    if (failure) std::rethrow_exception(failure);
  }
  void exchange(std::uint64_t count) {
    command(scale_command::kind::messages, count);
    finish(count);
  }

  typename A::context& context_;
  unique_fd listener_;
  const unique_fd& control_;
  typename A::loop loop_;
  scale_progress<A> progress_{loop_};
  std::vector<std::unique_ptr<typename A::connection>> connections_; // end before the loop
};

struct scale_step {
  std::size_t connections;
  metric heap, message_cpu;
};
constexpr std::array<scale_step, 3> scale_steps{{
    {100, metric::heap_100, metric::message_cpu_100},
    {1000, metric::heap_1k, metric::message_cpu_1k},
    {10'000, metric::heap_10k, metric::message_cpu_10k},
}};

template <stream_adapter A>
measurement scale_on_this_thread(scale_server<A>& server, std::size_t most) {
  measurement result;
  const std::int64_t empty = usage_now().live_bytes;
  std::int64_t heap = empty, heap_before = empty;
  std::optional<std::int64_t> kernel, kernel_before;
  std::size_t open = 0, open_before = 0;
  double first_cost = 0, last_cost = 0;
  for (const auto& [connections, heap_metric, cost_metric] : scale_steps) {
    if (connections > most) break;
    heap_before = heap, kernel_before = kernel, open_before = open;
    server.open_until(connections);
    open = connections, heap = usage_now().live_bytes, kernel = kernel_bytes();
    if (counters_available())
      result.emplace_back(heap_metric, static_cast<double>(heap - empty) / static_cast<double>(open));
    last_cost = server.message_cost();
    if (first_cost == 0) first_cost = last_cost;
    result.emplace_back(cost_metric, last_cost);
  }
  if (open_before == 0) throw std::logic_error("two numbers of connections are needed at least");
  const auto more = static_cast<double>(open - open_before);
  result.emplace_back(metric::message_cpu_growth, last_cost / first_cost);
  if (kernel && kernel_before)
    result.emplace_back(metric::kernel_memory, static_cast<double>(*kernel - *kernel_before) / more);
  const std::int64_t busy = server.heap_while_busy(open / 10);
  if (counters_available()) {
    result.emplace_back(metric::idle_heap, static_cast<double>(heap - heap_before) / more);
    result.emplace_back(metric::busy_heap, static_cast<double>(busy - empty) / static_cast<double>(open));
  }
  return result;
}

template <stream_adapter A>
measurement run_scale(const workload& work) {
  const auto most = static_cast<std::size_t>(work.amount);
  require_descriptors(most + 128);   // here, and as many in the clients' process
  prepare_credentials(work.tls.key); // before there are two processes: both must have the same
  loopback address(128);
  const scale_plan plan{work.tls, is_plain<A>, address.port()};
  const client_process clients([&](const unique_fd& control) {
    unique_fd(std::move(address.release_listener())); // the server's
    run_scale_clients(control, plan);
  });
  typename A::context context(role::server, work.tls);
  measurement result;
  on_processor(0, [&] {
    scale_server<A> server(context, address.release_listener(), clients.control(), most);
    result = scale_on_this_thread<A>(server, most);
    server.end();
  });
  return result;
}

} // namespace bench

#endif
