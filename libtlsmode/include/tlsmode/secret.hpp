// SPDX-License-Identifier: BSL-1.0
// Bytes that nobody else may see: wiped when they are given up. Sessions in DER form and ticket keys are
// such.
#ifndef TLSMODE_SECRET_HPP
#define TLSMODE_SECRET_HPP

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace tlsmode {

/// A run of secret bytes of fixed length.
class secret_bytes {
 public:
  secret_bytes() = default;
  explicit secret_bytes(std::size_t size) : bytes_(size) {}
  explicit secret_bytes(std::span<const std::byte> from) : bytes_(from.begin(), from.end()) {}
  secret_bytes(const secret_bytes&) = default;
  secret_bytes(secret_bytes&& other) noexcept : bytes_(std::move(other.bytes_)) {}
  secret_bytes& operator=(secret_bytes other) noexcept {
    bytes_.swap(other.bytes_);
    return *this;
  }
  ~secret_bytes();

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return bytes_; }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

 private:
  std::vector<std::byte> bytes_;
};

/// What seals session tickets: a name that the ticket carries in clear, and two keys. As
/// context::set_ticket_keys() takes them: 16 bytes of name, 32 of the MAC (SHA-256), 32 of AES-256.
/// Source: RFC 5077 section 4, SSL_CTX_set_tlsext_ticket_key_evp_cb(3).
class ticket_keys {
 public:
  static constexpr std::size_t size = 80;
  using name_type = std::array<std::byte, 16>;

  /// Precondition: the bytes are random; the name tells these keys from all others.
  explicit ticket_keys(std::span<const std::byte, size> from) noexcept;
  ticket_keys(const ticket_keys&) noexcept = default;
  ticket_keys& operator=(const ticket_keys&) noexcept = default;
  ~ticket_keys();
  /// New random keys. Throws std::system_error if there are no random numbers.
  [[nodiscard]] static ticket_keys random();

  [[nodiscard]] name_type name() const noexcept;
  [[nodiscard]] std::span<const std::byte, 32> mac_key() const noexcept {
    return std::span(bytes_).subspan<16, 32>();
  }
  [[nodiscard]] std::span<const std::byte, 32> cipher_key() const noexcept {
    return std::span(bytes_).subspan<48, 32>();
  }

 private:
  ticket_keys() noexcept = default;
  std::array<std::byte, size> bytes_{};
};

} // namespace tlsmode

#endif
