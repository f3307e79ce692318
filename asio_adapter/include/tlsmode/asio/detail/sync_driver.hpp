// SPDX-License-Identifier: BSL-1.0
// The one synchronous driver: the asynchronous one's loop, with blocking waits. On a socket that the user
// made non-blocking it reports would_block instead of waiting, and the same call goes on later.
#ifndef TLSMODE_ASIO_DETAIL_SYNC_DRIVER_HPP
#define TLSMODE_ASIO_DETAIL_SYNC_DRIVER_HPP

#include <tlsmode/asio/error.hpp>

#include <tlsmode/asio/detail/blocking_wait.hpp>
#include <tlsmode/asio/detail/stream_state.hpp>

#include <boost/asio/error.hpp>

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
    const std::size_t n = run_to_the_end(ec);
    if (ec && ec == state_.channel.send_error()) state_.eng.output_lost(ec, Action::kind);
    return n;
  }

 private:
  std::size_t run_to_the_end(boost::system::error_code& ec) {
    ec = {};
    if (action_.trivial()) return 0;
    if (state_.away) {
      ec = to_boost(error::operation_in_progress);
      return 0;
    }
    if constexpr (requires { Action::needs_async(state_.eng); })
      if (Action::needs_async(state_.eng)) {
        ec = to_boost(error::hooks_need_async);
        return 0;
      }
    state_.channel.refresh();
    for (;;) {
      if (!take_lanes()) {
        ec = to_boost(error::operation_in_progress);
        return 0;
      }
      if (state_.eng.may_pause()) state_.prepare_jobs();
      const bool was_paused = state_.eng.job_paused();
      decltype(auto) t = state_.transport();
      const step s = action_.run(state_.eng, t);
      if (was_paused && !state_.eng.job_paused() && state_.jobs) state_.job_ended();
      if (!s.complete()) {
        if (!wait(s.why, ec)) return 0;
        continue;
      }
      if (s.error) {
        // A connection that has failed owes the peer an alert; other errors leave what waits to be sent
        // alone.
        const bool failed = state_.eng.state() == connection_state::failed;
        if (failed && state_.channel.unsent() && !send_alert()) state_.channel.drop_unsent();
        ec = state_.channel.restore(s.error);
        return s.bytes;
      }
      // A write that is complete for the engine is reported even if a non-blocking layer takes no more: the
      // rest goes out with the next operation. A handshake or a shutdown is called again.
      boost::system::error_code sending;
      while (Action::flushes && state_.channel.unsent() && !state_.channel.sending() && !sending)
        state_.channel.send(*state_.next, sending);
      if (sending && (!is_would_block(sending) || !Action::has_bytes)) ec = sending;
      if (ec || !action_.next_part()) return ec ? 0 : s.bytes;
    }
  }

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
    const bool may_block = channel_type::may_block(*state_.next);
    switch (why) {
    case suspend::want_read: state_.channel.receive(*state_.next, state_.output_pending(), ec); return !ec;
    case suspend::want_write:
      if (state_.eng.alert_pending()) {
        if (!send_alert()) state_.eng.drop_output();
        return true;
      }
      state_.channel.send(*state_.next, ec);
      return !ec;
    case suspend::want_turn: ec = to_boost(error::operation_in_progress); return false;
    case suspend::want_async:
    case suspend::want_async_job:
    case suspend::want_client_hello:
    case suspend::want_certificate:
    case suspend::want_verify:
      if (!may_block) {
        if (why == suspend::want_async_job) state_.eng.leave_slot_queue(); // it may never be repeated
        ec = net::error::would_block;
        return false;
      }
      wait_for_job(state_.eng.job_descriptors());
      return true;
    case suspend::none: break;
    }
    return false;
  }

  // Who may not block hears of a failure at once, and would not come back for the alert.
  bool send_alert() {
    const bool may_block = channel_type::may_block(*state_.next);
    return state_.channel.send_alert(*state_.next, may_block ? alert_.left() : std::chrono::milliseconds(0));
  }

  using channel_type = channel_for<NextLayer>;

  stream_state<NextLayer>& state_;
  Action action_;
  unsigned held_ = no_lane;
  alert_clock alert_;
};

} // namespace tlsmode::detail

#endif
