// SPDX-License-Identifier: BSL-1.0
// Steps on a job thread: the part that depends on no executor type.
#include <tlsmode/asio/detail/offload.hpp>

namespace tlsmode::detail {

offload::offload(const net::any_io_executor& io) : timer(io, net::steady_timer::time_point::max()) {}
offload::~offload() = default;

std::error_code offload::pin(bool job_paused) {
  if (wanted && !job_paused) home = std::exchange(wanted, {});
  if (home) return {};
  try {
    home = job_threads::shared().next();
  } catch (const std::system_error& e) { // there are no more threads to be had
    return e.code();
  }
  return {};
}

} // namespace tlsmode::detail
