// SPDX-License-Identifier: BSL-1.0
// One engine step on its way to a job thread and back. What the job thread may hold last is here, apart from
// everything that belongs to Asio: a job thread may outlive the io_context.
#ifndef TLSMODE_ASIO_DETAIL_AWAY_STEP_HPP
#define TLSMODE_ASIO_DETAIL_AWAY_STEP_HPP

#include <tlsmode/engine.hpp>
#include <tlsmode/job_threads.hpp>

#include <tlsmode/asio/detail/job_signal.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>

namespace tlsmode::detail {

/// The step itself. The operation owns it and keeps it, and all that it touches, until it is back or
/// withdrawn.
class away_work {
 public:
  away_work() = default;
  away_work(const away_work&) = delete;
  away_work& operator=(const away_work&) = delete;
  virtual step run(transport& t) = 0;

 protected:
  ~away_work() = default;
};

/// Carries the steps of one stream, one at a time. Thread safety: full.
class away_step final : public job_thread::task, public std::enable_shared_from_this<away_step> {
 public:
  // ---- for the operation, where it runs ----

  /// Makes `w` the step that start() sends; `tell` is called when it is back, on the job thread.
  void prepare(away_work& w, std::function<void()> tell);
  /// If `home` refuses, the step is back at once, as one that failed.
  void start(const job_thread& home) noexcept;
  /// True if the step is back.
  [[nodiscard]] bool over() const noexcept { return over_.load(std::memory_order_acquire); }
  /// What it came to, or throws what it threw. Precondition: over().
  step take();
  /// The operation goes away: waits for the step if it is under way, and otherwise it will not be run. `tell`
  /// is not called any more.
  void withdraw() noexcept;

  // ---- for whoever else wants the engine ----

  /// Waits until no step is under way, and keeps it so. A callback that runs inside of the step need not
  /// wait.
  [[nodiscard]] std::unique_lock<std::recursive_mutex> lock() const {
    return std::unique_lock<std::recursive_mutex>(mutex_);
  }

 private:
  void run() noexcept override;
  void tell() noexcept;

  mutable std::recursive_mutex mutex_; // held by the job thread during the step
  away_work* work_ = nullptr;
  bool started_ = false;
  bool queued_ = false; // with the job thread
  std::atomic<bool> over_{false};
  step result_;
  std::exception_ptr thrown_;
  job_signal back_;
};

/// Hands the engine what the peer has sent, for a step that runs where `from` is not. False if there may be
/// more than is good for one step.
[[nodiscard]] bool feed_from(transport& from, engine& e) noexcept;

/// engine::reset() on the thread of the paused job, if there is one; waits for that.
[[nodiscard]] std::error_code reset_on(const job_thread& home, engine& e);

} // namespace tlsmode::detail

#endif
