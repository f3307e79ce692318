// SPDX-License-Identifier: BSL-1.0
// Taking an https URL apart (RFC 3986, without user names).
#include "url.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace https_client {
namespace {

bool is_plain(char c) { return c > 0x20 && c < 0x7f; } // anything else must be percent-encoded in a URL

} // namespace

url parse_url(std::string_view text) {
  const auto refuse = [text](const char* why) {
    throw std::invalid_argument("bad URL '" + std::string(text) + "': " + why);
  };
  constexpr std::string_view scheme = "https://";
  if (!std::all_of(text.begin(), text.end(), is_plain)) refuse("only printable ASCII is allowed");
  if (!text.starts_with(scheme)) refuse("it must begin with https://");
  std::string_view rest = text.substr(scheme.size());
  rest = rest.substr(0, rest.find('#'));

  url result;
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  result.authority = authority;
  if (end == rest.size() || rest[end] == '?') result.target = '/';
  result.target += rest.substr(end);
  if (authority.find('@') != std::string_view::npos) refuse("user names are not supported");

  std::string_view port;
  if (authority.starts_with('[')) { // an IPv6 address
    const auto close = authority.find(']');
    if (close == std::string_view::npos) refuse("']' is missing");
    result.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    result.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (result.host.empty()) refuse("the host is missing");
  if (port.empty()) port = ":443";
  unsigned number = 0;
  const auto [last, error] = std::from_chars(port.data() + 1, port.data() + port.size(), number);
  if (port[0] != ':' || error != std::errc{} || last != port.data() + port.size() || number == 0 || number > 65'535)
    refuse("the port must be a number from 1 to 65535");
  result.port = port.substr(1);
  return result;
}

} // namespace https_client
