// SPDX-License-Identifier: BSL-1.0
// How big the records of a write are: dynamic record sizing. A receiver cannot read a byte of a record before
// the last one has arrived. A connection that begins with small records shows its first bytes after one
// segment instead of a dozen, which may take a round trip more; full ones cost less per byte afterwards.
#ifndef TLSMODE_RECORD_SIZING_HPP
#define TLSMODE_RECORD_SIZING_HPP

#include <chrono>
#include <cstdint>

namespace tlsmode {

/// For engine::set_record_sizing(). The numbers here suit TCP over Ethernet.
struct record_sizing {
  /// Most plaintext bytes in a small record; 0 counts as 1. This many fit one segment of 1428 bytes (IPv6
  /// with time stamps, RFC 8200, RFC 7323) with any cipher suite of TLS 1.2 and 1.3.
  std::uint32_t small = 1340;
  /// How many records are small before they are full: at first, and again after a pause. 40 of them are what
  /// a congestion window of 10 segments (RFC 6928) has grown to after two round trips.
  std::uint32_t count = 40;
  /// Time without a write after which small ones come again: the congestion window may have shrunk (RFC 5681
  /// section 4.1).
  std::chrono::milliseconds pause{1000};
};

} // namespace tlsmode

#endif
