// SPDX-License-Identifier: BSL-1.0
// What a connection checks its peer against, and the mark on a session that says what its peer passed.
// A resumption skips the check, so a session may be offered only where the check would be the same.
// Private to the core.
#ifndef TLSMODE_SRC_VERIFICATION_HPP
#define TLSMODE_SRC_VERIFICATION_HPP

#include "openssl_handle.hpp"

#include <atomic>
#include <cstdint>
#include <string>

namespace tlsmode::detail {

/// One way of checking a peer: names, settings, and the trust store, which is kept alive, so that its address
/// means the same store for as long as anything is compared with it. Immutable and counted: copies of a
/// session share it, on any thread.
class verification {
 public:
  /// What `ssl` checks its peer against; null if that cannot be known (no memory, DANE, policies, a context
  /// made before this library was ready). Precondition: it verifies with no callback that decides; the caller
  /// knows.
  static verification* of(SSL* ssl) noexcept;

  void keep() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  [[nodiscard]] bool operator==(const verification& other) const noexcept {
    return store_ == other.store_ && settings_ == other.settings_;
  }
  /// Tells this way from all others of which there is an object at the same time.
  [[nodiscard]] std::string key() const;

  /// The mark of a session; null if its peer was not verified, or nobody knows how. Owned by the session.
  static const verification* of(const SSL_SESSION* session) noexcept;
  /// Marks a session that no other thread knows yet, unless it is marked already.
  void mark(SSL_SESSION* session) noexcept;

  verification(const verification&) = delete;
  verification& operator=(const verification&) = delete;

 private:
  verification(std::string settings, X509_STORE* store) noexcept;
  ~verification();

  std::atomic<unsigned> references_{1};
  std::string settings_;
  X509_STORE* store_;
};

struct release_verification {
  void operator()(verification* v) const noexcept { v->release(); }
};
using verification_ptr = std::unique_ptr<verification, release_verification>;

/// The names or the address that are asked of a peer's certificate, as one string that is unlike any other's.
[[nodiscard]] std::string names_checked_by(X509_VERIFY_PARAM* param);

/// All that a peer's certificate is checked against, as one string, as far as OpenSSL 3.0 tells: purpose and
/// trust it keeps to itself (SSL_set_purpose(), SSL_set_trust()).
[[nodiscard]] std::string checks_of(X509_VERIFY_PARAM* param, X509_STORE* store);

/// A number that no other context of this process ever had; 0 if nobody gave it one.
[[nodiscard]] std::uintptr_t number_of(const SSL_CTX* ctx) noexcept;

/// True if certificate policies are checked. Which ones cannot be read back.
[[nodiscard]] bool checks_policies(X509_VERIFY_PARAM* param, X509_STORE* store) noexcept;

/// The trust store of a connection.
[[nodiscard]] X509_STORE* store_of(SSL* ssl) noexcept;

} // namespace tlsmode::detail

#endif
