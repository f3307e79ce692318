// SPDX-License-Identifier: BSL-1.0
// The two error categories and the text of a failure.
#include "openssl_handle.hpp"

#include <tlsmode/error.hpp>

#include <openssl/err.h>

namespace tlsmode {
namespace {

class core_category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "tlsmode"; }
  std::string message(int value) const override {
    switch (static_cast<error>(value)) {
    case error::end_of_stream: return "the peer closed the stream";
    case error::stream_truncated: return "the stream ended without close_notify";
    case error::handshake_needed: return "the operation needs a completed handshake";
    case error::wrong_role: return "the handshake was begun in the other role";
    case error::write_after_shutdown: return "write after this side sent close_notify";
    case error::write_buffer_moved:
      return "a blocked write was retried with another buffer, which needs accept_moving_write_buffer";
    case error::write_retry_too_short:
      return "a blocked write was retried with fewer bytes than are already sealed";
    case error::fallback_scsv_misuse:
      return "send_fallback_scsv is only for a client that retries with a lowered highest version";
    case error::host_name_needed:
      return "a verifying client needs a host name to check: set_host(), or context::disable_verification()";
    case error::bad_host_name: return "the host name is empty, too long, or not a name";
    case error::job_on_other_thread: return "a paused job may be resumed only on the thread that started it";
    case error::operation_in_progress: return "an operation of the same kind is outstanding";
    case error::unread_data:
      return "bytes of the peer are unread in the connection; for protocols that leave TLS, switch "
             "read-ahead off";
    case error::bad_option: return "OpenSSL does not take this setting";
    case error::session_not_verified:
      return "the session's peer was not verified as this connection would do it";
    case error::client_not_asked:
      return "a context was chosen that demands a certificate which the client was not asked for";
    case error::no_connection: return "the stream was moved from or released";
    case error::too_many_operations: return "too many operations are outstanding";
    case error::signer_failed: return "the signer of the private key failed";
    case error::signer_timed_out: return "the signer of the private key did not answer in time";
    case error::signer_busy: return "the signer of the private key has too many requests waiting";
    case error::wrong_signature: return "the signer's signature does not fit the certificate";
    case error::key_mismatch: return "the private key does not belong to the certificate";
    case error::hook_failed: return "a hook of the handshake failed";
    case error::hook_refused: return "a hook of the handshake refused the connection";
    case error::hook_timed_out: return "a hook of the handshake did not answer in time";
    case error::hook_cannot_wait: return "a hook was asked where the handshake cannot wait for it";
    case error::hooks_need_async: return "hooks that suspend need an asynchronous handshake";
    case error::job_threads_stopped: return "the job threads of the connection were stopped";
    case error::openssl_internal: return "OpenSSL failed without giving a reason";
    }
    return "unknown tlsmode error";
  }
};

class library_category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "openssl"; }
  std::string message(int value) const override {
    const auto packed = static_cast<unsigned long>(static_cast<unsigned int>(value));
    const char* reason = ERR_reason_error_string(packed);
    if (reason == nullptr) return "unknown OpenSSL error " + std::to_string(packed);
    const char* library = ERR_lib_error_string(packed);
    return library == nullptr ? std::string(reason) : std::string(reason) + " (" + library + ")";
  }
};

} // namespace

const std::error_category& error_category() noexcept {
  static const core_category category;
  return category;
}

const std::error_category& openssl_category() noexcept {
  static const library_category category;
  return category;
}

std::string failure::to_string() const {
  if (!code) return "no failure";
  std::string text = operation.empty() ? std::string() : operation + ": ";
  text += code.message();
  if (cause) text += ": " + cause.message();
  if (!verify_error.empty()) {
    text += "; certificate refused: " + verify_error;
    if (verify_depth >= 0) text += " at depth " + std::to_string(verify_depth);
  }
  const auto add_alert = [&](const char* how, int alert) {
    if (alert < 0) return;
    text += std::string("; ") + how + " alert " + std::to_string(alert) + ", ";
    text += SSL_alert_desc_string_long(alert);
  };
  add_alert("received", alert_received);
  add_alert("sent", alert_sent);
  if (!openssl_errors.empty()) text += " [" + openssl_errors + "]";
  return text;
}

namespace detail {

std::error_code to_error_code(unsigned long packed) noexcept {
  if (packed == 0) return error::openssl_internal;
  if (ERR_SYSTEM_ERROR(packed)) return {ERR_GET_REASON(packed), std::system_category()};
  return {static_cast<int>(static_cast<unsigned int>(packed)), openssl_category()};
}

std::error_code first_openssl_error() noexcept {
  const std::error_code ec = to_error_code(ERR_peek_error());
  ERR_clear_error();
  return ec;
}

} // namespace detail
} // namespace tlsmode
