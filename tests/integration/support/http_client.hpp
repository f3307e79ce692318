// SPDX-License-Identifier: BSL-1.0
// Just enough HTTP to look at what a server really sends. Deliberately not made with Beast.
#ifndef TESTS_INTEGRATION_HTTP_CLIENT_HPP
#define TESTS_INTEGRATION_HTTP_CLIENT_HPP

#include "tls_client.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace integration {

struct http_reply {
  unsigned status = 0;
  std::string header; ///< with the status line, without the empty line
  std::string body;   ///< without chunk sizes
  /// The value of a field, or "".
  [[nodiscard]] std::string field(std::string_view name) const;
};

/// Requests and replies over one TLS connection.
class http_client : public tls_client {
 public:
  using tls_client::tls_client;

  /// A request without a body; `more` are whole lines that end in CRLF.
  [[nodiscard]] static std::string request(std::string_view method, std::string_view target,
                                           std::string_view more = "", std::string_view version = "HTTP/1.1");
  /// Sends it and reads the reply.
  http_reply exchange(std::string_view bytes, bool head_only = false) {
    write(bytes);
    return reply(head_only);
  }
  http_reply get(std::string_view target) { return exchange(request("GET", target)); }

  /// Reads one reply: by length, by chunks, or up to close_notify. Throws std::runtime_error if it is cut
  /// short.
  http_reply reply(bool head_only = false);
  /// Reads one reply header only; what follows is left for body_bytes().
  http_reply reply_header();
  /// Some bytes of a body; empty after close_notify.
  std::string body_bytes(std::size_t most = 16 * 1024);

  /// What came after the replies read so far.
  [[nodiscard]] const std::string& unused_input() const noexcept { return input_; }

 private:
  void need(std::size_t n);
  std::string take(std::size_t n);
  std::string take_line();

  std::string input_; ///< read, but not used yet
};

/// Byte number i of what the server gives for /download/N.
constexpr char pattern_byte(std::uint64_t i) {
  return static_cast<char>(static_cast<unsigned char>((i % 65'521 * 2'654'435'761U) >> 24U));
}
/// True if `bytes` is that pattern from position `offset` on.
[[nodiscard]] bool is_pattern(std::string_view bytes, std::uint64_t offset = 0);

} // namespace integration

#endif
