// SPDX-License-Identifier: BSL-1.0
// Pauses jobs from inside OpenSSL's callbacks.
#include "job_pauser.hpp"

#include <openssl/async.h>
#include <openssl/err.h>

namespace tlsmode::test {

job_pauser::job_pauser(SSL* ssl) {
  SSL_set_cert_cb(ssl, &on_certificate, this);
  SSL_set_msg_callback(ssl, &on_message);
  SSL_set_msg_callback_arg(ssl, this);
}

int job_pauser::on_certificate(SSL*, void* self) {
  static_cast<job_pauser*>(self)->pause_at(point::certificate);
  return 1;
}

void job_pauser::on_message(int writing, int, int content_type, const void*, std::size_t, SSL*, void* self) {
  if (content_type != SSL3_RT_HEADER) return;
  static_cast<job_pauser*>(self)->pause_at(writing != 0 ? point::record_out : point::record_in);
}

void job_pauser::pause_at(point p) {
  if (armed_ != p || skip_-- > 0) return;
  ASYNC_JOB* const job = ASYNC_get_current_job();
  if (job == nullptr) { // ASYNC_pause_job would return at once
    ++missed_;
    return;
  }
  if (!every_time_) armed_ = point::nowhere;
  ASYNC_WAIT_CTX* const waiting = ASYNC_get_wait_ctx(job);
  for (std::size_t i = 0; i < descriptors_.size(); ++i) // the key is any address of our own, one for each
    ASYNC_WAIT_CTX_set_wait_fd(waiting, &descriptors_[i], descriptors_[i], nullptr, nullptr);
  if (promise_ && ASYNC_WAIT_CTX_get_callback(waiting, &callback_, &callback_argument_) == 1)
    ASYNC_WAIT_CTX_set_status(waiting, ASYNC_STATUS_OK);
  do {
    ++pauses_;
    if (raise_) ERR_raise(ERR_LIB_USER, 1);
    ASYNC_pause_job();
  } while (!ready_); // resumed too early, which is legal
  for (int& fd : descriptors_) ASYNC_WAIT_CTX_clear_fd(waiting, &fd);
}

void job_pauser::call_back() const {
  if (callback_ != nullptr) callback_(callback_argument_);
}

} // namespace tlsmode::test
