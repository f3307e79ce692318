// SPDX-License-Identifier: BSL-1.0
// An operation that is over for the engine, but not for the channel.
#ifndef TLSMODE_ASIO_DETAIL_FINISHED_STEP_HPP
#define TLSMODE_ASIO_DETAIL_FINISHED_STEP_HPP

#include <tlsmode/engine.hpp>

#include <tlsmode/asio/detail/blocking_wait.hpp>

#include <chrono>

namespace tlsmode::detail {

/// The step with which the engine has completed an operation whose bytes are with the channel yet. A channel
/// that holds none has no such operations.
template <bool ChannelHoldsBytes>
struct finished_step {
  static constexpr bool over = false;
  [[nodiscard]] static step result() noexcept { return {}; }
  template <class Channel>
  [[nodiscard]] static bool still_with(const Channel&, const step&, bool, const engine&) noexcept {
    return false;
  }
  [[nodiscard]] static std::chrono::milliseconds patience() noexcept { return alert_patience; }
};

template <>
struct finished_step<true> {
  bool over = false;
  [[nodiscard]] const step& result() const noexcept { return result_; }
  /// Remembers the step if what was sealed is with the channel yet, and the operation has to wait for that.
  template <class Channel>
  [[nodiscard]] bool still_with(const Channel& c, const step& s, bool flushes, const engine& e) noexcept {
    // A connection that has failed owes the peer an alert; other errors have nothing to wait for.
    const bool owed = s.error ? e.state() == connection_state::failed : flushes;
    result_ = s;
    over = owed && c.unsent() && !c.given_up();
    return over;
  }
  [[nodiscard]] std::chrono::milliseconds patience() { return alert_.left(); }

 private:
  step result_;
  alert_clock alert_;
};

} // namespace tlsmode::detail

#endif
