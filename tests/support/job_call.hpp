// SPDX-License-Identifier: BSL-1.0
// Functions that are called on a job thread.
#ifndef TLSMODE_TESTS_SUPPORT_JOB_CALL_HPP
#define TLSMODE_TESTS_SUPPORT_JOB_CALL_HPP

#include <tlsmode/job_threads.hpp>

#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace tlsmode::test {

class job_call final : public job_thread::task {
 public:
  explicit job_call(std::function<void()> f) : call_(std::move(f)) {}
  /// Ready when it was called; broken if it never is.
  [[nodiscard]] std::future<void> done() { return call_.get_future(); }

 private:
  void run() noexcept override { call_(); }
  std::packaged_task<void()> call_;
};

/// Has `f` called there, waits for that, and throws what it throws. False if the thread refuses.
inline bool call_on(const job_thread& thread, std::function<void()> f) {
  const auto call = std::make_shared<job_call>(std::move(f));
  auto done = call->done();
  if (!thread.post(call)) return false;
  done.get();
  while (call.use_count() != 1) std::this_thread::yield(); // it is about to let go
  return true;
}

/// Returns once the threads have done all that was queued when it was called.
inline void settle(const job_threads& pool) {
  for (std::size_t i = 0; i < pool.size(); ++i) call_on(pool[i], [] {});
}

} // namespace tlsmode::test

#endif
