// SPDX-License-Identifier: BSL-1.0
// What tls_peer tells the driver of one connection: one line of JSON. Knows nothing of TLS streams.
#ifndef TESTS_PEERS_REPORT_HPP
#define TESTS_PEERS_REPORT_HPP

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace peers {

/// Counts bytes and hashes them.
class digest {
 public:
  digest();
  void add(std::span<const char> bytes);
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// SHA-256 of all bytes so far, in hexadecimal.
  [[nodiscard]] std::string hex() const;

 private:
  struct free_context {
    void operator()(EVP_MD_CTX* c) const noexcept;
  };
  std::unique_ptr<EVP_MD_CTX, free_context> context_;
  std::uint64_t count_ = 0;
};

/// One connection, as it was agreed on and as it ended.
struct report {
  std::string protocol, cipher, group, alpn;
  bool resumed = false;
  std::string peer; ///< subject of the peer's certificate; empty if it showed none
  digest received;
  std::uint64_t sent = 0; ///< bytes that writes have reported
  std::string end;        ///< "close_notify", "truncated", "enough" or an error in words
  std::string send_error; ///< why sending ended early
  std::string failure;    ///< all that the stream knows of its failure
  std::string shutdown;   ///< how our own shutdown ended: "ok" or an error; empty if there was none
};

/// Writes it to standard output as one line.
void print(const report& r);

/// Subject of a certificate in one line; empty for null.
[[nodiscard]] std::string subject_of(X509* certificate);

} // namespace peers

#endif
