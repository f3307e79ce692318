// SPDX-License-Identifier: BSL-1.0
// Hooks as coroutines: what OpenSSL asks in the middle of a handshake, co_awaited on the stream's executor.
//
//   tlsmode::async_hooks h;
//   h.on_client_hello([&](tlsmode::client_hello hello) -> net::awaitable<tlsmode::client_hello_answer> {
//     net::ssl::context* const tenant = co_await tenants.async_find(hello.server_name, net::use_awaitable);
//     if (tenant == nullptr) co_return
//     tlsmode::client_hello_answer::refuse(tlsmode::alert::unrecognized_name); co_return
//     tlsmode::client_hello_answer::use(tenant->native_handle());
//   });
//   if (auto ec = set_hooks(ctx, std::move(h))) ...
#ifndef TLSMODE_ASIO_HOOKS_HPP
#define TLSMODE_ASIO_HOOKS_HPP

#include <tlsmode/hook.hpp>

#include <tlsmode/asio/detail/hook_call.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace tlsmode {
namespace net = boost::asio;

/// The hooks of a context, each a function of one question, taken by value, that returns either the answer or
/// net::awaitable of it. What is asked when is with the members of tlsmode::hooks.
///
/// A coroutine runs on the executor of its stream, in a strand of its own; what it needs besides its
/// parameter it must own, or see to it that it lives. An exception fails the handshake with hook_failed. When
/// the handshake is cancelled, reaches its deadline or time limit, or loses its stream, the coroutine is
/// cancelled: terminal, on its executor. A coroutine that ignores that goes on, and its answer counts for
/// nothing. A function that returns the answer is called in the middle of the handshake and must not wait:
/// where the step runs, which with placement::job_threads is a job thread, and for several connections at a
/// time. So are the notifications. With coroutines, blocking handshakes fail with hooks_need_async, and
/// streams need mode::async, which set_hooks() adds to the context.
class async_hooks {
 public:
  async_hooks() : places_(std::make_shared<detail::hook_places>()) {}

  /// F: client_hello -> client_hello_answer. Server: which context, or none at all.
  template <class F>
  async_hooks& on_client_hello(F f) {
    return set(hooks_.client_hello, std::move(f));
  }
  /// F: certificate_wanted -> certificate_answer. Both sides: which certificate to show.
  template <class F>
  async_hooks& on_certificate(F f) {
    return set(hooks_.certificate, std::move(f));
  }
  /// F: peer_certificates -> verify_answer. Both sides: whether the peer is acceptable.
  template <class F>
  async_hooks& on_verify(F f) {
    return set(hooks_.verify, std::move(f));
  }
  /// F: ticket_key_wanted -> ticket_key_answer. Server: the keys of session tickets.
  template <class F>
  async_hooks& on_ticket_key(F f) {
    return set(hooks_.ticket_key, std::move(f));
  }
  /// F: session_wanted -> session_answer. Server: a session kept elsewhere.
  template <class F>
  async_hooks& on_session(F f) {
    return set(hooks_.session, std::move(f));
  }
  /// F: staple_wanted -> staple_answer. Server: the OCSP response to send along.
  template <class F>
  async_hooks& on_staple(F f) {
    return set(hooks_.staple, std::move(f));
  }

  /// Notifications, which cannot wait: of a session to keep, and of one that must not be used any more.
  async_hooks& on_new_session(std::function<void(const stored_session&)> f) {
    hooks_.new_session = std::move(f);
    return *this;
  }
  async_hooks& on_removed_session(std::function<void(const stored_session&)> f) {
    hooks_.removed_session = std::move(f);
    return *this;
  }

  /// How long each question may take: hook_timed_out after that. 10 seconds at first.
  async_hooks& set_time_limit(std::chrono::milliseconds limit) {
    hooks_.time_limit = limit;
    return *this;
  }
  /// See hooks::session_group.
  async_hooks& set_session_group(std::string group) {
    hooks_.session_group = std::move(group);
    return *this;
  }
  /// How many coroutines may run at a time, of all hooks and connections; beyond that a question fails with
  /// hook_failed. A connection has one question at a time, so the limit matters where coroutines do not heed
  /// their cancellation. 4096 at first.
  async_hooks& set_most(std::size_t most) {
    places_->most = most;
    return *this;
  }

  /// The core's form of them.
  [[nodiscard]] hooks release() && { return std::move(hooks_); }

 private:
  template <class Request, class F>
  async_hooks& set(std::function<void(std::shared_ptr<Request>)>& hook, F f) {
    hooks_.need_async = hooks_.need_async || detail::answers_as_coroutine<Request, F>;
    hook = detail::make_hook<Request>(places_, std::move(f));
    return *this;
  }

  std::shared_ptr<detail::hook_places> places_;
  hooks hooks_;
};

/// Sets the hooks of a context, of whatever kind, before its first stream. Errors and the rest: as
/// set_hooks() of the core.
[[nodiscard]] inline std::error_code set_hooks(SSL_CTX* ctx, async_hooks h) noexcept {
  return set_hooks(ctx, std::move(h).release());
}
[[nodiscard]] inline std::error_code set_hooks(const context& ctx, async_hooks h) noexcept {
  return set_hooks(ctx.native_handle(), std::move(h).release());
}
[[nodiscard]] inline std::error_code set_hooks(net::ssl::context& ctx, async_hooks h) noexcept {
  return set_hooks(ctx.native_handle(), std::move(h).release());
}
[[nodiscard]] inline std::error_code set_hooks(net::ssl::context& ctx, hooks h) noexcept {
  return set_hooks(ctx.native_handle(), std::move(h));
}

} // namespace tlsmode

#endif
