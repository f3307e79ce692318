// SPDX-License-Identifier: BSL-1.0
// Signing by coroutines.
#include <tlsmode/asio/coroutine_signer.hpp>

#include <tlsmode/asio/detail/answer_host.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

namespace tlsmode {
namespace {

using strand = net::strand<net::any_io_executor>;

// What an exception says, as the reason why there is no signature.
std::error_code reason_in(const std::exception_ptr& e) noexcept {
  try {
    std::rethrow_exception(e);
  } catch (const boost::system::system_error& s) {
    return s.code();
  } catch (const std::system_error& s) {
    return s.code();
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  } catch (...) {
    return error::signer_failed;
  }
}

} // namespace

// Outlives the signer while coroutines run: they may be lambdas, and refer to what these captured.
struct coroutine_signer::shared {
  function sign;
  std::size_t most;
  std::atomic<std::size_t> running{0};
};

// One request and its coroutine. All of it runs in the strand.
struct coroutine_signer::work : std::enable_shared_from_this<work> {
  work(std::shared_ptr<signature_request> r, std::shared_ptr<shared> o, const net::any_io_executor& ex)
      : request(std::move(r)), owner(std::move(o)), in(net::make_strand(ex)),
        place(owner->running.fetch_add(1, std::memory_order_relaxed)) {}
  ~work() {
    request->fail(error::signer_failed); // no news unless the executor's context ended before the coroutine
    owner->running.fetch_sub(1, std::memory_order_relaxed);
  }
  work(const work&) = delete;
  work& operator=(const work&) = delete;

  void start() {
    if (request->abandoned()) return;
    try {
      auto done = [self = shared_from_this()](std::exception_ptr e, const std::vector<std::byte>& signature) {
        if (e)
          self->request->fail(reason_in(e));
        else
          self->request->succeed(signature);
      };
      net::co_spawn(in, owner->sign(*request), net::bind_cancellation_slot(signal.slot(), std::move(done)));
    } catch (...) { // there is no coroutine
      request->fail(reason_in(std::current_exception()));
    }
  }
  void cancel() {
    net::dispatch(in, [self = shared_from_this()] { self->signal.emit(net::cancellation_type::terminal); });
  }

  const std::shared_ptr<signature_request> request;
  const std::shared_ptr<shared> owner;
  const strand in;
  const std::size_t place; // how many were running before
  net::cancellation_signal signal;
};

coroutine_signer::coroutine_signer(function sign, std::vector<std::byte> public_key_der, std::size_t most)
    : coroutine_signer(net::any_io_executor(), std::move(sign), std::move(public_key_der), most) {}

coroutine_signer::coroutine_signer(net::any_io_executor ex, function sign,
                                   std::vector<std::byte> public_key_der, std::size_t most)
    : shared_(std::make_shared<shared>()), public_key_der_(std::move(public_key_der)) {
  if (ex) own_host_ = std::make_shared<detail::asio_answer_host>(std::move(ex));
  shared_->sign = std::move(sign);
  shared_->most = most;
}

coroutine_signer::~coroutine_signer() = default;

// Runs on the stack of a job, of which a coroutine would take too much: it is only started elsewhere.
void coroutine_signer::sign(std::shared_ptr<signature_request> request) {
  const auto host = own_host_ ? own_host_ : detail::asio_answer_host::of(*request);
  const net::any_io_executor ex = host ? host->executor() : net::any_io_executor();
  if (!ex) {
    request->fail(std::make_error_code(std::errc::operation_not_supported));
    return;
  }
  const auto w = std::make_shared<work>(request, shared_, ex);
  if (w->place >= shared_->most) {
    request->fail(error::signer_busy);
    return;
  }
  net::post(w->in, [w] { w->start(); });
  detail::cancel_when_abandoned(*request, host, w);
}

std::size_t coroutine_signer::running() const noexcept {
  return shared_->running.load(std::memory_order_relaxed);
}

} // namespace tlsmode
