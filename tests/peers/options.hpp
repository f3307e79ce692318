// SPDX-License-Identifier: BSL-1.0
// The command line of tls_peer.
#ifndef TESTS_PEERS_OPTIONS_HPP
#define TESTS_PEERS_OPTIONS_HPP

#include <cstdint>
#include <string>
#include <string_view>

namespace peers {

/// What a server does with a connection.
enum class service : std::uint8_t {
  echo,  ///< send back what comes, until the peer's close_notify
  sink,  ///< take all, then answer "COUNT SHA-256\n": a half-close of the peer
  send,  ///< send the file at once
  answer ///< send the file after a blank line: a request of HTTP
};

/// How our side of a connection ends.
enum class ending : std::uint8_t {
  notify, ///< close_notify
  wait,   ///< close_notify, and the peer's is waited for
  cut,    ///< TCP's end alone
  reset   ///< a reset of TCP
};

struct options {
  bool server = false;
  std::uint16_t port = 0;
  std::string host = "localhost"; ///< that a client checks
  std::string cert, key;
  std::string ca;        ///< a client's authorities, a server's for clients
  bool ask_only = false; ///< a server lets clients without a certificate in
  std::string version;   ///< "1.2", "1.3" or empty for both
  std::string alpn;
  service what = service::echo;
  std::string send;         ///< file to send
  std::string receive;      ///< file to write what is received to
  std::uint64_t until = 0;  ///< a client has enough after so many bytes; 0: never
  unsigned times = 1;       ///< connections of a client, one after the other
  bool half_close = false;  ///< a client sends close_notify after the file and goes on reading
  bool update_keys = false; ///< a client asks for new keys of both sides in the middle of the file
  bool forget = false;      ///< a client resumes nothing, a server lets nobody
  ending end = ending::notify;
};

/// Throws std::invalid_argument.
options parse_options(int argc, char** argv);
/// The text of --help.
std::string_view usage();

} // namespace peers

#endif
