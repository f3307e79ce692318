// SPDX-License-Identifier: BSL-1.0
// Where a connection begins and ends: bytes that were read before TLS began, what is left of them, and using
// the object for another connection.
#include "answer_wait.hpp"
#include "engine_call.hpp"
#include "hook_bridge.hpp"
#include "job_slots.hpp"
#include "rare_settings.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <new>

namespace tlsmode {

bool engine::feed(const_buffer bytes) noexcept {
  if (bytes.empty()) return true;
  if (!early_) early_.reset(new (std::nothrow) detail::byte_queue);
  return early_ && early_->append(bytes);
}

void engine::feed_end(std::error_code ec) noexcept {
  if (!read_error_) read_error_ = ec ? ec : make_error_code(error::stream_truncated);
}

// For the BIO: fed bytes come before those of the transport.
std::size_t engine::take_early(mutable_buffer to) noexcept {
  const std::size_t n = std::min(to.size(), early_->size());
  std::copy_n(early_->data().begin(), n, to.begin());
  early_->consume(n);
  if (early_->empty()) early_.reset();
  return n;
}

const_buffer engine::unread_early() const noexcept { return early_ ? early_->data() : const_buffer(); }

bool engine::holds_ciphertext() const noexcept { return SSL_has_pending(ssl_.get()) != 0; }

std::error_code engine::reset() noexcept {
  if (job_owner_ != operation::none) {
    if (job_elsewhere()) return error::job_on_other_thread;
    resume_job_to_its_end(); // with no transport bound its output ends in the spill
    if (SSL_waiting_for_async(ssl_.get()) != 0) return error::operation_in_progress;
  }
  SSL* const ssl = ssl_.get();
  ERR_clear_error();
  if (SSL_set_session(ssl, nullptr) != 1 || SSL_clear(ssl) != 1) return detail::first_openssl_error();
  if (!hook_bridge::restore(*this)) return detail::first_openssl_error();
  SSL_set_verify_result(ssl, X509_V_OK);
  SSL_free_buffers(ssl);
  if (read_buffer_big_) SSL_set_default_read_buffer_len(ssl, small_read_buffer);

  early_.reset();
  spill_.clear();
  job_in_.consume(job_in_.size());
  job_out_.consume(job_out_.size());
  failure_.reset();
  if (extras_) {
    detail::job_slot_queue::leave(*extras_);
    if (extras_->awaited) detail::answer_wait::abandon(*extras_->awaited);
    extras_->awaited.reset();
    extras_->why = extras_->cause = {};
  }
  write_error_ = read_error_ = failed_with_ = {};
  state_ = {};
  write_address_ = nullptr;
  write_total_ = write_sealed_ = 0;
  refused_depth_ = -1;
  alert_received_ = alert_sent_ = -1;
  stats_ = {};
  record_limit_ = largest_record;
  if (detail::record_sizer* const s = sizer()) s->restart();
  discarded_ = session_family_ = 0;
  session_offered_ = asked_client_ = client_unverified_ = false;
  shown_.reset();
  begun_with_ = nullptr; // sharing_ stays: it tells what the next handshake has to undo
  job_owner_ = operation::none;
  job_abandoned_ = write_committed_ = failing_ = false;
  read_blocked_ = read_full_ = read_gated_ = read_buffer_big_ = more_follows_ = false;
  apply_modes();
  return {};
}

} // namespace tlsmode
