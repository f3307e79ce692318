// SPDX-License-Identifier: BSL-1.0
// Waiting by poll(2), for the synchronous operations.
#ifndef TLSMODE_ASIO_DETAIL_BLOCKING_WAIT_HPP
#define TLSMODE_ASIO_DETAIL_BLOCKING_WAIT_HPP

#include <chrono>
#include <vector>

namespace tlsmode::detail {

/// How long a failed connection waits for room for its last alert.
constexpr auto alert_patience = std::chrono::seconds(2);

/// Waits until the descriptor can be read or written, as asked, or `timeout_ms` (-1: for ever) have passed.
/// Returns false on the timeout.
bool wait_for_socket(int descriptor, bool read, bool write, int timeout_ms) noexcept;

/// Waits until one of a paused job's descriptors is readable, at most a millisecond: a job may also be ready
/// without saying so.
void wait_for_job(const std::vector<int>& descriptors) noexcept;

} // namespace tlsmode::detail

#endif
