// SPDX-License-Identifier: BSL-1.0
// Hooks: what OpenSSL asks of a program in the middle of a handshake, answered at once or later, from any
// thread. Set once per context; each connection asks for itself. Knows no event loop.
//
//   hooks h;
//   h.client_hello = [](std::shared_ptr<client_hello_request> r) {
//     find_context(r->question().server_name, [r](SSL_CTX* c) { r->answer(client_hello_answer::use(c)); });
//   };
//   if (auto ec = set_hooks(ctx.native_handle(), std::move(h))) ...
//
// The rules, which hold for all hooks:
// - No answer in time is a refusal: hook_timed_out. A hook that throws, or says fail(), refuses: hook_failed.
// - While an answer is awaited the handshake stops with a reason (suspend.hpp) and engine::answer_awaited();
//   where it cannot stop, outside of a job or of an engine, it fails: hook_cannot_wait. None is ever skipped.
// - A handshake that is cancelled abandons the question; one that is called again asks again.
// - Only handshakes ask: authentication after the handshake is refused on contexts with hooks.
#ifndef TLSMODE_HOOK_HPP
#define TLSMODE_HOOK_HPP

#include <tlsmode/error.hpp>
#include <tlsmode/hook_questions.hpp>
#include <tlsmode/job.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tlsmode {

/// One question of one connection, and the place for its answer. Shared by the connection and whoever
/// answers. Thread safety: as pending_answer; the question itself belongs to whoever answers.
template <class Question, class Answer>
class hook_request final : public pending_answer {
 public:
  using question_type = Question;
  using answer_type = Answer;

  explicit hook_request(Question q) : question_(std::move(q)) {}
  /// What is asked; may be moved from.
  [[nodiscard]] Question& question() noexcept { return question_; }
  /// Answers. False if it was too late, or not the first answer: it is ignored then.
  bool answer(Answer a) {
    return pending_answer::answer([&] { answer_.emplace(std::move(a)); });
  }
  /// Says that there will be no answer, and so fails the handshake. Returns as answer().
  bool fail(std::error_code why = error::hook_failed) {
    return pending_answer::answer([&] { failed_ = why ? why : error::hook_failed; });
  }

 private:
  friend struct hook_bridge;
  Question question_;
  std::optional<Answer> answer_;
  std::error_code failed_;
};

using client_hello_request = hook_request<client_hello, client_hello_answer>;
using certificate_request = hook_request<certificate_wanted, certificate_answer>;
using verify_request = hook_request<peer_certificates, verify_answer>;
using ticket_key_request = hook_request<ticket_key_wanted, ticket_key_answer>;
using session_request = hook_request<session_wanted, session_answer>;
using staple_request = hook_request<staple_wanted, staple_answer>;

/// The hooks of a context; those that are empty are not asked. Each is called in the middle of a handshake,
/// on its thread and, with mode::async, on the small stack of its job (32 KiB): it passes the request on, or
/// answers what it can answer at once. It must not use the connection. Several connections may be in the
/// same hook on several threads.
struct hooks {
  /// Server: a client's first message has come; nothing is agreed on yet. Asked once in a handshake, also if
  /// the client has to send its message twice; a client that changes the name is refused. Source:
  /// SSL_CTX_set_client_hello_cb(3).
  std::function<void(std::shared_ptr<client_hello_request>)> client_hello;
  /// Both sides: which certificate to show. On a client only if the server asks for one; on a server not in
  /// resumptions. Source: SSL_CTX_set_cert_cb(3).
  std::function<void(std::shared_ptr<certificate_request>)> certificate;
  /// Both sides: the peer has shown a certificate. A context that has this hook verifies: on clients
  /// SSL_VERIFY_NONE counts as SSL_VERIFY_PEER, and the hook decides; on servers set_verify() or
  /// context::require_client_certificate() make clients show one, and the hook is not asked about those who
  /// may show none and do so. Sessions made with this hook are not resumed: the next connection asks again.
  std::function<void(std::shared_ptr<verify_request>)> verify;
  /// Server: the keys for tickets. Source: SSL_CTX_set_tlsext_ticket_key_evp_cb(3).
  std::function<void(std::shared_ptr<ticket_key_request>)> ticket_key;
  /// Server: a session that a client wants to resume. Sessions are then kept nowhere else: no tickets with
  /// the session inside, no cache of OpenSSL's. Source: SSL_CTX_sess_set_get_cb(3).
  std::function<void(std::shared_ptr<session_request>)> session;
  /// Server: a client wants an OCSP response. Source: SSL_CTX_set_tlsext_status_cb(3).
  std::function<void(std::shared_ptr<staple_request>)> staple;

  /// Notifications, which nobody waits for: a session is there to be kept (on a client with TLS 1.3 that is
  /// during a read), or must not be used any more; OpenSSL holds that of the session of a connection that
  /// ends without this side's close_notify, too. What they throw is dropped. Source:
  /// SSL_CTX_sess_set_new_cb(3).
  std::function<void(const stored_session&)> new_session;
  std::function<void(const stored_session&)> removed_session;

  /// How long each question may take; more than 0.
  std::chrono::milliseconds time_limit = std::chrono::seconds(10);
  /// For contexts of this library with a ticket_key or session hook: contexts with the same text here, also
  /// in other processes, take each other's sessions, provided that they ask the same of client certificates.
  /// Empty: each context for itself. A native context has SSL_CTX_set_session_id_context(3) for that.
  std::string session_group;
  /// Answers need an event loop that only asynchronous operations run: a blocking handshake is to be refused
  /// with hooks_need_async, see engine::hooks_need_async().
  bool need_async = false;
};

/// Sets the hooks of a context, native or not, in place of those set before. If there is any that can be
/// waited for, mode::async is added. To be called before connections are made, on one thread. The callbacks
/// of OpenSSL that are named above are taken for hooks that are set, and must not be set otherwise from then
/// on. Errors, with nothing changed: bad_option for null, for a time limit of 0 or less, and for hooks of a
/// server on a context for clients only; std::errc::not_enough_memory.
[[nodiscard]] std::error_code set_hooks(SSL_CTX* ctx, hooks h) noexcept;
[[nodiscard]] inline std::error_code set_hooks(const context& ctx, hooks h) noexcept {
  return set_hooks(ctx.native_handle(), std::move(h));
}

} // namespace tlsmode

#endif
