// SPDX-License-Identifier: BSL-1.0
// What a thread has used so far: time, processor time, calls into the kernel, heap. The counters are
// kept per thread, so that the two ends of a connection, each on its own thread, are told apart.
#ifndef TLSMODE_BENCH_USAGE_HPP
#define TLSMODE_BENCH_USAGE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>

namespace bench {

// The libc functions that interpose_calls.cpp counts.
enum class call : std::uint8_t {
  send,
  sendto,
  sendmsg,
  write,
  writev,
  recv,
  recvfrom,
  recvmsg,
  read,
  readv,
  epoll_wait,
  epoll_ctl,
  poll,
  last_
};

struct thread_counters {
  std::array<std::uint64_t, static_cast<std::size_t>(call::last_)> calls;
  std::uint64_t allocations;         // malloc, calloc, realloc and the aligned forms
  std::uint64_t openssl_allocations; // those of them that OpenSSL asked for
  std::int64_t live_bytes;           // allocated less freed by this thread, malloc's own overhead included
};

extern constinit thread_local thread_counters this_thread_counters;

inline void count(call c) noexcept { ++this_thread_counters.calls[static_cast<std::size_t>(c)]; }

// Sanitizers bring their own malloc and system call wrappers: nothing is counted there.
bool counters_available() noexcept;

struct usage {
  double wall_seconds = 0;
  double cpu_seconds = 0; // user and system time of the thread
  std::uint64_t sends = 0;
  std::uint64_t receives = 0;
  std::uint64_t waits = 0; // epoll_wait, epoll_ctl, poll
  std::uint64_t allocations = 0;
  std::uint64_t openssl_allocations = 0; // part of these
  std::int64_t live_bytes = 0;
  std::optional<std::uint64_t> instructions; // user space; empty where the machine cannot count them

  std::uint64_t own_allocations() const noexcept { return allocations - openssl_allocations; }
  std::uint64_t transport_calls() const noexcept { return sends + receives; }
  std::uint64_t system_calls() const noexcept { return sends + receives + waits; }
};

// User and system time of another thread, and of the whole process.
double cpu_seconds(std::thread& of);
double process_cpu_seconds();

// The calling thread's figures since it started.
usage usage_now();
usage operator-(const usage& later, const usage& earlier);
usage operator+(const usage& one, const usage& other); // two threads; the longer wall time

} // namespace bench

#endif
