// SPDX-License-Identifier: BSL-1.0
// A slow link: two connected TCP pairs with a relay between them that hands the client one segment after the
// other, at a given rate; towards the server everything goes at once.
#ifndef TLSMODE_BENCH_PACED_RELAY_HPP
#define TLSMODE_BENCH_PACED_RELAY_HPP

#include "loopback.hpp"

#include <cstddef>
#include <thread>

namespace bench {

class paced_relay {
 public:
  static constexpr std::size_t segment = 1448; // bytes of TCP over Ethernet with IPv4 and time stamps

  explicit paced_relay(double bytes_per_second);
  paced_relay(const paced_relay&) = delete;
  paced_relay& operator=(const paced_relay&) = delete;
  // Ends what is under way.
  ~paced_relay();

  tcp_pair ends; // for the two programs: move them out

 private:
  tcp_pair to_client_, to_server_; // each the other end of one of `ends`
  std::thread down_, up_;
};

} // namespace bench

#endif
