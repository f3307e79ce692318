// SPDX-License-Identifier: BSL-1.0
// The SSL modes of SSL_CTX_set_mode(3) as a typed, additive set.
// Knows nothing of connections: what a mode does to a connection is the engine's business.
#ifndef TLSMODE_MODE_HPP
#define TLSMODE_MODE_HPP

#include <openssl/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tlsmode {

/// One SSL mode. The values are OpenSSL's own bits.
/// Source: SSL_CTX_set_mode(3), section NOTES.
enum class mode : std::uint32_t {
  /// A write may report success once some, not all, of its bytes are sent.
  enable_partial_write = 0x001,
  /// A blocked write may be retried from another address that holds equal bytes.
  accept_moving_write_buffer = 0x002,
  /// A read goes on by itself after a record that carried no application data.
  auto_retry = 0x004,
  /// OpenSSL frees its record buffers whenever it has no use for them.
  release_buffers = 0x010,
  /// The ClientHello says that this is a retry at a lower protocol version (RFC 7507).
  send_fallback_scsv = 0x080,
  /// Operations run as jobs that asynchronous crypto can pause.
  async = 0x100,
};

/// A set of modes: a regular value type, empty by default.
class mode_set {
 public:
  constexpr mode_set() noexcept = default;
  constexpr mode_set(mode m) noexcept : bits_(static_cast<std::uint32_t>(m)) {} // NOLINT: one mode is a set

  /// Takes the known modes of an OpenSSL bit mask; bits that name no mode of ours are left out.
  static constexpr mode_set from_native(std::uint64_t mask) noexcept {
    mode_set s;
    s.bits_ = static_cast<std::uint32_t>(mask) & known_bits;
    return s;
  }

  /// The set as the bit mask that SSL_set_mode(3) takes.
  [[nodiscard]] constexpr std::uint32_t native() const noexcept { return bits_; }
  /// True if no mode is in the set.
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  /// True if every mode of `other` is in this set.
  [[nodiscard]] constexpr bool contains(mode_set other) const noexcept {
    return (bits_ & other.bits_) == other.bits_;
  }

  /// Adds the modes of `o` to the set.
  constexpr mode_set& operator|=(mode_set o) noexcept {
    bits_ |= o.bits_;
    return *this;
  }
  /// Takes the modes of `o` out of the set.
  constexpr mode_set& operator-=(mode_set o) noexcept {
    bits_ &= ~o.bits_;
    return *this;
  }
  friend constexpr mode_set operator|(mode_set a, mode_set b) noexcept { return a |= b; }
  friend constexpr mode_set operator-(mode_set a, mode_set b) noexcept { return a -= b; }
  friend constexpr bool operator==(mode_set, mode_set) noexcept = default;

 private:
  static constexpr std::uint32_t known_bits = 0x197;
  std::uint32_t bits_ = 0;
};

constexpr mode_set operator|(mode a, mode b) noexcept { return mode_set(a) | mode_set(b); }

/// The name of one mode: the OpenSSL name in lower case without its prefix.
[[nodiscard]] std::string_view to_string(mode m) noexcept;

/// The set as text: names joined by commas in the order of the bits; "none" if empty.
[[nodiscard]] std::string to_string(mode_set modes);

/// Reads what to_string() writes. Names may come in any order and any letter case, with or without
/// the prefix "SSL_MODE_", separated by commas or '|', with blanks around them. Empty text and "none"
/// are the empty set. Returns nothing if a name is not known.
[[nodiscard]] std::optional<mode_set> parse_modes(std::string_view text);

/// Adds modes to a context; those set earlier stay. Connections made earlier do not change.
/// Returns the new set. Preconditions: `ctx` is not null; no other thread changes `ctx`.
/// Source: SSL_CTX_set_mode(3).
mode_set set_mode(SSL_CTX* ctx, mode_set modes) noexcept;

/// Takes modes out of a context and returns the new set. Source: SSL_CTX_clear_mode, ssl.h.
mode_set clear_mode(SSL_CTX* ctx, mode_set modes) noexcept;

/// The modes of a context. Source: SSL_CTX_get_mode(3).
[[nodiscard]] mode_set get_mode(SSL_CTX* ctx) noexcept;

} // namespace tlsmode

#endif
