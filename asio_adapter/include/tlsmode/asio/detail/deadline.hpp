// SPDX-License-Identifier: BSL-1.0
// The time limit of a stream's operations: each takes the limit that is set when it starts, and one timer
// serves them all. Nothing of it exists before a limit is first set. Knows no TLS.
#ifndef TLSMODE_ASIO_DETAIL_DEADLINE_HPP
#define TLSMODE_ASIO_DETAIL_DEADLINE_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

class deadline_list;

/// One operation under a limit. What it waits for hears of the user's cancellation and of the limit through
/// `signal`.
class deadline_node : public std::enable_shared_from_this<deadline_node> {
 public:
  explicit deadline_node(net::steady_timer::time_point limit) noexcept : when(limit) {}
  ~deadline_node() { leave(); }
  deadline_node(const deadline_node&) = delete;
  deadline_node& operator=(const deadline_node&) = delete;

  void leave() noexcept;

  net::cancellation_signal signal;
  const net::steady_timer::time_point when;
  bool expired = false;

 private:
  friend class deadline_list;
  deadline_list* list_ = nullptr;
  deadline_node* previous_ = nullptr;
  deadline_node* next_ = nullptr;
};

class deadline_list {
 public:
  using time_point = net::steady_timer::time_point;

  explicit deadline_list(const net::any_io_executor& ex) : timer(ex) {}

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  void add(deadline_node& n) noexcept {
    n.list_ = this;
    n.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &n;
    first_ = &n;
  }
  /// When the next limit is reached; precondition: not empty.
  [[nodiscard]] time_point first_due() const noexcept {
    time_point first = time_point::max();
    for (const deadline_node* n = first_; n != nullptr; n = n->next_) first = std::min(first, n->when);
    return first;
  }
  /// Ends the operations whose limit has passed.
  void expire(time_point now) {
    for (deadline_node* n = find_due(now); n != nullptr; n = find_due(now)) {
      const auto keep = n->shared_from_this(); // its operation may complete meanwhile
      n->leave();
      n->expired = true;
      n->signal.emit(net::cancellation_type::terminal);
    }
  }

  net::steady_timer timer;
  time_point limit = time_point::max(); // of the operations that start from now on
  unsigned watches = 0;                 // begun so far; only the last one counts
  bool watching = false;                // it waits on the timer

 private:
  friend class deadline_node;
  [[nodiscard]] deadline_node* find_due(time_point now) const noexcept {
    deadline_node* n = first_;
    while (n != nullptr && n->when > now) n = n->next_;
    return n;
  }
  deadline_node* first_ = nullptr;
};

inline void deadline_node::leave() noexcept {
  if (list_ == nullptr) return;
  (previous_ != nullptr ? previous_->next_ : list_->first_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  list_ = nullptr;
}

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
