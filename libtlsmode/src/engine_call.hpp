// SPDX-License-Identifier: BSL-1.0
// The one way into OpenSSL for an operation of the engine, and the binding of a transport to a step.
// Private to the core.
#ifndef TLSMODE_SRC_ENGINE_CALL_HPP
#define TLSMODE_SRC_ENGINE_CALL_HPP

#include "job_extras.hpp"
#include "openssl_handle.hpp"

#include <tlsmode/engine.hpp>

#include <openssl/err.h>

#include <utility>

namespace tlsmode {

/// Lends a transport to the engine for the length of a step.
class engine::transport_binding {
 public:
  transport_binding(engine& e, transport& t) noexcept : engine_(e) { e.transport_ = &t; }
  ~transport_binding() {
    engine_.transport_ = nullptr;
    engine_.held_ = nullptr; // that lived in the step
  }
  transport_binding(const transport_binding&) = delete;
  transport_binding& operator=(const transport_binding&) = delete;

 private:
  engine& engine_;
};

namespace detail {
/// The engine whose operation runs on this thread and may ask somebody; null if there is none.
[[nodiscard]] engine* running_engine() noexcept;
} // namespace detail

/// Tells code that OpenSSL calls back whose operation runs on this thread, for the length of one call.
class engine::running {
 public:
  running(engine& e, bool may_ask) noexcept : told_(may_ask) {
    if (told_) before_ = set(&e);
  }
  ~running() {
    if (told_) set(before_);
  }
  running(const running&) = delete;
  running& operator=(const running&) = delete;

 private:
  static engine* set(engine* e) noexcept;
  bool told_;
  engine* before_ = nullptr;
};

/// Runs one OpenSSL call of `who`. While a job is paused only its owner gets in, and only on the job's
/// thread.
template <class Call>
engine::call_result engine::call(operation who, Call&& openssl_call) {
  if (job_owner_ != operation::none) {
    if (job_owner_ != who) return {outcome::stopped, suspend::want_turn, {}};
    if (job_elsewhere()) return {outcome::failed, suspend::none, error::job_on_other_thread};
  }
  if (ERR_peek_error() != 0) ERR_clear_error(); // left by somebody else; SSL_get_error would take it for ours
  read_blocked_ = read_gated_ = false;
  const running told(*this, who == operation::handshake || job_scope_covers(who));
  const int rc = std::forward<Call>(openssl_call)();
  const bool look_closer =
      extras_ && (extras_->slots || extras_->why); // it waited for a slot, or somebody refused
  if (rc > 0 && job_owner_ == operation::none && !look_closer) return {};
  return interpret(who, rc);
}

} // namespace tlsmode

#endif
