// SPDX-License-Identifier: BSL-1.0
// What an OpenSSL call came to: the single mapping of OpenSSL's results, and how a step ends because of them.
#include "engine_call.hpp"

#include "job_slots.hpp"
#include "thread_number.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace tlsmode {
namespace {

engine*& running_here() noexcept {
  static thread_local engine* e = nullptr;
  return e;
}

} // namespace

engine* detail::running_engine() noexcept { return running_here(); }
engine* engine::running::set(engine* e) noexcept { return std::exchange(running_here(), e); }

engine::call_result engine::interpret(operation who, int rc) {
  // A paused job first: with an error queued before the pause, SSL_get_error would say "failed".
  if (SSL_waiting_for_async(ssl_.get()) != 0) {
    if (extras_) detail::job_slot_queue::leave(*extras_);
    if (job_owner_ == operation::none) {
      job_owner_ = who;
      job_thread_ = detail::thread_number();
    }
    return {outcome::stopped, suspend::want_async, {}};
  }
  if (job_owner_ != operation::none) job_has_ended();
  job_owner_ = operation::none;
  job_abandoned_ = false;
  const int why = rc > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), rc);
  if (why != SSL_ERROR_WANT_ASYNC_JOB) leave_slot_queue(who);
  // Who refused inside of OpenSSL knows better; unless OpenSSL did not mind, and fails for something else
  // later.
  const std::error_code refusal = extras_ ? std::exchange(extras_->why, {}) : std::error_code();
  switch (why) {
  case SSL_ERROR_NONE: return {};
  case SSL_ERROR_WANT_READ:
    if (read_gated_) return {outcome::stopped, suspend::want_write, {}};
    // Not the transport's fault: OpenSSL has used up a record that held no data (AUTO_RETRY is off).
    if (!read_blocked_) return {outcome::again, suspend::none, {}};
    return {outcome::stopped, suspend::want_read, {}};
  case SSL_ERROR_WANT_WRITE: return {outcome::stopped, suspend::want_write, {}};
  case SSL_ERROR_WANT_ASYNC: return {outcome::stopped, suspend::want_async, {}};
  case SSL_ERROR_WANT_ASYNC_JOB: return wait_for_slot(who);
  case SSL_ERROR_WANT_CLIENT_HELLO_CB: return {outcome::stopped, suspend::want_client_hello, {}};
  case SSL_ERROR_WANT_X509_LOOKUP: return {outcome::stopped, suspend::want_certificate, {}};
  case SSL_ERROR_WANT_RETRY_VERIFY: return {outcome::stopped, suspend::want_verify, {}};
  case SSL_ERROR_ZERO_RETURN:
    state_.on(detail::event::close_notify_received);
    return {outcome::closed, suspend::none, error::end_of_stream};
  case SSL_ERROR_SSL:
    return {outcome::failed, suspend::none, refusal ? refusal : detail::to_error_code(ERR_peek_error())};
  default: // SSL_ERROR_SYSCALL: the BIO said why
    return {outcome::failed, suspend::none,
            read_error_ ? read_error_ : detail::to_error_code(ERR_peek_error())};
  }
}

// Turns the result of a call that did not succeed into the step's result.
step engine::finish_call(operation who, const call_result& r) {
  if (r.what == outcome::stopped) {
    if (r.why == suspend::want_read) {
      // A peer that is gone for writing and has sent nothing more will not answer.
      if (write_error_ && who == operation::handshake) return finish_failed(who, write_error_);
      enter_idle();
    }
    return stop(r.why);
  }
  if (r.what == outcome::closed && who != operation::handshake) return {suspend::none, 0, r.error};
  if (r.error == error::job_on_other_thread) return {suspend::none, 0, r.error};
  return finish_failed(who, r.error);
}

// A failed connection still owes the peer its alert; the error is reported once the alert is on its way.
step engine::finish_failed(operation who, std::error_code ec) {
  record_failure(who, ec);
  // A read may fail, say because the peer closed its side, while a write waits to go on.
  if (who == operation::write) write_total_ = 0;
  return deliver_failure();
}

step engine::deliver_failure() {
  push_spill();
  if (state_.now() == connection_state::failed && !spill_.empty()) {
    failing_ = true;
    return stop(suspend::want_write);
  }
  failing_ = false;
  return {suspend::none, 0, failed_with_};
}

std::error_code engine::ready_for(operation who) const noexcept {
  switch (state_.now()) {
  case connection_state::fresh:
  case connection_state::handshaking: return error::handshake_needed;
  case connection_state::failed: return failed_with_;
  case connection_state::open: break;
  case connection_state::close_sent:
    if (who == operation::write) return error::write_after_shutdown;
    break;
  case connection_state::close_received:
    if (who == operation::read) return error::end_of_stream;
    break;
  case connection_state::closed:
    if (who == operation::write) return error::write_after_shutdown;
    if (who == operation::read) return error::end_of_stream;
    break;
  }
  return {};
}

step engine::stop(suspend why) noexcept {
  switch (why) {
  case suspend::want_read: ++stats_.suspended_read; break;
  case suspend::want_write: ++stats_.suspended_write; break;
  case suspend::want_async:
  case suspend::want_async_job: ++stats_.suspended_async; break;
  default: ++stats_.suspended_other; break;
  }
  return {why, 0, {}};
}

} // namespace tlsmode
