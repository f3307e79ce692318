// SPDX-License-Identifier: BSL-1.0
// What the two sides of the soak test agree on, and the settings of a run.
//
// A client sends a header, then `up` bytes of a pattern, then close_notify. The server checks them, sends
// `down` bytes of another pattern at the same time, and at last how many bytes it has checked, then
// close_notify.
#ifndef TESTS_SOAK_SOAK_HPP
#define TESTS_SOAK_SOAK_HPP

#include <chrono>
#include <cstdint>
#include <string>

namespace soak {

struct header {
  std::uint64_t seed = 0; ///< of what the client sends; the server's is the complement
  std::uint64_t up = 0, down = 0;
};

struct settings {
  std::uint16_t port = 0;
  std::string cert, key, ca;
  unsigned idle = 0;              ///< connections to open and keep until a line comes on standard input
  unsigned parallel = 1;          ///< exchanges at a time
  std::uint64_t exchanges = 0;    ///< in all; 0: until the time is over
  std::chrono::seconds time{60};  ///< no exchange begins after this, and no idle connection
  std::uint64_t up = 0, down = 0; ///< bytes of an exchange, at most
  bool random_sizes = false;      ///< from 0 to that
  std::uint64_t write_size = 16384, read_size = 16384;
  std::chrono::milliseconds write_pause{0}, read_pause{0};
  std::chrono::seconds slow_time{3600}; ///< pauses end after this
  std::chrono::seconds patience{60};    ///< of one connection
  int buffer = 0; ///< of the sockets: a server's to send, a client's to receive; 0: the system's
  std::uint64_t seed = 1;
  bool resume = false;
  std::string version; ///< "1.2", "1.3" or empty for both
};

/// Serves until SIGTERM; prints one line of JSON at each SIGUSR1 and at the end.
void run_server(const settings& s);
/// Runs exchanges and prints one line of JSON at the end, and, with idle connections, one when they are open.
void run_clients(const settings& s);

} // namespace soak

#endif
