// SPDX-License-Identifier: BSL-1.0
// The engine's shutdown: close_notify out, and then what the caller wants of the peer.
#include "engine_call.hpp"

#include <tlsmode/engine.hpp>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>

namespace tlsmode {
namespace {

// What draining shutdowns drop at most, in all their steps, before they give up on the peer.
constexpr std::size_t drain_limit = 16 * 1024 * 1024;

} // namespace

step engine::shutdown(transport& t, shutdown_form form) {
  const transport_binding bound(*this, t);
  if (failing_) return deliver_failure();
  if (const std::error_code ec = ready_for(operation::shutdown)) return {suspend::none, 0, ec};
  if (write_total_ != 0) return {suspend::none, 0, error::operation_in_progress};
  if (has_abandoned_work())
    if (const call_result r = finish_abandoned_work(); r.what != outcome::ok)
      return finish_call(operation::shutdown, r);
  if (state_.now() == connection_state::open || state_.now() == connection_state::close_received) {
    const call_result r = send_close_notify();
    if (r.what != outcome::ok) return finish_call(operation::shutdown, r);
  }
  push_spill();
  if (write_error_) return finish_failed(operation::shutdown, write_error_);
  if (!spill_.empty()) return stop(suspend::want_write);
  if (form == shutdown_form::send_only || state_.now() == connection_state::closed) return {};
  return await_close_notify(form);
}

engine::call_result engine::send_close_notify() {
  call_result r;
  do {
    r = call(operation::shutdown, [&] {
      // OpenSSL does not shut down with a KeyUpdate still to send, or in the middle of a ticket.
      int rc = SSL_in_init(ssl_.get()) != 0 ? SSL_do_handshake(ssl_.get()) : 1;
      if (rc != 1) return rc;
      rc = SSL_shutdown(ssl_.get());
      return rc == 0 ? 1 : rc; // 0: sent, and the peer's is still to come
    });
  } while (r.what == outcome::again);
  if (r.what == outcome::ok) state_.on(detail::event::close_notify_sent);
  return r;
}

step engine::await_close_notify(shutdown_form form) {
  const bool drain = form == shutdown_form::drain;
  for (;;) {
    std::size_t n = 0;
    const call_result r = drain ? discard(n) : peek();
    if (r.what == outcome::again) continue;
    if (r.what == outcome::closed) return {};
    if (r.what != outcome::ok) return finish_call(operation::shutdown, r);
    if (!drain || (discarded_ += static_cast<std::uint32_t>(n)) > drain_limit)
      return {suspend::none, 0,
              detail::to_error_code(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY))};
  }
}

// Reads and drops some of what the peer still sends.
engine::call_result engine::discard(std::size_t& n) {
  if (reads_through_job()) {
    const call_result r = run_job_read();
    n = job_in_.size();
    job_in_.consume(n);
    return r;
  }
  prepare_read_buffer();
  std::array<std::byte, 4096> dropped;
  const call_result r =
      call(operation::read, [&] { return SSL_read_ex(ssl_.get(), dropped.data(), dropped.size(), &n); });
  OPENSSL_cleanse(dropped.data(), dropped.size());
  return r;
}

} // namespace tlsmode
