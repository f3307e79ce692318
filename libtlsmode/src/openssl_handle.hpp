// SPDX-License-Identifier: BSL-1.0
// Owning pointers for OpenSSL objects, and OpenSSL's error queue as error codes. Private to the core.
#ifndef TLSMODE_SRC_OPENSSL_HANDLE_HPP
#define TLSMODE_SRC_OPENSSL_HANDLE_HPP

#include <tlsmode/error.hpp>

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <system_error>

namespace tlsmode::detail {

template <auto Free>
struct free_with {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};

using bio_ptr = std::unique_ptr<BIO, free_with<&BIO_free>>;

/// OpenSSL's password callback of all contexts: a key that needs a password is refused, nobody is asked.
int no_password(char*, int, int, void*) noexcept;

/// One packed OpenSSL error as an error code; a system error keeps its errno.
[[nodiscard]] std::error_code to_error_code(unsigned long packed) noexcept;

/// The oldest error of the queue, which is the most specific one. Clears the queue.
[[nodiscard]] std::error_code first_openssl_error() noexcept;

} // namespace tlsmode::detail

#endif
