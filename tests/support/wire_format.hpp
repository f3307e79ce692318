// SPDX-License-Identifier: BSL-1.0
// Reads what is on the wire without any TLS library: the records of a byte stream and a ClientHello.
#ifndef TLSMODE_TESTS_SUPPORT_WIRE_FORMAT_HPP
#define TLSMODE_TESTS_SUPPORT_WIRE_FORMAT_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tlsmode::test {

/// Content types of RFC 8446, section 5.1.
enum class content : std::uint8_t {
  change_cipher_spec = 20,
  alert = 21,
  handshake = 22,
  application_data = 23
};

/// What a sealed TLS 1.3 record of AES-GCM or ChaCha20 holds beyond its plaintext: header, type and tag.
inline constexpr std::size_t record_overhead = 5 + 1 + 16;

struct record {
  content type;
  std::string body; ///< without the header
};

/// Cuts whole records out of a byte stream; throws std::runtime_error if it ends inside one.
std::vector<record> records_of(std::string_view wire);

/// How many records of one type there are.
std::size_t count_records(std::string_view wire, content type);

struct client_hello {
  std::vector<std::uint16_t> cipher_suites;
  std::vector<std::uint16_t> extensions;
  std::string server_name;     ///< empty if the extension is absent
  bool offers_session = false; ///< a TLS 1.3 pre-shared key, or a ticket (RFC 5077)
};

/// Reads the ClientHello that a byte stream begins with; throws std::runtime_error if there is none.
client_hello client_hello_of(std::string_view wire);

} // namespace tlsmode::test

#endif
