// SPDX-License-Identifier: BSL-1.0
// Putting a question to a hook and waiting for the answer: in a job, or between two calls of a callback that
// OpenSSL repeats. Private to the core.
#ifndef TLSMODE_SRC_HOOK_ASKING_HPP
#define TLSMODE_SRC_HOOK_ASKING_HPP

#include "answer_wait.hpp"
#include "engine_call.hpp"
#include "hook_bridge.hpp"

namespace tlsmode {

/// A connection in its handshake, and the hooks that it asks.
struct hook_bridge::asking {
  engine& e;
  SSL* ssl;
  const hooks& h;
  std::shared_ptr<detail::job_extras> extras; // outlives the engine, if need be

  /// Whose hooks are asked: those of the context that the connection has now, or of the one it was made of,
  /// to which OpenSSL keeps for sessions.
  enum class of_context : std::uint8_t { now, first };
  /// Nothing if nobody can be asked: the callback must then fail, and the reason is noted.
  static std::optional<asking> by(SSL* ssl, of_context which) noexcept;

  /// Notes why the handshake fails; the first reason counts.
  void fail(std::error_code why) const noexcept {
    if (!extras->why) extras->why = why;
  }
  /// Throws std::bad_alloc.
  [[nodiscard]] detail::hook_progress& progress() const {
    if (!extras->hooks) extras->hooks = std::make_shared<detail::hook_progress>();
    return *extras->hooks;
  }
  /// True if the running job, if any, is that of this connection.
  [[nodiscard]] bool can_pause() const noexcept {
    return detail::answer_wait::in_job() && e.job_scope_covers(engine::operation::handshake);
  }
};

// Null if that failed.
template <class Request, class Make>
std::shared_ptr<Request>
hook_bridge::put(asking& a, const std::function<void(std::shared_ptr<Request>)>& hook, const Make& question) {
  std::shared_ptr<Request> r;
  try {
    r = std::make_shared<Request>(question());
    detail::answer_wait::prepare(*r, a.h.time_limit);
    hook(r);
    return r;
  } catch (...) {
    if (r) detail::answer_wait::abandon(*r);
    a.fail(error::hook_failed);
    return nullptr;
  }
}

// What a request came to; false if it holds no answer.
template <class Request>
bool hook_bridge::take(asking& a, Request& r) {
  if (r.failed_) a.fail(r.failed_);
  return !r.failed_;
}

// The request with its answer; null if the handshake must fail.
template <class Request, class Make>
std::shared_ptr<Request> hook_bridge::ask_in_job(asking& a,
                                                 const std::function<void(std::shared_ptr<Request>)>& hook,
                                                 const Make& question) {
  using detail::answer_wait;
  using detail::waited;
  for (;;) {
    const std::shared_ptr<Request> r = put(a, hook, question);
    if (!r) return nullptr;
    waited how = waited::answered;
    if (answer_wait::poll(*r) != answer_wait::standing::answered) {
      if (!a.can_pause()) {
        answer_wait::abandon(*r);
        a.fail(error::hook_cannot_wait);
        return nullptr;
      }
      how = answer_wait::pause(r);
    }
    switch (how) {
    case waited::answered: return take(a, *r) ? r : nullptr;
    case waited::late: a.fail(error::hook_timed_out); return nullptr;
    case waited::ending: return nullptr;
    case waited::cancelled: break; // and called again
    }
  }
}

// For callbacks that OpenSSL calls again. `slot` keeps the request meanwhile, and holds it with its answer.
template <class Request, class Make>
hook_bridge::got hook_bridge::ask_again(asking& a, std::shared_ptr<Request>& slot,
                                        const std::function<void(std::shared_ptr<Request>)>& hook,
                                        const Make& question) {
  using detail::answer_wait;
  using standing = answer_wait::standing;
  if (slot && answer_wait::poll(*slot) == standing::abandoned) slot.reset(); // cancelled, and called again
  if (!slot) slot = put(a, hook, question);
  if (!slot) return got::failure;
  answer_wait::remember(slot); // before the last look, so that no answer goes by unnoticed
  const standing now = answer_wait::poll(*slot);
  if (now == standing::waiting) return got::nothing_yet;
  a.extras->awaited.reset();
  if (now != standing::answered) a.fail(error::hook_timed_out);
  if (now == standing::answered && take(a, *slot)) return got::answer;
  slot.reset();
  return got::failure;
}

} // namespace tlsmode

#endif
