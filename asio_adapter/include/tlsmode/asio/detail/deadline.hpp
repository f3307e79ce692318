// SPDX-License-Identifier: BSL-1.0
// The time limit of a stream's operations: each takes the limit that is set when it starts, and one timer
// serves them all. Nothing of it exists before a limit is first set. Knows no TLS.
#ifndef TLSMODE_ASIO_DETAIL_DEADLINE_HPP
#define TLSMODE_ASIO_DETAIL_DEADLINE_HPP

#include <tlsmode/asio/detail/waiters.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detail/handler_tracking.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

/// One operation under a limit. What it waits for hears of the user's cancellation and of the limit through
/// `signal`.
class deadline_node : public std::enable_shared_from_this<deadline_node>, public self_leaving {
 public:
  explicit deadline_node(net::steady_timer::time_point limit) noexcept : when(limit) {}
  deadline_node(const deadline_node&) = delete;
  deadline_node& operator=(const deadline_node&) = delete;

  void leave() noexcept {
    if (is_linked()) unlink();
  }

  net::cancellation_signal signal;
  const net::steady_timer::time_point when;
  bool expired = false;
};

class deadline_list {
 public:
  using time_point = net::steady_timer::time_point;

  explicit deadline_list(const net::any_io_executor& ex) : timer(ex) {}

  [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
  void add(deadline_node& n) noexcept { list_.push_back(n); }
  /// When the next limit is reached; precondition: not empty.
  [[nodiscard]] time_point first_due() const noexcept {
    time_point first = time_point::max();
    for (const deadline_node& n : list_) first = std::min(first, n.when);
    return first;
  }
  /// Ends the operations whose limit has passed.
  void expire(time_point now);

  net::steady_timer timer;
  time_point limit = time_point::max(); // of the operations that start from now on
  unsigned watches = 0;                 // begun so far; only the last one counts
  bool watching = false;                // it waits on the timer

 private:
  list_of<deadline_node> list_;
};

/// An operation's place among those under a limit; given up with the operation, also if that is destroyed
/// without completing. The user's cancellation slot may hold the node longer.
class deadline_membership {
 public:
  deadline_membership() = default;
  explicit deadline_membership(std::shared_ptr<deadline_node> node) noexcept : node_(std::move(node)) {}
  deadline_membership(deadline_membership&&) noexcept = default;
  deadline_membership& operator=(deadline_membership&& other) noexcept {
    if (node_) node_->leave();
    node_ = std::move(other.node_);
    return *this;
  }
  ~deadline_membership() {
    if (node_) node_->leave();
  }
  explicit operator bool() const noexcept { return node_ != nullptr; }
  [[nodiscard]] const std::shared_ptr<deadline_node>& node() const noexcept { return node_; }

 private:
  std::shared_ptr<deadline_node> node_;
};

/// Waits for the limits, for as long as any operation is under one. Runs where such an operation runs.
template <class StatePtr, class Executor>
class deadline_watch {
 public:
  using executor_type = Executor;
  deadline_watch(StatePtr state, Executor ex) : state_(std::move(state)), ex_(std::move(ex)) {}
  [[nodiscard]] executor_type get_executor() const noexcept { return ex_; }

  void wait() {
    deadline_list& d = *state_->deadlines;
    d.watching = true;
    number_ = ++d.watches;
    d.timer.expires_at(d.first_due());
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, "time limit"));
    d.timer.async_wait(std::move(*this));
  }

  void operator()(boost::system::error_code) {
    deadline_list& d = *state_->deadlines;
    if (number_ != d.watches) return; // another one has taken over
    d.watching = false;
    if (state_->next == nullptr) return;
    const StatePtr keep = state_;
    d.expire(net::steady_timer::clock_type::now());
    if (!d.empty() && !d.watching) wait();
  }

 private:
  StatePtr state_;
  Executor ex_;
  unsigned number_ = 0;
};

} // namespace detail
} // namespace tlsmode

#endif
