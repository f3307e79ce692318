// SPDX-License-Identifier: BSL-1.0
// Waiting by poll(2), for the synchronous operations.
#include <tlsmode/asio/detail/blocking_wait.hpp>

#include <cerrno>
#include <poll.h>

namespace tlsmode::detail {

bool wait_for_socket(int descriptor, bool read, bool write, int timeout_ms) noexcept {
  pollfd p{descriptor, static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0)), 0};
  int rc = 0;
  do rc = ::poll(&p, 1, timeout_ms);
  while (rc < 0 && errno == EINTR);
  return rc != 0;
}

void wait_for_job(const std::vector<int>& descriptors) noexcept {
  constexpr std::size_t most = 16;
  pollfd fds[most];
  const std::size_t n = descriptors.size() < most ? descriptors.size() : most;
  for (std::size_t i = 0; i < n; ++i) fds[i] = {descriptors[i], POLLIN, 0};
  (void)::poll(fds, n, 1);
}

} // namespace tlsmode::detail
