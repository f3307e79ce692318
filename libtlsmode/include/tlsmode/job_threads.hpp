// SPDX-License-Identifier: BSL-1.0
// Threads on which operations that may be paused are run: a paused job can be gone on with only by the thread
// that started it. The threads outlive the connections, and know nothing of what is run on them.
#ifndef TLSMODE_JOB_THREADS_HPP
#define TLSMODE_JOB_THREADS_HPP

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tlsmode {

class engine;

namespace detail {
class job_worker;
}

/// One thread of a job_threads, for a connection to be pinned to. A handle: copies mean the same thread, and
/// it may outlive the thread. Thread safety: distinct handles are independent, also those of one thread.
class job_thread {
 public:
  /// Something to do there.
  class task {
   public:
    virtual ~task() = default;
    task(const task&) = delete;
    task& operator=(const task&) = delete;

   protected:
    task() = default;

   private:
    friend class detail::job_worker;
    virtual void run() noexcept = 0;
    std::shared_ptr<task> next_;
  };

  /// No thread.
  job_thread() noexcept = default;
  [[nodiscard]] explicit operator bool() const noexcept { return worker_ != nullptr; }

  /// Queues `t` to be run there once, after everything that was queued before, and to be let go of there.
  /// Never runs it here; allocates nothing. The queue has no limit of its own, but a task is in it at most
  /// once, so that it cannot grow longer than the number of those who post.
  /// Preconditions: `t` is not null, and is not queued anywhere: it may be posted again once it runs.
  /// Returns false, with nothing done, for no thread and once the threads were stopped.
  [[nodiscard]] bool post(std::shared_ptr<task> t) const noexcept;
  /// True if it is the calling thread.
  [[nodiscard]] bool is_this_thread() const noexcept;

  friend bool operator==(const job_thread&, const job_thread&) noexcept = default;

 private:
  friend class job_threads;
  explicit job_thread(std::shared_ptr<detail::job_worker> worker) noexcept : worker_(std::move(worker)) {}
  std::shared_ptr<detail::job_worker> worker_;
};

/// A fixed number of job threads. Thread safety: full, construction and destruction excepted.
class job_threads {
 public:
  /// Starts `threads` threads; 0 means one for each processor, but not more than 4. Each has at most
  /// `max_jobs` unfinished jobs at a time, 0: as many as are started. A job takes about 33 KB; operations for
  /// which there is none wait for one to end. Throws std::system_error if there are not enough threads.
  /// Source: ASYNC_init_thread(3).
  explicit job_threads(unsigned threads = 0, std::size_t max_jobs = 0);
  /// As stop().
  ~job_threads();
  job_threads(const job_threads&) = delete;
  job_threads& operator=(const job_threads&) = delete;

  /// Lets the threads do what is queued, ends them, and waits for that. From now on tasks are refused: a job
  /// that is still paused there can never be ended. Called on one of the threads, it does not wait for that.
  void stop() noexcept;

  /// How many threads there are.
  [[nodiscard]] std::size_t size() const noexcept { return workers_.size(); }
  /// One of them, each in turn.
  [[nodiscard]] job_thread next() noexcept;
  /// The thread of this number < size().
  [[nodiscard]] job_thread operator[](std::size_t number) const noexcept {
    return job_thread(workers_[number]);
  }

  /// Those of the process: made at first use, stopped when main() returns or exit() is called. In a child
  /// made by fork() they are missing. Throws std::system_error if they cannot be made.
  static job_threads& shared();

 private:
  std::vector<std::shared_ptr<detail::job_worker>> workers_;
  std::atomic<std::size_t> turn_{0};
  std::mutex stopping_;
};

/// Destroys an engine where its paused job can be ended: on `home`, if that is the job's thread, later.
/// There, or here and now if `home` refuses, the job is counted in abandoned_jobs() if it cannot be ended.
/// Whoever works out an answer for it hears at once that nobody waits any more, and its verify callback is
/// not called again. Precondition: `e` is not null.
void destroy_on(const job_thread& home, std::unique_ptr<engine> e) noexcept;

} // namespace tlsmode

#endif
