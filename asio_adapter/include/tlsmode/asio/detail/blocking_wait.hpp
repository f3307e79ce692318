// SPDX-License-Identifier: BSL-1.0
// Waiting by poll(2), for the synchronous operations, and how long anybody waits for a last alert.
#ifndef TLSMODE_ASIO_DETAIL_BLOCKING_WAIT_HPP
#define TLSMODE_ASIO_DETAIL_BLOCKING_WAIT_HPP

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <vector>

namespace tlsmode::detail {

/// How long a failed connection waits for room for its last alert.
constexpr auto alert_patience = std::chrono::seconds(2);

/// That time, from the first question on: it runs for all of the alert, however little of it the peer takes
/// at once.
class alert_clock {
 public:
  /// What is left of it; never negative.
  [[nodiscard]] std::chrono::milliseconds left() {
    const auto now = std::chrono::steady_clock::now();
    if (until_ == std::chrono::steady_clock::time_point()) until_ = now + alert_patience;
    return until_ > now ? std::chrono::ceil<std::chrono::milliseconds>(until_ - now)
                        : std::chrono::milliseconds(0);
  }

 private:
  std::chrono::steady_clock::time_point until_{};
};

/// True for what a non-blocking layer answers instead of waiting.
[[nodiscard]] inline bool is_would_block(const boost::system::error_code& ec) noexcept {
  return ec == boost::asio::error::would_block || ec == boost::asio::error::try_again;
}

/// Waits until the descriptor can be read or written, as asked, or `timeout_ms` (-1: for ever) have passed.
/// Returns false on the timeout.
bool wait_for_socket(int descriptor, bool read, bool write, int timeout_ms) noexcept;

/// Waits until one of a paused job's descriptors is readable, at most a millisecond: a job may also be ready
/// without saying so.
void wait_for_job(const std::vector<int>& descriptors) noexcept;

} // namespace tlsmode::detail

#endif
