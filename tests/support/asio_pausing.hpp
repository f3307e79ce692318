// SPDX-License-Identifier: BSL-1.0
// A TLS callback that pauses its job as asynchronous crypto does, and is woken, late, from another thread.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_PAUSING_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_PAUSING_HPP

#include <openssl/types.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace tlsmode::test {

/// How the crypto says that it is ready.
enum class waking { callback, descriptor, two_descriptors, nothing };

/// Pauses whoever calls pause() until release(). One object may pause several times, one after the other.
class pausing {
 public:
  /// `soon`: another thread does the waking by itself, at about the time of the pause.
  explicit pausing(waking how, bool signal_early = false, bool soon = false)
      : how_(how), early_(signal_early), soon_(soon) {}
  ~pausing();
  pausing(const pausing&) = delete;
  pausing& operator=(const pausing&) = delete;

  /// Makes a server's certificate callback pause here.
  void install(SSL* server);
  /// Pauses the current job; does nothing outside a job.
  void pause();
  /// Lets the paused job go on: another thread does the waking.
  void release();
  /// The same, and waits until that thread has done so.
  void release_now();

  [[nodiscard]] int pauses() const noexcept { return pauses_; }   ///< begun
  [[nodiscard]] int resumes() const noexcept { return resumes_; } ///< times that the job was resumed
  [[nodiscard]] bool was_in_job() const noexcept { return in_job_; }
  /// True if a descriptor came back as it was: open and blocking.
  [[nodiscard]] bool descriptors_intact() const noexcept { return intact_; }
  /// The numbers of the descriptors that were used, in order.
  [[nodiscard]] const std::vector<int>& descriptors() const noexcept { return descriptors_; }

 private:
  void wake();
  void join_helper();
  waking how_;
  bool early_;
  bool soon_;
  std::atomic<int> pauses_{0};
  int resumes_ = 0;
  bool in_job_ = false;
  bool intact_ = true;
  std::vector<int> descriptors_;
  std::atomic<bool> ready_{false};
  std::atomic<int> fd_{-1};
  int (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
  std::mutex helper_mutex_;
  std::thread helper_;
};

} // namespace tlsmode::test

#endif
