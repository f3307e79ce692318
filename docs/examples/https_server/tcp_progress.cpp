// SPDX-License-Identifier: BSL-1.0
// Asking the kernel with TCP_INFO. In a file of its own: the C library's tcp_info is older than the kernel's, and
// the two headers do not go together.
#include "tcp_progress.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace https_server {

tcp_progress tcp_progress_of(int socket) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return {info.tcpi_bytes_acked, info.tcpi_notsent_bytes == 0 && info.tcpi_unacked == 0};
}

} // namespace https_server
