// SPDX-License-Identifier: BSL-1.0
// A bare event loop on epoll for coroutines, for streams that bring none: what a program without Asio has.
// It knows sockets and coroutines, and nothing of TLS.
#ifndef TLSMODE_BENCH_STREAMS_EPOLL_LOOP_HPP
#define TLSMODE_BENCH_STREAMS_EPOLL_LOOP_HPP

#include "coroutine.hpp"
#include "harness/loopback.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <sys/epoll.h>

namespace bench {

class watched_socket;

// Run by one thread. Outlives the sockets that it watches.
class epoll_loop {
 public:
  using done = std::function<void(std::exception_ptr)>;

  epoll_loop();
  ~epoll_loop(); // destroys the tasks that have not ended
  epoll_loop(const epoll_loop&) = delete;
  epoll_loop& operator=(const epoll_loop&) = delete;

  // Starts a task with the next run; on_end gets its exception or nullptr.
  void spawn(task<void> what, done on_end);
  // Until every task has ended, stop() was called, or the time is over. May be called again.
  void run() { run_until(std::chrono::steady_clock::time_point::max()); }
  void run_until(std::chrono::steady_clock::time_point end);
  void stop() noexcept { stopped_ = true; }

 private:
  friend class watched_socket;
  struct root; // the coroutine that a spawned task is awaited in
  using root_list = std::list<root>;

  static root start(epoll_loop& own, task<void> what, done on_end, root_list::iterator place);
  void start_new_tasks();
  void dispatch_events();
  void forget(const watched_socket* socket) noexcept; // its events that are not dispatched yet

  unique_fd epoll_;
  root_list roots_; // all that have not ended
  root_list::iterator not_started_ = roots_.end();
  std::array<epoll_event, 64> events_{};
  std::size_t next_event_ = 0, event_count_ = 0; // they stay for the next run if one is stopped
  bool stopped_ = false;
};

// A connected socket, made non-blocking. Stays where it is: the kernel knows its address.
class watched_socket {
 public:
  watched_socket(epoll_loop& loop, unique_fd fd);
  ~watched_socket();
  watched_socket(const watched_socket&) = delete;
  watched_socket& operator=(const watched_socket&) = delete;

  int fd() const noexcept { return fd_.value(); }

  // Suspends until the socket may have become readable (writable) since the last wait. Call it only after a
  // call on the socket would have blocked: the loop watches for edges.
  auto readable() noexcept { return waiting{readable_}; }
  auto writable() noexcept { return waiting{writable_}; }

 private:
  friend class epoll_loop;
  struct direction {
    std::coroutine_handle<> waiter;
    bool ready = false;
    void notify() {
      ready = true;
      if (waiter) std::exchange(waiter, nullptr).resume(); // may destroy this
    }
  };
  struct waiting {
    direction& where;
    bool await_ready() const noexcept { return where.ready; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { where.waiter = waiter; }
    void await_resume() const noexcept { where.ready = false; }
  };

  epoll_loop& loop_;
  unique_fd fd_;
  direction readable_, writable_;
};

} // namespace bench

#endif
