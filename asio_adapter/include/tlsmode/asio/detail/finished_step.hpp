// SPDX-License-Identifier: BSL-1.0
// An operation that is over for the engine, but not for the channel.
#ifndef TLSMODE_ASIO_DETAIL_FINISHED_STEP_HPP
#define TLSMODE_ASIO_DETAIL_FINISHED_STEP_HPP

#include <tlsmode/suspend.hpp>

#include <tlsmode/asio/detail/blocking_wait.hpp>

#include <chrono>

namespace tlsmode::detail {

/// The step with which the engine has completed an operation whose bytes are with the channel yet.
template <bool ChannelHoldsBytes>
struct finished_step {
  static constexpr bool over = false;
  [[nodiscard]] static step result() noexcept { return {}; }
  [[nodiscard]] static std::chrono::milliseconds patience() noexcept { return alert_patience; }
};
template <>
struct finished_step<true> {
  [[nodiscard]] const step& result() const noexcept { return result_; }
  void set(const step& s, bool not_yet) noexcept {
    result_ = s;
    over = not_yet;
  }
  [[nodiscard]] std::chrono::milliseconds patience() { return alert_.left(); }
  bool over = false;
  bool given_up = false; // the peer does not take the last alert

 private:
  step result_;
  alert_clock alert_;
};

} // namespace tlsmode::detail

#endif
