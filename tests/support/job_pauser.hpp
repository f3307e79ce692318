// SPDX-License-Identifier: BSL-1.0
// Asynchronous crypto that takes its time, played by callbacks: pauses the running job at a point that the
// test chooses, and goes on only when the test says so. Knows no engine.
#ifndef TLSMODE_TESTS_SUPPORT_JOB_PAUSER_HPP
#define TLSMODE_TESTS_SUPPORT_JOB_PAUSER_HPP

#include <openssl/ssl.h>

#include <vector>

namespace tlsmode::test {

/// Installs itself on one connection and must outlive its use.
class job_pauser {
 public:
  enum class point {
    nowhere,
    certificate, ///< choosing the certificate, in the handshake
    record_out,  ///< before a record is sealed and sent
    record_in    ///< after the header of a record was read
  };

  explicit job_pauser(SSL* ssl);
  job_pauser(const job_pauser&) = delete;
  job_pauser& operator=(const job_pauser&) = delete;

  /// Lets `skip` visits to `p` pass and pauses the job that comes there next, once, until release().
  void arm(point p, int skip = 0) noexcept {
    armed_ = p;
    skip_ = skip;
    every_time_ = ready_ = false;
  }
  /// Pauses jobs every time that they come to `p`; each goes on when it is resumed.
  void arm_every_time(point p) noexcept {
    armed_ = p;
    skip_ = 0;
    every_time_ = ready_ = true;
  }
  /// No more pauses, and a paused job may go on.
  void disarm() noexcept {
    armed_ = point::nowhere;
    ready_ = true;
  }
  /// The paused job may go on when it is resumed; resumed earlier, it pauses again.
  void release() noexcept { ready_ = true; }

  /// Descriptors that the job names when it pauses.
  void name_descriptors(std::vector<int> fds) { descriptors_ = std::move(fds); }
  /// Makes the job promise a call of the connection's callback; call_back() then makes that call.
  void promise_callback() noexcept { promise_ = true; }
  void call_back() const;
  /// Leaves an error in OpenSSL's queue at each pause.
  void raise_errors() noexcept { raise_ = true; }

  /// How often jobs paused.
  [[nodiscard]] int pauses() const noexcept { return pauses_; }
  /// How often a callback came to the point where it would pause, but not inside a job.
  [[nodiscard]] int missed() const noexcept { return missed_; }

 private:
  static int on_certificate(SSL* ssl, void* self);
  static void on_message(int writing, int version, int content_type, const void* data, std::size_t n,
                         SSL* ssl, void* self);
  void pause_at(point p);

  point armed_ = point::nowhere;
  int skip_ = 0;
  bool every_time_ = false;
  bool ready_ = true;
  bool promise_ = false;
  bool raise_ = false;
  int pauses_ = 0;
  int missed_ = 0;
  std::vector<int> descriptors_;
  int (*callback_)(void*) = nullptr;
  void* callback_argument_ = nullptr;
};

} // namespace tlsmode::test

#endif
