// SPDX-License-Identifier: BSL-1.0
// Schemes as text, and requests as bytes, for signers that are elsewhere.
#include <tlsmode/signer.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace tlsmode {
namespace {

using kind = signing_scheme::key_kind;
using padding = signing_scheme::rsa_padding;

// What starts the bytes of a task; the number is that of the format.
constexpr std::string_view magic = "tlsmode-sign-1\n";
// A TLS 1.2 client signs all messages of the handshake, both chains of certificates included.
constexpr std::size_t longest_field = 1024 * 1024;

bool is_digest_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '/';
  });
}

std::optional<int> salt_from(std::string_view text) noexcept {
  int n = 0;
  const auto [stopped, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool whole = ec == std::errc() && stopped == text.data() + text.size();
  const bool plain = text == "0" || (!text.empty() && text.front() >= '1' && text.front() <= '9');
  return whole && plain ? std::optional(n) : std::nullopt;
}

// Four bytes of length, most significant first, then the bytes.
void put(std::vector<std::byte>& to, std::span<const std::byte> field) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<std::byte>(field.size() >> shift));
  to.insert(to.end(), field.begin(), field.end());
}

std::optional<std::span<const std::byte>> take(std::span<const std::byte>& from) noexcept {
  if (from.size() < 4) return std::nullopt;
  std::size_t n = 0;
  for (const std::byte b : from.first(4)) n = n << 8 | std::to_integer<std::size_t>(b);
  from = from.subspan(4);
  if (n > longest_field || n > from.size()) return std::nullopt;
  const auto field = from.first(n);
  from = from.subspan(n);
  return field;
}

std::span<const std::byte> bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

std::string to_string(const signing_scheme& scheme) {
  switch (scheme.kind) {
  case kind::ed25519: return "ed25519";
  case kind::ec: return "ec:" + scheme.digest;
  case kind::rsa:
    if (scheme.padding == padding::pss)
      return "rsa-pss:" + scheme.digest + ":" + std::to_string(scheme.salt_length);
    return "rsa-pkcs1:" + scheme.digest;
  }
  return "?";
}

std::optional<signing_scheme> parse_signing_scheme(std::string_view text) {
  if (text == "ed25519") return signing_scheme{kind::ed25519, {}, padding::none, 0};
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view name = text.substr(0, colon);
  std::string_view digest = text.substr(colon + 1);
  std::optional<int> salt = 0;
  if (name == "rsa-pss") {
    const std::size_t second = digest.find(':');
    if (second == std::string_view::npos) return std::nullopt;
    salt = salt_from(digest.substr(second + 1));
    digest = digest.substr(0, second);
  }
  if (!salt || !is_digest_name(digest)) return std::nullopt;
  if (name == "ec") return signing_scheme{kind::ec, std::string(digest), padding::none, 0};
  if (name == "rsa-pkcs1") return signing_scheme{kind::rsa, std::string(digest), padding::pkcs1, 0};
  if (name == "rsa-pss") return signing_scheme{kind::rsa, std::string(digest), padding::pss, *salt};
  return std::nullopt;
}

std::vector<std::byte> to_bytes(const signature_request& request) {
  const std::string scheme = to_string(request.scheme());
  const auto start = bytes_of(magic);
  std::vector<std::byte> bytes(start.begin(), start.end());
  put(bytes, bytes_of(scheme));
  put(bytes, request.public_key_der());
  put(bytes, request.message());
  return bytes;
}

std::optional<signing_task> parse_signing_task(std::span<const std::byte> bytes) {
  if (bytes.size() < magic.size() || text_of(bytes.first(magic.size())) != magic) return std::nullopt;
  bytes = bytes.subspan(magic.size());
  const auto scheme = take(bytes);
  const auto key = scheme ? take(bytes) : std::nullopt;
  const auto message = key ? take(bytes) : std::nullopt;
  if (!message || !bytes.empty()) return std::nullopt;
  auto parsed = parse_signing_scheme(text_of(*scheme));
  if (!parsed) return std::nullopt;
  return signing_task{std::move(*parsed), {key->begin(), key->end()}, {message->begin(), message->end()}};
}

bool is_certificate_verify(std::span<const std::byte> message, role who) noexcept {
  constexpr std::size_t blanks = 64;
  const std::string_view context = who == role::server
                                       ? std::string_view("TLS 1.3, server CertificateVerify")
                                       : std::string_view("TLS 1.3, client CertificateVerify");
  const std::string_view text = text_of(message);
  const std::size_t digest = text.size() - blanks - context.size() - 1;
  return text.size() > blanks + context.size() + 1 && (digest == 32 || digest == 48) &&
         text.find_first_not_of(' ') == blanks && text.substr(blanks, context.size()) == context &&
         text[blanks + context.size()] == '\0';
}

} // namespace tlsmode
