// SPDX-License-Identifier: BSL-1.0
// What the kernel knows of a peer's reading. A blocked write says little: the kernel takes megabytes on its own,
// and lets us write again only when a good part of them is gone.
#ifndef EXAMPLES_HTTPS_SERVER_TCP_PROGRESS_HPP
#define EXAMPLES_HTTPS_SERVER_TCP_PROGRESS_HPP

#include <cstdint>

namespace https_server {

struct tcp_progress {
  std::uint64_t acknowledged = 0; ///< bytes that have reached the peer so far
  bool all_acknowledged = true;   ///< nothing is waiting in the kernel, so closing loses nothing
};

/// Looks at a connected socket; if the kernel does not tell, nothing ever moves.
[[nodiscard]] tcp_progress tcp_progress_of(int socket) noexcept;

} // namespace https_server

#endif
