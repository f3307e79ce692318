// SPDX-License-Identifier: BSL-1.0
// The one synchronous driver: the asynchronous one's loop, with blocking waits. On a socket that the user
// made non-blocking it reports would_block instead of waiting, and the same call goes on later.
#ifndef TLSMODE_ASIO_DETAIL_SYNC_DRIVER_HPP
#define TLSMODE_ASIO_DETAIL_SYNC_DRIVER_HPP

#include <tlsmode/asio/error.hpp>

#include <tlsmode/asio/detail/blocking_wait.hpp>
#include <tlsmode/asio/detail/stream_state.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>

#include <chrono>

namespace tlsmode::detail {

template <class NextLayer, class Action>
class sync_driver {
 public:
  sync_driver(stream_state<NextLayer>& state, Action action) : state_(state), action_(std::move(action)) {}
  ~sync_driver() { state_.release(held_); }
  sync_driver(const sync_driver&) = delete;
  sync_driver& operator=(const sync_driver&) = delete;

  std::size_t run(boost::system::error_code& ec) {
    ec = {};
    if (action_.trivial()) return 0;
    state_.drained = false; // whoever polls a non-blocking socket wants the kernel asked
    for (;;) {
      if (!take_lanes()) {
        ec = to_boost(error::operation_in_progress);
        return 0;
      }
      const bool was_paused = state_.eng.job_paused();
      auto t = state_.transport();
      const step s = action_.run(state_.eng, t);
      if (was_paused && !state_.eng.job_paused() && state_.jobs) state_.job_ended();
      if (s.complete()) {
        if (s.error || !action_.next_part()) {
          ec = to_boost(s.error);
          return s.bytes;
        }
        continue;
      }
      if (!wait(s.why, ec)) return 0;
    }
  }

 private:
  bool take_lanes() {
    const unsigned needed = action_.lanes(state_.eng);
    state_.release(held_ & ~needed);
    held_ &= needed;
    for (const unsigned bit : {write_lane, read_lane}) {
      if ((needed & ~held_ & bit) == 0) continue;
      if (!state_.lane_of(bit).try_take()) return false;
      held_ |= bit;
    }
    return true;
  }

  // False if the operation is over, with `ec` set.
  bool wait(suspend why, boost::system::error_code& ec) {
    const bool may_block = !state_.next->non_blocking();
    switch (why) {
    case suspend::want_read:
      if (state_.eng.flush_pending() && may_block) {
        // The peer may be waiting for what we hold back before it sends what we wait for.
        wait_for_socket(state_.next->native_handle(), true, true, -1);
      } else {
        state_.next->wait(net::socket_base::wait_read, ec);
      }
      state_.drained = false;
      return !ec;
    case suspend::want_write:
      if (state_.eng.alert_pending()) {
        // Who may not block hears of the failure at once, and would not come back for the alert.
        // The time runs for all of the alert, however little of it the peer takes at once.
        if (alert_until_ == clock::time_point()) alert_until_ = clock::now() + alert_patience;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(alert_until_ - clock::now());
        const int ms = may_block && left.count() > 0 ? static_cast<int>(left.count()) : 0;
        if (!wait_for_socket(state_.next->native_handle(), false, true, ms)) state_.eng.drop_output();
        return true;
      }
      state_.next->wait(net::socket_base::wait_write, ec);
      return !ec;
    case suspend::want_turn: ec = to_boost(error::operation_in_progress); return false;
    case suspend::want_async:
    case suspend::want_async_job:
    case suspend::want_client_hello:
    case suspend::want_certificate:
    case suspend::want_verify:
      if (!may_block) {
        ec = net::error::would_block;
        return false;
      }
      wait_for_job(state_.eng.job_descriptors());
      return true;
    case suspend::none: break;
    }
    return false;
  }

  stream_state<NextLayer>& state_;
  Action action_;
  unsigned held_ = no_lane;
  using clock = std::chrono::steady_clock;
  clock::time_point alert_until_{};
};

} // namespace tlsmode::detail

#endif
