// SPDX-License-Identifier: BSL-1.0
// The BIO between OpenSSL and the engine's transport. Private to the core.
#ifndef TLSMODE_SRC_BIO_HPP
#define TLSMODE_SRC_BIO_HPP

#include <openssl/types.h>

#include <cstddef>

namespace tlsmode {

class engine;

/// The engine's side of the BIO: the only code that OpenSSL calls to move bytes.
struct bio_bridge {
  /// A new BIO that reads and writes through `e`; null if there is no memory.
  static BIO* make(engine& e) noexcept;
  /// Whose BIO an SSL reads from; null if it is none of ours, or that engine has said forget().
  static engine* engine_of(const SSL* ssl) noexcept;
  static void forget(const SSL* ssl) noexcept;
  static int write(BIO* b, const char* data, std::size_t n, std::size_t* written) noexcept;
  static int read(BIO* b, char* data, std::size_t n, std::size_t* got) noexcept;
};

} // namespace tlsmode

#endif
