// SPDX-License-Identifier: BSL-1.0
// Operations that wait for each other instead of for the socket: a waiter is a timer that never expires, in a
// first-in first-out list. Knows no TLS.
#ifndef TLSMODE_ASIO_DETAIL_WAITERS_HPP
#define TLSMODE_ASIO_DETAIL_WAITERS_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <memory>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

namespace intrusive = boost::intrusive;

/// What a list of suspended operations is made of: an operation that goes away leaves its list by itself.
using self_leaving = intrusive::list_base_hook<intrusive::link_mode<intrusive::auto_unlink>>;
template <class T>
using list_of = intrusive::list<T, intrusive::constant_time_size<false>>;

/// One suspended operation. Its owner waits on `timer`; whoever has what it waits for calls wake().
class waiter : public self_leaving {
 public:
  explicit waiter(const net::any_io_executor& ex) : timer(ex, net::steady_timer::time_point::max()) {}
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

  void wake() {
    unlink();
    woken = true;
    timer.cancel();
  }

  net::steady_timer timer;
  bool woken = false;
  // What the operation had waited for, and how that ended, if it has to wait once more before it can go on.
  struct {
    unsigned char what = 0;
    bool woken = false;
    boost::system::error_code ec;
  } before;
};

class waiter_list {
 public:
  [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
  void add(waiter& w) noexcept { list_.push_back(w); }
  void wake_first() { list_.front().wake(); }
  void wake_all() {
    while (!list_.empty()) list_.front().wake();
  }

 private:
  list_of<waiter> list_;
};

/// What operations wait for besides a lane: that another one's paused job ends, that the flusher has sent or
/// an alert is gone, that another one has received, that the engine is back.
enum class rare_wait : unsigned char { turn, drain, arrival, engine };

/// Their lists. Most streams never need them: they are made when an operation first waits in one.
class rare_waits {
 public:
  [[nodiscard]] waiter_list& list(rare_wait w) {
    if (!lists_) lists_ = std::make_unique<std::array<waiter_list, 4>>();
    return (*lists_)[static_cast<std::size_t>(w)];
  }
  [[nodiscard]] bool empty(rare_wait w) const noexcept {
    return !lists_ || (*lists_)[static_cast<std::size_t>(w)].empty();
  }
  void wake_all(rare_wait w) {
    if (lists_) list(w).wake_all();
  }
  void wake_all() {
    if (!lists_) return;
    for (waiter_list& l : *lists_) l.wake_all();
  }

 private:
  std::unique_ptr<std::array<waiter_list, 4>> lists_;
};

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
