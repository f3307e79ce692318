// SPDX-License-Identifier: BSL-1.0
// Modes to and from text, and on a native context.
#include <tlsmode/mode.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace tlsmode {
namespace {

struct entry {
  mode value;
  std::string_view name;
  std::uint64_t native;
};

constexpr std::array entries{
    entry{mode::enable_partial_write, "enable_partial_write", SSL_MODE_ENABLE_PARTIAL_WRITE},
    entry{mode::accept_moving_write_buffer, "accept_moving_write_buffer",
          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER},
    entry{mode::auto_retry, "auto_retry", SSL_MODE_AUTO_RETRY},
    entry{mode::release_buffers, "release_buffers", SSL_MODE_RELEASE_BUFFERS},
    entry{mode::send_fallback_scsv, "send_fallback_scsv", SSL_MODE_SEND_FALLBACK_SCSV},
    entry{mode::async, "async", SSL_MODE_ASYNC},
};

static_assert(std::all_of(entries.begin(), entries.end(),
                          [](const entry& e) { return static_cast<std::uint64_t>(e.value) == e.native; }),
              "the enumerators are OpenSSL's bits");
static_assert(
    [] {
      std::uint64_t all = 0;
      for (const entry& e : entries) all |= e.native;
      return mode_set::from_native(~std::uint64_t{0}).native() == all;
    }(),
    "known_bits names exactly the modes of the table");

std::string_view trim(std::string_view s) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  return s;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::optional<mode> find_mode(std::string_view word) {
  const std::string lower = lower_case(word);
  std::string_view name = lower;
  if (constexpr std::string_view prefix = "ssl_mode_"; name.starts_with(prefix))
    name.remove_prefix(prefix.size());
  for (const entry& e : entries)
    if (e.name == name) return e.value;
  return std::nullopt;
}

} // namespace

std::string_view to_string(mode m) noexcept {
  for (const entry& e : entries)
    if (e.value == m) return e.name;
  return "unknown";
}

std::string to_string(mode_set modes) {
  std::string text;
  for (const entry& e : entries) {
    if (!modes.contains(e.value)) continue;
    if (!text.empty()) text += ',';
    text += e.name;
  }
  return text.empty() ? "none" : text;
}

std::optional<mode_set> parse_modes(std::string_view text) {
  mode_set result;
  text = trim(text);
  if (text.empty() || lower_case(text) == "none") return result;
  for (;;) {
    const std::size_t end = text.find_first_of(",|");
    const std::optional<mode> m = find_mode(trim(text.substr(0, end)));
    if (!m) return std::nullopt;
    result |= *m;
    if (end == std::string_view::npos) return result;
    text.remove_prefix(end + 1);
  }
}

mode_set set_mode(SSL_CTX* ctx, mode_set modes) noexcept {
  return mode_set::from_native(static_cast<std::uint64_t>(SSL_CTX_set_mode(ctx, modes.native())));
}

mode_set clear_mode(SSL_CTX* ctx, mode_set modes) noexcept {
  return mode_set::from_native(static_cast<std::uint64_t>(SSL_CTX_clear_mode(ctx, modes.native())));
}

mode_set get_mode(SSL_CTX* ctx) noexcept {
  return mode_set::from_native(static_cast<std::uint64_t>(SSL_CTX_get_mode(ctx)));
}

} // namespace tlsmode
