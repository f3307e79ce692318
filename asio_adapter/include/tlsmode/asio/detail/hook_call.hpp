// SPDX-License-Identifier: BSL-1.0
// One question of a connection's hook and the coroutine that answers it, where the stream's operations run.
// Knows no hook in particular, and no OpenSSL.
#ifndef TLSMODE_ASIO_DETAIL_HOOK_CALL_HPP
#define TLSMODE_ASIO_DETAIL_HOOK_CALL_HPP

#include <tlsmode/hook.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

/// How many coroutines of a context's hooks run, and how many may.
struct hook_places {
  std::size_t most = 4096;
  std::atomic<std::size_t> taken{0};
};

/// What does not depend on the question. All of it but the beginning and the end runs in the strand.
class hook_call : public std::enable_shared_from_this<hook_call> {
 public:
  explicit hook_call(std::shared_ptr<hook_places> places) noexcept
      : places_(std::move(places)),
        fits_(places_->taken.fetch_add(1, std::memory_order_relaxed) < places_->most) {}
  virtual ~hook_call() { places_->taken.fetch_sub(1, std::memory_order_relaxed); }
  hook_call(const hook_call&) = delete;
  hook_call& operator=(const hook_call&) = delete;

  /// Answers, or says why not; later, and on the stream's executor. The stack is a job's, on which there is
  /// no room for somebody's coroutine.
  void begin(pending_answer& request);
  /// Nobody waits for the answer any more. On any thread of the stream's executor.
  void cancel();

 private:
  /// The coroutine from the question to the answer.
  virtual net::awaitable<void> answer() = 0;
  virtual void give_up(std::error_code why) noexcept = 0;
  void run();

  std::shared_ptr<hook_places> places_;
  net::any_io_executor in_; // a strand
  net::cancellation_signal cancel_;
  bool fits_;
};

template <class Request, class F>
class hook_call_of final : public hook_call {
 public:
  hook_call_of(std::shared_ptr<hook_places> places, std::shared_ptr<F> f, std::shared_ptr<Request> request)
      : hook_call(std::move(places)), f_(std::move(f)), request_(std::move(request)) {}
  // No news, unless the executor's context has ended before the coroutine did.
  ~hook_call_of() override { request_->fail(error::hook_failed); }

 private:
  net::awaitable<void> answer() override {
    request_->answer(co_await (*f_)(std::move(request_->question())));
  }
  void give_up(std::error_code why) noexcept override { request_->fail(why); }

  std::shared_ptr<F> f_; // the coroutine may be a lambda, which must outlive it
  std::shared_ptr<Request> request_;
};

template <class Request, class F>
concept answers_at_once = std::is_same_v < std::invoke_result_t<F&, typename Request::question_type>,
typename Request::answer_type > ;
template <class Request, class F>
concept answers_as_coroutine = std::is_same_v<std::invoke_result_t<F&, typename Request::question_type>,
                                              net::awaitable<typename Request::answer_type>>;

/// The core's hook for a function of the user's: one that returns the answer, or a coroutine.
template <class Request, class F>
requires answers_at_once<Request, F> || answers_as_coroutine<Request, F>
    std::function<void(std::shared_ptr<Request>)> make_hook(const std::shared_ptr<hook_places>& places, F f) {
  auto shared = std::make_shared<F>(std::move(f)); // it need not be copyable
  if constexpr (answers_at_once<Request, F>)
    return [shared](std::shared_ptr<Request> r) { r->answer((*shared)(std::move(r->question()))); };
  else
    return [shared, places](std::shared_ptr<Request> r) {
      std::make_shared<hook_call_of<Request, F>>(places, shared, r)->begin(*r);
    };
}

} // namespace detail
} // namespace tlsmode

#endif
