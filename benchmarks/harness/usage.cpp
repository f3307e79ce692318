// SPDX-License-Identifier: BSL-1.0
// Reads the thread's clocks and counters. See usage.hpp.
#include "usage.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bench {

constinit thread_local thread_counters this_thread_counters{};

namespace {

// User-space instructions of one thread, from the processor's own counter. Many virtual machines do not
// have one; then value() is empty.
class instruction_counter {
 public:
  instruction_counter() noexcept {
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_HARDWARE;
    attributes.size = sizeof(attributes);
    attributes.config = PERF_COUNT_HW_INSTRUCTIONS;
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    descriptor_ =
        static_cast<int>(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  }
  ~instruction_counter() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  instruction_counter(const instruction_counter&) = delete;
  instruction_counter& operator=(const instruction_counter&) = delete;

  std::optional<std::uint64_t> value() const noexcept {
    std::uint64_t instructions = 0;
    // syscall() and not read(): the benchmark's own reads must not be counted.
    if (descriptor_ < 0 || ::syscall(SYS_read, descriptor_, &instructions, sizeof(instructions)) !=
                               static_cast<long>(sizeof(instructions)))
      return std::nullopt;
    return instructions;
  }

 private:
  int descriptor_ = -1;
};

double seconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::uint64_t calls_between(call first, call last) {
  std::uint64_t sum = 0;
  for (auto i = static_cast<std::size_t>(first); i <= static_cast<std::size_t>(last); ++i)
    sum += this_thread_counters.calls[i];
  return sum;
}

} // namespace

double cpu_seconds(std::thread& of) {
  clockid_t clock{};
  return ::pthread_getcpuclockid(of.native_handle(), &clock) == 0 ? seconds_of(clock) : 0;
}

double process_cpu_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

usage usage_now() {
  thread_local const instruction_counter instructions;
  usage now;
  now.sends = calls_between(call::send, call::writev);
  now.receives = calls_between(call::recv, call::readv);
  now.waits = calls_between(call::epoll_wait, call::poll);
  now.allocations = this_thread_counters.allocations;
  now.openssl_allocations = this_thread_counters.openssl_allocations;
  now.live_bytes = this_thread_counters.live_bytes;
  now.instructions = instructions.value();
  now.cpu_seconds = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  now.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  return now;
}

usage operator-(const usage& later, const usage& earlier) {
  usage difference;
  difference.wall_seconds = later.wall_seconds - earlier.wall_seconds;
  difference.cpu_seconds = later.cpu_seconds - earlier.cpu_seconds;
  difference.sends = later.sends - earlier.sends;
  difference.receives = later.receives - earlier.receives;
  difference.waits = later.waits - earlier.waits;
  difference.allocations = later.allocations - earlier.allocations;
  difference.openssl_allocations = later.openssl_allocations - earlier.openssl_allocations;
  difference.live_bytes = later.live_bytes - earlier.live_bytes;
  if (later.instructions && earlier.instructions)
    difference.instructions = *later.instructions - *earlier.instructions;
  return difference;
}

usage operator+(const usage& one, const usage& other) {
  usage sum;
  sum.wall_seconds = std::max(one.wall_seconds, other.wall_seconds);
  sum.cpu_seconds = one.cpu_seconds + other.cpu_seconds;
  sum.sends = one.sends + other.sends;
  sum.receives = one.receives + other.receives;
  sum.waits = one.waits + other.waits;
  sum.allocations = one.allocations + other.allocations;
  sum.openssl_allocations = one.openssl_allocations + other.openssl_allocations;
  sum.live_bytes = one.live_bytes + other.live_bytes;
  if (one.instructions && other.instructions) sum.instructions = *one.instructions + *other.instructions;
  return sum;
}

} // namespace bench
