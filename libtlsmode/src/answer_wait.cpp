// SPDX-License-Identifier: BSL-1.0
// Questions asked in the middle of an operation: the part of who answers, and that of who waits.
#include "answer_wait.hpp"

#include "engine_call.hpp"

#include <openssl/async.h>
#include <openssl/err.h>

namespace tlsmode {

// ---- who answers ----

bool pending_answer::abandoned() const noexcept {
  const std::lock_guard lock(mutex_);
  return state_ == state::abandoned;
}

void pending_answer::on_abandoned(std::function<void()> f) {
  std::unique_lock lock(mutex_);
  if (state_ == state::open) {
    on_abandoned_ = std::move(f);
    return;
  }
  const bool tell = state_ == state::abandoned;
  lock.unlock();
  if (tell && f) f();
}

void pending_answer::wake(std::unique_lock<std::mutex> lock) {
  const auto waker = std::move(waker_);
  const auto told = std::move(on_abandoned_); // may own the answering side: destroyed without the lock
  on_abandoned_ = nullptr;
  changed_.notify_all();
  lock.unlock();
  if (waker && *waker) (*waker)();
}

namespace detail {

// ---- who asks ----

std::shared_ptr<job_extras> answer_wait::current() noexcept {
  engine* const e = running_engine();
  if (e == nullptr) return nullptr;
  try {
    return e->extras();
  } catch (...) {
    return nullptr;
  }
}

void answer_wait::fail_with(std::error_code why, std::error_code cause) noexcept {
  const auto extras = current();
  if (!extras || extras->why) return;
  extras->why = why;
  extras->cause = cause;
}

bool answer_wait::in_job() noexcept { return ASYNC_get_current_job() != nullptr; }

void answer_wait::prepare(pending_answer& q, std::chrono::milliseconds limit) noexcept {
  const auto now = pending_answer::clock::now();
  // In the coarser unit: the longest limits are not to be had in nanoseconds.
  const auto longest = std::chrono::floor<std::chrono::milliseconds>(pending_answer::no_deadline - now);
  q.deadline_ = limit >= longest ? pending_answer::no_deadline : now + limit;
  if (const auto extras = current()) q.host_ = extras->host;
}

waited answer_wait::pause(const std::shared_ptr<pending_answer>& q) noexcept {
  // The job may outlive the engine, not what it shares with it.
  const std::shared_ptr<job_extras> extras = current();
  ASYNC_WAIT_CTX* const context = ASYNC_get_wait_ctx(ASYNC_get_current_job());
  const int status = ASYNC_WAIT_CTX_get_status(context);
  if (extras) {
    remember(q);
    if (extras->callback) ASYNC_WAIT_CTX_set_status(context, ASYNC_STATUS_OK);
  }
  waited result = waited::answered;
  for (;;) {
    const standing now = poll(*q);
    if (now == standing::answered) break;
    if (now == standing::late) {
      result = waited::late;
      break;
    }
    const bool ending = extras && extras->ending;
    if (!ending && now == standing::abandoned) {
      result = waited::cancelled;
      break;
    }
    if (ending || ASYNC_pause_job() == 0) { // which OpenSSL refuses for want of memory alone
      abandon(*q);
      result = waited::ending;
      break;
    }
  }
  if (extras && extras->awaited == q) extras->awaited.reset();
  ASYNC_WAIT_CTX_set_status(context, status); // the next pause may be of crypto that calls nobody
  return result;
}

waited answer_wait::block(pending_answer& q) noexcept {
  std::unique_lock lock(q.mutex_);
  const auto over = [&q] { return q.state_ != pending_answer::state::open; };
  if (q.deadline_ == pending_answer::no_deadline)
    q.changed_.wait(lock, over);
  else
    q.changed_.wait_until(lock, q.deadline_, over);
  if (q.state_ == pending_answer::state::answered) return waited::answered;
  const bool late = q.state_ == pending_answer::state::open;
  lock.unlock();
  abandon(q);
  return late ? waited::late : waited::ending;
}

answer_wait::standing answer_wait::poll(pending_answer& q) noexcept {
  {
    const std::lock_guard lock(q.mutex_);
    if (q.state_ == pending_answer::state::answered) return standing::answered;
    if (q.state_ == pending_answer::state::abandoned) return standing::abandoned;
    if (q.deadline_ == pending_answer::no_deadline || pending_answer::clock::now() < q.deadline_)
      return standing::waiting;
  }
  abandon(q);
  const std::lock_guard lock(q.mutex_); // it may have been answered at the last moment
  return q.state_ == pending_answer::state::answered ? standing::answered : standing::late;
}

void answer_wait::remember(const std::shared_ptr<pending_answer>& q) noexcept {
  const auto extras = current();
  if (!extras) return;
  extras->awaited = q;
  const std::lock_guard lock(q->mutex_);
  if (q->state_ == pending_answer::state::open) q->waker_ = extras->callback;
}

void answer_wait::abandon(pending_answer& q) noexcept {
  std::function<void()> tell;
  std::shared_ptr<std::function<void()>> waker;
  {
    const std::lock_guard lock(q.mutex_);
    if (q.state_ != pending_answer::state::open) return;
    q.state_ = pending_answer::state::abandoned;
    waker = std::move(q.waker_);
    tell = std::move(q.on_abandoned_);
    q.on_abandoned_ = nullptr;
    q.changed_.notify_all();
  }
  if (tell) tell();
}

} // namespace detail
} // namespace tlsmode
