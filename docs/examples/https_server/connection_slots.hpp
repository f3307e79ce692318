// SPDX-License-Identifier: BSL-1.0
// The connection cap, shared by all threads: a count of free places, and who waits for one.
#ifndef EXAMPLES_HTTPS_SERVER_CONNECTION_SLOTS_HPP
#define EXAMPLES_HTTPS_SERVER_CONNECTION_SLOTS_HPP

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace https_server {

/// Thread safety: any thread.
class connection_slots {
  struct give_back {
    void operator()(connection_slots* slots) const { slots->release(); }
  };

public:
  /// A place taken; its destruction gives it back. Empty: no place.
  using slot = std::unique_ptr<connection_slots, give_back>;

  explicit connection_slots(std::size_t count) : free_(count) {}

  /// Takes a place. If there is none, returns an empty slot and calls `wake` once when it is worth another try;
  /// `wake` may be called on any thread and must only pass the news on.
  [[nodiscard]] slot take(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    if (free_ == 0) {
      waiting_.push_back(std::move(wake));
      return {};
    }
    --free_;
    return slot(this);
  }

  /// Nobody is woken any more: those who wait are about to be destroyed.
  void forget_waiting() {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
  }

private:
  void release() {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      ++free_;
      if (waiting_.empty()) return;
      wake = std::move(waiting_.front());
      waiting_.pop_front();
    }
    wake();
  }

  std::mutex mutex_;
  std::size_t free_;
  std::deque<std::function<void()>> waiting_;
};

} // namespace https_server

#endif
