// SPDX-License-Identifier: BSL-1.0
// What a running operation knows of its end before its time: the signals that came, the types that it heeds
// now, and its time limit. Knows no TLS.
#ifndef TLSMODE_ASIO_DETAIL_OPERATION_CANCELLATION_HPP
#define TLSMODE_ASIO_DETAIL_OPERATION_CANCELLATION_HPP

#include <tlsmode/asio/detail/deadline.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>

namespace tlsmode::detail {

class operation_cancellation {
 public:
  using types = net::cancellation_type;
  static constexpr types all = types::terminal | types::partial | types::total;
  static constexpr types no_total = types::terminal | types::partial;

  /// Heeds these types from now on. `user` is the slot of the handler. Signals that came before are
  /// forgotten.
  template <class Slot>
  void accept(const Slot& user, types t) {
    accepted_ = t;
    if (limit_)
      state_ = net::cancellation_state(limit_.node()->signal.slot(), only{t}, only{t});
    else
      state_ = net::cancellation_state(user, only{t}, only{t}); // slots of other libraries filter further
  }
  [[nodiscard]] types accepted() const noexcept { return accepted_; }
  /// True if a signal of such a type has come.
  [[nodiscard]] bool came(types t) const noexcept { return (state_.cancelled() & t) != types::none; }
  [[nodiscard]] bool came() const noexcept { return came(accepted_); }
  /// Where what the operation waits for hears of it.
  [[nodiscard]] net::cancellation_slot slot() const noexcept { return state_.slot(); }

  /// Puts the operation under the limit of `deadlines`: the user's signals then come by way of the limit's.
  /// False if it is too late already.
  template <class Slot, class Allocator>
  bool begin_limit(const deadline_list& deadlines, Slot user, const Allocator& alloc) {
    if (deadlines.limit <= net::steady_timer::clock_type::now()) return false;
    limit_ = deadline_membership(std::allocate_shared<deadline_node>(alloc, deadlines.limit));
    if (user.is_connected()) user.assign([node = limit_.node()](types type) { node->signal.emit(type); });
    accept(user, accepted_);
    return true;
  }
  /// Null without a limit.
  [[nodiscard]] deadline_node* limit() const noexcept { return limit_ ? limit_.node().get() : nullptr; }
  [[nodiscard]] bool late() const noexcept { return limit_ && limit_.node()->expired; }
  void end_limit() noexcept { limit_ = {}; }

 private:
  struct only {
    types mask;
    types operator()(types t) const noexcept { return t & mask; }
  };

  net::cancellation_state state_;
  deadline_membership limit_; // while a time limit is set
  types accepted_ = all;
};

} // namespace tlsmode::detail

#endif
