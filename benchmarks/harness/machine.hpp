// SPDX-License-Identifier: BSL-1.0
// The machine a run happens on: what it is, which processor a thread runs on, how many descriptors there are.
#ifndef TLSMODE_BENCH_MACHINE_HPP
#define TLSMODE_BENCH_MACHINE_HPP

#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

// Name and value pairs: processor, kernel, OpenSSL at run time, Boost, compiler, build type.
std::vector<std::pair<std::string, std::string>> describe_machine();

// Pins the calling thread to the index-th processor that the process was started with (modulo their number).
// Best effort: where it is not allowed, the thread stays where it is.
void pin_thread(unsigned index);

// Lets the calling thread have the processor as soon as it wants it, or only when no other wants it much.
// Best effort. New threads inherit the latter.
void prefer_latency();
void prefer_others();

// Calls f on a thread of its own that is pinned to that processor: the threads that f starts are, too.
template <class F>
void on_processor(unsigned index, F f) {
  std::exception_ptr failure;
  std::thread([&] {
    pin_thread(index);
    try {
      f();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

// Lets the process open that many descriptors; throws if the hard limit is lower.
void require_descriptors(unsigned long count);

// Ends the process with status 1 and a message unless feed() or the destructor comes within the limit:
// a benchmark that hangs must not hang the command that runs it.
class watchdog {
 public:
  explicit watchdog(unsigned seconds);
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  void feed() const;

 private:
  unsigned seconds_;
};

} // namespace bench

#endif
