// SPDX-License-Identifier: BSL-1.0
// Hooks as coroutines: what does not depend on the question.
#include <tlsmode/asio/detail/answer_host.hpp>
#include <tlsmode/asio/detail/hook_call.hpp>

namespace tlsmode::detail {

// Without a host nobody runs an event loop for the connection: a blocking handshake, or the core alone.
void hook_call::begin(pending_answer& request) {
  const auto* const host = asio_answer_host::of(request);
  if (host == nullptr) return give_up(error::hooks_need_async);
  if (!fits_) return give_up(error::hook_failed);
  // In a strand of its own: a coroutine's cancellation must not come from another thread.
  const strand in = net::make_strand(host->executor);
  net::post(in, [self = shared_from_this(), in] { self->run(in); });
  request.on_abandoned([weak = weak_from_this(), in] {
    net::post(in, [weak] {
      if (const auto still = weak.lock()) still->cancel_.emit(net::cancellation_type::terminal);
    });
  });
}

void hook_call::run(const strand& in) {
  try {
    auto done = [self = shared_from_this()](std::exception_ptr e) {
      if (e) self->give_up(error::hook_failed); // or nobody waits any more
    };
    net::co_spawn(in, answer(), net::bind_cancellation_slot(cancel_.slot(), std::move(done)));
  } catch (...) { // there is no coroutine
    give_up(error::hook_failed);
  }
}

} // namespace tlsmode::detail
