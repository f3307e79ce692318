// SPDX-License-Identifier: BSL-1.0
// A thread of its own whose job pool has a limit. OpenSSL's limits are the thread's, and for its life.
#ifndef TLSMODE_TESTS_SUPPORT_JOB_POOL_HPP
#define TLSMODE_TESTS_SUPPORT_JOB_POOL_HPP

#include <openssl/async.h>

#include <exception>
#include <stdexcept>
#include <thread>

namespace tlsmode::test {

/// Runs `f` on a new thread with at most `jobs` jobs, 0 for no limit, and passes on what it throws.
template <class F>
void with_job_pool(std::size_t jobs, const F& f) {
  std::exception_ptr thrown;
  std::thread([&] {
    try {
      if (ASYNC_init_thread(jobs, 0) != 1) throw std::runtime_error("ASYNC_init_thread");
      f();
    } catch (...) {
      thrown = std::current_exception();
    }
    ASYNC_cleanup_thread();
  }).join();
  if (thrown) std::rethrow_exception(thrown);
}

} // namespace tlsmode::test

#endif
