// SPDX-License-Identifier: BSL-1.0
// Every reason why an engine step stops, by name, and the step's result.
#ifndef TLSMODE_SUSPEND_HPP
#define TLSMODE_SUSPEND_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace tlsmode {

/// Why an operation cannot go on by itself. Source: SSL_get_error(3).
enum class suspend : std::uint8_t {
  none,       ///< it did not stop: the operation is complete
  want_read,  ///< the transport must have bytes to read (SSL_ERROR_WANT_READ)
  want_write, ///< the transport must take bytes (SSL_ERROR_WANT_WRITE, or ciphertext held back by the engine)
  want_async, ///< a paused job must be ready to go on (SSL_ERROR_WANT_ASYNC)
  want_async_job,    ///< this thread's job pool must have a free slot (SSL_ERROR_WANT_ASYNC_JOB)
  want_client_hello, ///< the ClientHello callback asked to be called again (SSL_ERROR_WANT_CLIENT_HELLO_CB)
  want_certificate,  ///< the certificate callback asked to be called again (SSL_ERROR_WANT_X509_LOOKUP)
  want_verify,       ///< a client's verify callback asked to be called again (SSL_ERROR_WANT_RETRY_VERIFY);
                     ///< a server refuses the client instead, see engine::set_verify_callback
  want_turn,         ///< another operation owns the paused job; only it may enter OpenSSL
};

/// The name of a reason, e.g. "want_read".
[[nodiscard]] std::string_view to_string(suspend why) noexcept;

/// What one engine step came to: complete, failed, or stopped for a reason.
struct step {
  suspend why = suspend::none; ///< `none`: complete or failed
  std::size_t bytes = 0;       ///< plaintext bytes moved, when complete; 0 for handshake and shutdown
  std::error_code error;       ///< set only with `why == none`

  /// True if the operation is over, well or badly.
  [[nodiscard]] bool complete() const noexcept { return why == suspend::none; }
};

} // namespace tlsmode

#endif
