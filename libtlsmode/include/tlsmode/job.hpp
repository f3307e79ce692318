// SPDX-License-Identifier: BSL-1.0
// How code that OpenSSL calls in the middle of an operation asks somebody else, and how that somebody
// answers: later, from any thread. Private keys (signer.hpp) and hooks (hook.hpp) are questions of this kind.
// Knows nothing of who asks what, and nothing of event loops.
#ifndef TLSMODE_JOB_HPP
#define TLSMODE_JOB_HPP

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace tlsmode {

namespace detail {
struct answer_wait;
}

/// Where the answers to a connection's questions are worked out. Made by whoever drives the engine, opaque to
/// the core: an adapter derives from it to carry its executor (engine::set_answer_host()).
class answer_host {
 public:
  virtual ~answer_host() = default;
  /// The connection goes away, and what the host refers to may follow; requests may keep the host longer.
  /// Called once or more, on any thread.
  virtual void close() noexcept {}

 protected:
  answer_host() = default;
  answer_host(const answer_host&) = default;
  answer_host& operator=(const answer_host&) = default;
};

/// A question that was asked in the middle of an operation, and its answer once there is one: the base of all
/// requests. Held by shared_ptr by both sides, so that either may go away first.
/// Thread safety: full. Whoever answers may do so on any thread, also before the asking call has returned.
class pending_answer {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr clock::time_point no_deadline = clock::time_point::max();

  virtual ~pending_answer() = default;
  pending_answer(const pending_answer&) = delete;
  pending_answer& operator=(const pending_answer&) = delete;

  /// True once nobody waits for the answer any more: the operation was cancelled, ran out of time, or its
  /// connection is gone. An answer is then ignored.
  [[nodiscard]] bool abandoned() const noexcept;
  /// Calls `f` when that happens, at once if it has happened; never after an answer. One function at most; it
  /// may be called on any thread, must only pass the news on and must not throw.
  void on_abandoned(std::function<void()> f);
  /// When the answer has to be there.
  [[nodiscard]] clock::time_point deadline() const noexcept { return deadline_; }
  /// That of the connection, as set by engine::set_answer_host(); null if it has none.
  [[nodiscard]] const std::shared_ptr<answer_host>& host() const noexcept { return host_; }

 protected:
  pending_answer() = default;

  /// Runs `store`, which keeps the answer, unless there is an answer already or nobody waits; then wakes
  /// whoever asked. Returns false if it was too late.
  template <class Store>
  bool answer(Store&& store) {
    std::unique_lock lock(mutex_);
    if (state_ != state::open) return false;
    std::forward<Store>(store)();
    state_ = state::answered;
    wake(std::move(lock));
    return true;
  }

 private:
  friend struct detail::answer_wait;
  enum class state : std::uint8_t { open, answered, abandoned };
  void wake(std::unique_lock<std::mutex> lock);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  state state_ = state::open;
  std::shared_ptr<std::function<void()>> waker_; // for who waits without blocking
  std::function<void()> on_abandoned_;
  clock::time_point deadline_ = no_deadline;
  std::shared_ptr<answer_host> host_;
};

} // namespace tlsmode

#endif
