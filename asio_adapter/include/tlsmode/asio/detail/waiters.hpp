// SPDX-License-Identifier: BSL-1.0
// Operations that wait for each other instead of for the socket: a waiter is a timer that never expires, in a
// first-in first-out list. Knows no TLS.
#ifndef TLSMODE_ASIO_DETAIL_WAITERS_HPP
#define TLSMODE_ASIO_DETAIL_WAITERS_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

class waiter_list;

/// One suspended operation. Its owner waits on `timer`; whoever has what it waits for calls wake().
class waiter {
 public:
  explicit waiter(const net::any_io_executor& ex) : timer(ex, net::steady_timer::time_point::max()) {}
  ~waiter() { leave(); }
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

  void join(waiter_list& list) noexcept;
  void leave() noexcept;
  void wake() {
    leave();
    woken = true;
    timer.cancel();
  }

  net::steady_timer timer;
  bool woken = false;

 private:
  friend class waiter_list;
  waiter_list* list_ = nullptr;
  waiter* previous_ = nullptr;
  waiter* next_ = nullptr;
};

class waiter_list {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  void wake_first() { first_->wake(); }
  void wake_all() {
    while (first_ != nullptr) first_->wake();
  }

 private:
  friend class waiter;
  waiter* first_ = nullptr;
  waiter* last_ = nullptr;
};

inline void waiter::join(waiter_list& list) noexcept {
  list_ = &list;
  previous_ = list.last_;
  next_ = nullptr;
  (previous_ != nullptr ? previous_->next_ : list.first_) = this;
  list.last_ = this;
}

inline void waiter::leave() noexcept {
  if (list_ == nullptr) return;
  (previous_ != nullptr ? previous_->next_ : list_->first_) = next_;
  (next_ != nullptr ? next_->previous_ : list_->last_) = previous_;
  list_ = nullptr;
}

/// One direction of a stream: one operation at a time is in it, the others wait in order.
class lane {
 public:
  [[nodiscard]] bool try_take() noexcept {
    if (busy_) return false;
    busy_ = true;
    return true;
  }
  /// Passes the lane on to the operation that has waited longest; it is woken as the owner.
  void release() {
    if (waiting.empty())
      busy_ = false;
    else
      waiting.wake_first();
  }
  waiter_list waiting;

 private:
  bool busy_ = false;
};

} // namespace detail
} // namespace tlsmode

#endif
