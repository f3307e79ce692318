// SPDX-License-Identifier: BSL-1.0
// What happens to a connection, as a list of small actions: made at random, printed, read again, and made
// shorter. Knows no streams.
#ifndef TLSMODE_TESTS_DIFFERENTIAL_SCRIPT_HPP
#define TLSMODE_TESTS_DIFFERENTIAL_SCRIPT_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tlsmode::test {

/// The letters are how an action is written.
enum class act : char {
  handshake = 'H',
  read_some = 'r',  ///< into n bytes
  read = 'R',       ///< net::async_read of n bytes
  write_some = 'w', ///< of n bytes
  gather = 'g',     ///< write_some of n bytes in several buffers
  write = 'W',      ///< net::async_write of n bytes, in several buffers
  shutdown = 'S',
  cancel_read = 'c', ///< terminal
  cancel_write = 'C',
  cancel_partly = 'q', ///< the read, with the partial type
  peer_writes = 'p',   ///< n bytes, as one record or more
  peer_closes = 'n',   ///< close_notify
  peer_ends = 'e',     ///< the end of the connection, as seen by reads
  peer_tears = 't',    ///< half of a record, then the end
  peer_breaks = 'b',   ///< bytes that are no TLS
  reset = 'x',         ///< both ways fail
  stop_taking = 's',   ///< nothing more goes to the peer,
  go_on_taking = 'u',  ///< until it does
  chunk = 'k'          ///< the layer moves n bytes at once
};

struct action {
  act what = act::handshake;
  std::size_t n = 0;
};

/// A whole case: who the streams are, and what happens to them.
struct script {
  bool client = true;
  bool tls13 = true;
  std::vector<action> actions;
};

[[nodiscard]] std::string to_string(const script& s);
/// Throws std::invalid_argument.
[[nodiscard]] script parse_script(std::string_view text);
[[nodiscard]] script random_script(std::uint64_t seed);
/// A shorter script for which `fails` is still true: none of its actions can be left out.
[[nodiscard]] script shrink(script s, const std::function<bool(const script&)>& fails);

} // namespace tlsmode::test

#endif
