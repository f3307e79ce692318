// SPDX-License-Identifier: BSL-1.0
// The one way into OpenSSL for an operation of the engine, and the binding of a transport to a step.
// Private to the core.
#ifndef TLSMODE_SRC_ENGINE_CALL_HPP
#define TLSMODE_SRC_ENGINE_CALL_HPP

#include "openssl_handle.hpp"

#include <tlsmode/engine.hpp>

#include <openssl/err.h>

#include <utility>

namespace tlsmode {

/// Lends a transport to the engine for the length of a step.
class engine::transport_binding {
 public:
  transport_binding(engine& e, transport& t) noexcept : engine_(e) { e.transport_ = &t; }
  ~transport_binding() { engine_.transport_ = nullptr; }
  transport_binding(const transport_binding&) = delete;
  transport_binding& operator=(const transport_binding&) = delete;

 private:
  engine& engine_;
};

/// Runs one OpenSSL call of `who`. While a job is paused only its owner gets in, and only on the job's
/// thread.
template <class Call>
engine::call_result engine::call(operation who, Call&& openssl_call) {
  if (job_owner_ != operation::none) {
    if (job_owner_ != who) return {outcome::stopped, suspend::want_turn, {}};
    if (job_thread_ != std::this_thread::get_id())
      return {outcome::failed, suspend::none, error::job_on_other_thread};
  }
  if (ERR_peek_error() != 0) ERR_clear_error(); // left by somebody else; SSL_get_error would take it for ours
  read_blocked_ = read_gated_ = false;
  const int rc = std::forward<Call>(openssl_call)();
  if (rc > 0 && job_owner_ == operation::none) return {};
  return interpret(who, rc);
}

} // namespace tlsmode

#endif
