// SPDX-License-Identifier: BSL-1.0
// Reading HTTP replies byte-exactly.
#include "http_client.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace integration {

std::string http_reply::field(std::string_view name) const {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  for (std::size_t begin = header.find("\r\n"); begin != std::string::npos;
       begin = header.find("\r\n", begin)) {
    begin += 2;
    const std::string_view line = std::string_view(header).substr(begin, header.find("\r\n", begin) - begin);
    const auto colon = line.find(':');
    if (colon != name.size() || !std::equal(name.begin(), name.end(), line.begin(), same)) continue;
    const auto value = line.find_first_not_of(' ', colon + 1);
    return value == std::string_view::npos ? "" : std::string(line.substr(value));
  }
  return "";
}

std::string http_client::request(std::string_view method, std::string_view target, std::string_view more,
                                 std::string_view version) {
  std::string text;
  text.append(method).append(" ").append(target).append(" ").append(version).append(
      "\r\nHost: localhost\r\n");
  return text.append(more).append("\r\n");
}

http_reply http_client::reply_header() {
  http_reply r;
  std::size_t end = 0;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos) need(input_.size() + 1);
  r.header = take(end);
  take(4);
  if (!r.header.starts_with("HTTP/1.") || r.header.size() < 12)
    throw std::runtime_error("no HTTP: " + r.header);
  r.status = static_cast<unsigned>(std::stoul(r.header.substr(9, 3)));
  return r;
}

http_reply http_client::reply(bool head_only) {
  http_reply r = reply_header();
  if (head_only || r.status < 200 || r.status == 204 || r.status == 304) return r;
  if (const std::string length = r.field("Content-Length"); !length.empty()) {
    r.body = take(std::stoul(length));
  } else if (r.field("Transfer-Encoding") == "chunked") {
    while (const std::size_t size = std::stoul(take_line(), nullptr, 16)) {
      r.body += take(size);
      if (!take_line().empty()) throw std::runtime_error("a chunk does not end where it should");
    }
    if (!take_line().empty()) throw std::runtime_error("trailers were not expected");
  } else {
    for (std::string piece = body_bytes(); !piece.empty(); piece = body_bytes()) r.body += piece;
  }
  return r;
}

std::string http_client::body_bytes(std::size_t most) {
  if (!input_.empty()) return take(std::min(most, input_.size()));
  return read(most);
}

void http_client::need(std::size_t n) {
  while (input_.size() < n) {
    const std::string more = read();
    if (more.empty()) throw std::runtime_error("the reply is cut short after: " + input_.substr(0, 200));
    input_ += more;
  }
}

std::string http_client::take(std::size_t n) {
  need(n);
  std::string bytes = input_.substr(0, n);
  input_.erase(0, n);
  return bytes;
}

std::string http_client::take_line() {
  std::size_t end = 0;
  while ((end = input_.find("\r\n")) == std::string::npos) need(input_.size() + 1);
  std::string line = take(end);
  take(2);
  return line;
}

bool is_pattern(std::string_view bytes, std::uint64_t offset) {
  constexpr std::size_t period = 65'521;
  static const std::string table = [] {
    std::string t(2 * period, '\0');
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = pattern_byte(i);
    return t;
  }();
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), period);
    if (table.compare(offset % period, n, bytes.substr(0, n)) != 0) return false;
    bytes.remove_prefix(n);
    offset += n;
  }
  return true;
}

} // namespace integration
