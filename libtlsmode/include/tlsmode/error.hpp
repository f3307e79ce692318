// SPDX-License-Identifier: BSL-1.0
// Errors of the core: local misuse and ends of stream in one category, OpenSSL's own in another, and the
// record of a failure that says more than a code can.
#ifndef TLSMODE_ERROR_HPP
#define TLSMODE_ERROR_HPP

#include <string>
#include <system_error>

namespace tlsmode {

/// What the core itself reports. Faults of the peer come in openssl_category() or from the transport.
enum class error {
  end_of_stream = 1,     ///< the peer closed its side with close_notify
  stream_truncated,      ///< the transport ended without close_notify; data may be missing
  handshake_needed,      ///< misuse: the operation needs a completed handshake
  wrong_role,            ///< misuse: the handshake was begun in the other role
  write_after_shutdown,  ///< misuse: this side has already sent close_notify
  write_buffer_moved,    ///< misuse: a blocked write was retried from another address without
                         ///< accept_moving_write_buffer
  write_retry_too_short, ///< misuse: a blocked write was retried with fewer bytes than are already sealed
  fallback_scsv_misuse,  ///< misuse: send_fallback_scsv on a server, or without a lowered highest version
  host_name_needed,      ///< misuse: a verifying client was given no host name to check
  bad_host_name,         ///< misuse: a host name that cannot be checked or sent
  job_on_other_thread,   ///< misuse: a paused job was resumed on a thread that did not start it
  operation_in_progress, ///< misuse: a blocking operation while an operation of the same kind is outstanding
  unread_data,           ///< misuse: giving up a connection while bytes of the peer are unread in it
  bad_option,            ///< misuse: a setting that OpenSSL does not take
  session_not_verified,  ///< misuse: a verifying connection was given a session that proves no such
                         ///< verification
  client_not_asked, ///< misuse: a context was chosen during the handshake that demands a certificate of the
                    ///< client, which nobody had asked for
  no_connection,    ///< misuse: the stream was moved from or released
  too_many_operations, ///< misuse: more operations are outstanding than a stream takes
  // What went wrong with a private key behind a signer, or with a hook.
  signer_failed,       ///< the signer could not sign
  signer_timed_out,    ///< the signer did not answer in time
  signer_busy,         ///< the signer's queue is full
  wrong_signature,     ///< the signer's signature does not fit the certificate's public key; it was not sent
  key_mismatch,        ///< misuse: the private key, or the signer, is not that of the certificate
  hook_failed,         ///< a hook ended with an exception
  hook_refused,        ///< a hook refused the connection
  hook_timed_out,      ///< a hook did not answer in time
  hook_cannot_wait,    ///< a hook was asked where OpenSSL cannot wait, and so fails
  hooks_need_async,    ///< misuse: a synchronous handshake on a connection with asynchronous hooks
  job_threads_stopped, ///< misuse: the job threads that the operation needs were stopped
  openssl_internal,    ///< OpenSSL failed without giving a reason
};

/// The category of tlsmode::error.
[[nodiscard]] const std::error_category& error_category() noexcept;
/// The category of OpenSSL's packed error codes (ERR_get_error(3)), cut to int as ERR_get_error gives them.
[[nodiscard]] const std::error_category& openssl_category() noexcept;

[[nodiscard]] inline std::error_code make_error_code(error e) noexcept {
  return {static_cast<int>(e), error_category()};
}

/// Everything known about the failure that ended a connection.
struct failure {
  std::error_code code;       ///< as the operation reported it
  std::error_code cause;      ///< what a signer or a hook said was the matter; empty if it said nothing
  std::string operation;      ///< "handshake", "read", "write" or "shutdown"
  std::string openssl_errors; ///< OpenSSL's whole error queue, oldest first, joined by "; "
  std::string verify_error;   ///< why the peer's certificate was refused, in words; empty otherwise
  int verify_depth = -1; ///< depth in the chain of the refused certificate (0: the peer's own), -1 otherwise
  /// Number of the alert by which the peer, or this side, told the other of the failure (RFC 8446 section 6);
  /// -1 if there was none. The one that was sent is not known if another info callback was set on the native
  /// connection.
  int alert_received = -1;
  int alert_sent = -1;

  /// One line for people: operation, code and all reasons. Text from the peer is not in it.
  [[nodiscard]] std::string to_string() const;
};

} // namespace tlsmode

template <>
struct std::is_error_code_enum<tlsmode::error> : std::true_type {};

#endif
