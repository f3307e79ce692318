// SPDX-License-Identifier: BSL-1.0
// Hooks as coroutines: what does not depend on the question.
#include <tlsmode/asio/detail/answer_host.hpp>
#include <tlsmode/asio/detail/hook_call.hpp>

#include <boost/asio/dispatch.hpp>

namespace tlsmode::detail {

// Without a host nobody runs an event loop for the connection: a blocking handshake, or the core alone.
void hook_call::begin(pending_answer& request) {
  const auto host = asio_answer_host::of(request);
  if (host == nullptr) return give_up(error::hooks_need_async);
  const net::any_io_executor ex = host->executor();
  if (!fits_ || !ex) return give_up(error::hook_failed);
  // In a strand of its own: a coroutine's cancellation must not come from another thread.
  in_ = net::make_strand(ex);
  net::post(in_, [self = shared_from_this()] { self->run(); });
  cancel_when_abandoned(request, host, shared_from_this());
}

void hook_call::cancel() {
  net::dispatch(in_, [self = shared_from_this()] { self->cancel_.emit(net::cancellation_type::terminal); });
}

void hook_call::run() {
  try {
    auto done = [self = shared_from_this()](std::exception_ptr e) {
      if (e) self->give_up(error::hook_failed); // or nobody waits any more
    };
    net::co_spawn(in_, answer(), net::bind_cancellation_slot(cancel_.slot(), std::move(done)));
  } catch (...) { // there is no coroutine
    give_up(error::hook_failed);
  }
}

} // namespace tlsmode::detail
