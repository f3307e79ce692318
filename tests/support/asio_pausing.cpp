// SPDX-License-Identifier: BSL-1.0
// Pausing a job.
#include "asio_pausing.hpp"

#include <openssl/async.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace tlsmode::test {

pausing::~pausing() {
  join_helper();
  if (fd_ >= 0) ::close(fd_); // of a job that was never resumed
}

void pausing::install(SSL* server) {
  SSL_set_cert_cb(
      server,
      [](SSL*, void* self) {
        static_cast<pausing*>(self)->pause();
        return 1;
      },
      this);
}

void pausing::pause() {
  ASYNC_JOB* const job = ASYNC_get_current_job();
  in_job_ = job != nullptr;
  if (!in_job_) return;
  ASYNC_WAIT_CTX* const context = ASYNC_get_wait_ctx(job);
  ready_ = false;
  int second = -1;
  ASYNC_WAIT_CTX_set_status(context, ASYNC_STATUS_UNSUPPORTED);
  if (how_ == waking::callback) {
    ASYNC_WAIT_CTX_get_callback(context, &function_, &argument_);
    if (function_ != nullptr) ASYNC_WAIT_CTX_set_status(context, ASYNC_STATUS_OK);
  } else if (how_ != waking::nothing) {
    fd_ = ::eventfd(0, EFD_CLOEXEC); // blocking
    descriptors_.push_back(fd_);
    ASYNC_WAIT_CTX_set_wait_fd(context, this, fd_, nullptr, nullptr);
    if (how_ == waking::two_descriptors) {
      second = ::eventfd(0, EFD_CLOEXEC);
      ASYNC_WAIT_CTX_set_wait_fd(context, &second, second, nullptr, nullptr);
    }
  }
  ++pauses_;
  if (early_) release_now();
  if (soon_) release();
  do {
    ASYNC_pause_job();
    ++resumes_;
  } while (!ready_);
  join_helper();
  if (fd_ >= 0) {
    if ((::fcntl(fd_, F_GETFL) & O_NONBLOCK) != 0) intact_ = false;
    std::uint64_t n = 0;
    if (::read(fd_, &n, sizeof n) != sizeof n) intact_ = false;
    ASYNC_WAIT_CTX_clear_fd(context, this);
    ::close(fd_);
    fd_ = -1;
  }
  if (second >= 0) {
    ASYNC_WAIT_CTX_clear_fd(context, &second);
    ::close(second);
  }
}

void pausing::release() {
  const std::lock_guard lock(helper_mutex_);
  helper_ = std::thread([this] { wake(); });
}

void pausing::release_now() {
  release();
  join_helper();
}

void pausing::join_helper() {
  std::thread helper;
  {
    const std::lock_guard lock(helper_mutex_); // it may wake the job before release() has returned
    helper.swap(helper_);
  }
  if (helper.joinable()) helper.join();
}

void pausing::wake() {
  ready_ = true;
  if (how_ == waking::callback && function_ != nullptr) function_(argument_);
  if (const int fd = fd_; fd >= 0) {
    const std::uint64_t one = 1;
    if (::write(fd, &one, sizeof one) != sizeof one) ::abort();
  }
}

} // namespace tlsmode::test
