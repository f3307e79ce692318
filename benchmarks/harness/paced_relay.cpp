// SPDX-License-Identifier: BSL-1.0
// A slow link. See paced_relay.hpp.
#include "paced_relay.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <sys/socket.h>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

bool send_all(int to, const char* data, std::size_t n) noexcept {
  while (n > 0) {
    const ssize_t sent = ::send(to, data, n, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    data += sent;
    n -= static_cast<std::size_t>(sent);
  }
  return true;
}

// Until one of the sides ends. Without a rate: as fast as it goes.
void pass_on(int from, int to, double bytes_per_second) noexcept {
  std::array<char, paced_relay::segment> block;
  clock::time_point free_again = clock::now(); // when the link has sent what it was given
  for (;;) {
    const ssize_t got = ::recv(from, block.data(), block.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    if (bytes_per_second > 0) {
      const std::chrono::duration<double> takes(static_cast<double>(got) / bytes_per_second);
      free_again = std::max(free_again, clock::now()) + std::chrono::duration_cast<clock::duration>(takes);
      std::this_thread::sleep_until(free_again);
    }
    if (!send_all(to, block.data(), static_cast<std::size_t>(got))) break;
  }
  ::shutdown(to, SHUT_WR);
}

void end(const unique_fd& fd) noexcept { ::shutdown(fd.value(), SHUT_RDWR); }

} // namespace

paced_relay::paced_relay(double bytes_per_second) {
  to_client_ = loopback().connect();
  to_server_ = loopback().connect();
  ends.client = std::move(to_client_.client);
  ends.server = std::move(to_server_.server);
  const int client = to_client_.server.value(), server = to_server_.client.value();
  down_ = std::thread([=] { pass_on(server, client, bytes_per_second); });
  up_ = std::thread([=] { pass_on(client, server, 0); });
}

paced_relay::~paced_relay() {
  end(to_client_.server);
  end(to_server_.client);
  down_.join();
  up_.join();
}

} // namespace bench
