// SPDX-License-Identifier: BSL-1.0
// The threads that run operations which may be paused, each with a queue of its own.
#include <tlsmode/job_threads.hpp>

#include <openssl/async.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace tlsmode {
namespace detail {

/// One thread and its queue. Handles keep it, so the queue may outlive the thread.
class job_worker : public std::enable_shared_from_this<job_worker> {
 public:
  job_worker() = default;
  job_worker(const job_worker&) = delete;
  job_worker& operator=(const job_worker&) = delete;
  ~job_worker() {
    if (thread_.joinable()) thread_.detach(); // nobody could wait for it
  }

  void start(std::size_t max_jobs) {
    thread_ = std::thread([self = shared_from_this(), max_jobs] { self->work(max_jobs); });
  }

  [[nodiscard]] bool post(std::shared_ptr<job_thread::task> t) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      job_thread::task* const last = t.get();
      (last_ == nullptr ? first_ : last_->next_) = std::move(t);
      last_ = last;
    }
    changed_.notify_one();
    return true;
  }

  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
  }
  // After stop(). Precondition: not on this thread, and not on two at a time.
  void join() noexcept {
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] bool is_this_thread() const noexcept { return current() == this; }

 private:
  static const job_worker*& current() noexcept {
    static thread_local const job_worker* worker = nullptr;
    return worker;
  }

  void work(std::size_t max_jobs) noexcept {
    current() = this;
    if (max_jobs != 0) ASYNC_init_thread(max_jobs, 0);
    while (const std::shared_ptr<job_thread::task> t = take()) t->run();
  }

  // Waits for the next task; null when there will be none.
  std::shared_ptr<job_thread::task> take() noexcept {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return first_ != nullptr || stopping_; });
    std::shared_ptr<job_thread::task> t = std::move(first_);
    if (t) first_ = std::move(t->next_);
    if (!first_) last_ = nullptr;
    return t;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<job_thread::task> first_;
  job_thread::task* last_ = nullptr; // null if there is no first one
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace detail

bool job_thread::post(std::shared_ptr<task> t) const noexcept {
  return worker_ && worker_->post(std::move(t));
}

bool job_thread::is_this_thread() const noexcept { return worker_ && worker_->is_this_thread(); }

job_threads::job_threads(unsigned threads, std::size_t max_jobs) {
  // Its tidying up at the end of the process must come after that of whoever makes the threads here.
  OPENSSL_init_ssl(0, nullptr);
  if (threads == 0) threads = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
  workers_.reserve(threads);
  try {
    for (unsigned i = 0; i < threads; ++i) {
      workers_.push_back(std::make_shared<detail::job_worker>());
      workers_.back()->start(max_jobs);
    }
  } catch (...) {
    stop();
    throw;
  }
}

job_threads::~job_threads() { stop(); }

void job_threads::stop() noexcept {
  for (const auto& worker : workers_) worker->stop();
  if (std::any_of(workers_.begin(), workers_.end(), [](const auto& w) { return w->is_this_thread(); }))
    return;
  const std::lock_guard lock(stopping_);
  for (const auto& worker : workers_) worker->join();
}

job_thread job_threads::next() noexcept {
  return (*this)[turn_.fetch_add(1, std::memory_order_relaxed) % workers_.size()];
}

job_threads& job_threads::shared() {
  // Never destroyed, for those who still post when static objects are.
  struct stopped_at_exit {
    job_threads* pool = new job_threads;
    ~stopped_at_exit() { pool->stop(); }
  };
  static const stopped_at_exit instance;
  return *instance.pool;
}

} // namespace tlsmode
