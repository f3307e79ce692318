// SPDX-License-Identifier: BSL-1.0
// What Boost.Asio does not say in the same words in all its versions. The only place that asks for a version.
#ifndef TLSMODE_ASIO_DETAIL_ASIO_COMPAT_HPP
#define TLSMODE_ASIO_DETAIL_ASIO_COMPAT_HPP

#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/detail/scheduler.hpp>
#include <boost/asio/execution/context_as.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>
#if __has_include(<boost/asio/config.hpp>) // since Boost 1.88
#include <boost/asio/config.hpp>
#endif

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

using net_scheduler = net::detail::scheduler; // what runs the handlers of io_context and thread_pool

/// True if whoever made the context said that one thread at a time will run it.
[[nodiscard]] inline bool made_for_one_thread(net::execution_context& context) {
#if __has_include(<boost/asio/config.hpp>)
  const net::config settings(context);
  return net::has_service<net_scheduler>(context) && (settings.get("scheduler", "concurrency_hint", 0) == 1 ||
                                                      !settings.get("scheduler", "locking", true));
#else
  if (!net::has_service<net_scheduler>(context)) return false;
  const int hint = net::use_service<net_scheduler>(context).concurrency_hint();
  return hint == 1 || !BOOST_ASIO_CONCURRENCY_HINT_IS_LOCKING(SCHEDULER, hint);
#endif
}

/// True if that context runs the calling function. Precondition: made_for_one_thread().
[[nodiscard]] inline bool runs_this_thread(net::execution_context& context) {
  return net::use_service<net_scheduler>(context).can_dispatch();
}

/// The context behind an executor; null if the executor does not tell.
template <class Executor>
[[nodiscard]] net::execution_context* context_of(const Executor& ex) {
  using context = net::execution::context_as_t<net::execution_context&>;
  if constexpr (net::can_query<const Executor&, context>::value)
    return &net::query(ex, context());
  else
    return nullptr;
}

} // namespace detail
} // namespace tlsmode

#endif
