// SPDX-License-Identifier: BSL-1.0
// Parsing of records (RFC 8446, section 5.1) and of a ClientHello (section 4.1.2).
#include "wire_format.hpp"

#include <algorithm>
#include <stdexcept>

namespace tlsmode::test {
namespace {

// Takes numbers and runs of bytes off the front of a message.
class reader {
 public:
  explicit reader(std::string_view s) : rest_(s) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::string_view take(std::size_t n) {
    if (rest_.size() < n) throw std::runtime_error("message too short");
    const std::string_view part = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return part;
  }
  std::size_t number(std::size_t bytes) {
    std::size_t n = 0;
    for (const char c : take(bytes)) n = n << 8 | static_cast<unsigned char>(c);
    return n;
  }
  /// A run of bytes with its length in front.
  reader vector(std::size_t length_bytes) { return reader(take(number(length_bytes))); }

 private:
  std::string_view rest_;
};

} // namespace

std::vector<record> records_of(std::string_view wire) {
  std::vector<record> all;
  for (reader r(wire); !r.empty();) {
    const auto type = static_cast<content>(r.number(1));
    r.take(2); // version
    all.push_back({type, std::string(r.take(r.number(2)))});
  }
  return all;
}

std::size_t count_records(std::string_view wire, content type) {
  const auto all = records_of(wire);
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const record& r) { return r.type == type; }));
}

client_hello client_hello_of(std::string_view wire) {
  const auto all = records_of(wire);
  if (all.empty() || all.front().type != content::handshake) throw std::runtime_error("no handshake record");
  reader r(all.front().body);
  if (r.number(1) != 1) throw std::runtime_error("no ClientHello");
  reader hello = r.vector(3);
  hello.take(2 + 32); // version, random
  hello.vector(1);    // session id
  client_hello result;
  for (reader suites = hello.vector(2); !suites.empty();)
    result.cipher_suites.push_back(static_cast<std::uint16_t>(suites.number(2)));
  hello.vector(1); // compression methods
  for (reader extensions = hello.vector(2); !extensions.empty();) {
    const std::size_t type = extensions.number(2);
    reader body = extensions.vector(2);
    result.extensions.push_back(static_cast<std::uint16_t>(type));
    if (type == 41 || (type == 35 && !body.empty())) result.offers_session = true;
    if (type != 0) continue; // server_name, RFC 6066 section 3
    reader names = body.vector(2);
    names.take(1); // host_name
    result.server_name = names.take(names.number(2));
  }
  return result;
}

} // namespace tlsmode::test
