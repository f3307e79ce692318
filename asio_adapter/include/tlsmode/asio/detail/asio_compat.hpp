// SPDX-License-Identifier: BSL-1.0
// What differs between versions and platforms of Boost.Asio: the only place with an #if for it. Boost 1.81
// has all that the stream needs; what newer ones add is used where it is there.
#ifndef TLSMODE_ASIO_DETAIL_ASIO_COMPAT_HPP
#define TLSMODE_ASIO_DETAIL_ASIO_COMPAT_HPP

#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/detail/config.hpp>
#include <boost/asio/detail/scheduler.hpp>
#include <boost/asio/execution/context_as.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/version.hpp>
#if __has_include(<boost/asio/config.hpp>) // since Boost 1.88
#include <boost/asio/config.hpp>
#endif
#if BOOST_ASIO_VERSION >= 102700 // Boost 1.82
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_immediate_executor.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/prefer.hpp>
#endif

#include <type_traits>
#include <utility>

// Asio's own names, which would cost the headers they are in. Newer versions may have a namespace around
// them.
#ifndef BOOST_ASIO_INLINE_NAMESPACE_BEGIN
#define TLSMODE_ASIO_NAMESPACE_BEGIN
#define TLSMODE_ASIO_NAMESPACE_END
#else
#define TLSMODE_ASIO_NAMESPACE_BEGIN BOOST_ASIO_INLINE_NAMESPACE_BEGIN
#define TLSMODE_ASIO_NAMESPACE_END BOOST_ASIO_INLINE_NAMESPACE_END
#endif
namespace boost::asio {
TLSMODE_ASIO_NAMESPACE_BEGIN
namespace detail {
template <typename T, typename Blocking>
class promise_executor;
} // namespace detail
namespace ip {
class tcp;
} // namespace ip
TLSMODE_ASIO_NAMESPACE_END
} // namespace boost::asio

// 0 if a macro makes other types of Asio's than those that libraries are compiled with.
#if defined(BOOST_ASIO_ENABLE_HANDLER_TRACKING) || defined(BOOST_ASIO_CUSTOM_HANDLER_TRACKING) ||            \
    defined(BOOST_ASIO_DISABLE_THREADS) || defined(BOOST_ASIO_DISABLE_EPOLL) ||                              \
    defined(BOOST_ASIO_HAS_IO_URING) || defined(BOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT) ||                    \
    defined(BOOST_ASIO_NO_TS_EXECUTORS) || defined(BOOST_ASIO_NO_DEPRECATED)
#define TLSMODE_ASIO_IS_AS_USUAL 0
#else
#define TLSMODE_ASIO_IS_AS_USUAL 1
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

/// True if handlers that do not mind where they run, or only set a promise, are behind an executor. To post
/// to it would start the threads that Asio has for the process.
template <class Executor>
inline constexpr bool goes_to_system = false;
template <class Blocking, class Relationship, class Allocator>
inline constexpr bool goes_to_system<net::basic_system_executor<Blocking, Relationship, Allocator>> = true;
template <class T, class Blocking>
inline constexpr bool goes_to_system<net::detail::promise_executor<T, Blocking>> = true;

// io_uring as Asio's default backend has no readiness to wait for; IOCP has neither.
#if defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT) || defined(BOOST_ASIO_HAS_IOCP)
inline constexpr bool sockets_have_readiness = false;
#else
inline constexpr bool sockets_have_readiness = true;
#endif

#if BOOST_ASIO_VERSION >= 102700
/// True if a handler says where it wants to run when its operation completes at once: then it may run inside
/// the initiating function, as it asked for.
template <class Handler, class Executor>
inline constexpr bool has_immediate_executor =
    !std::is_same_v<net::associated_immediate_executor_t<Handler, Executor>,
                    net::associated_immediate_executor_t<void (*)(), Executor>>;

template <class Handler, class Executor>
[[nodiscard]] auto immediate_executor_of(const Handler& handler, const Executor& ex) {
  return net::get_associated_immediate_executor(handler, ex);
}
template <class Executor, class Function>
void run_immediately(const Executor& ex, Function&& f) {
  // Not by way of the associated executor, which an immediate executor stands in for.
  const auto alloc = net::execution::allocator(net::get_associated_allocator(f));
  net::prefer(ex, alloc).execute(std::forward<Function>(f));
}
#else
template <class Handler, class Executor>
inline constexpr bool has_immediate_executor = false;

template <class Handler, class Executor>
[[nodiscard]] Executor immediate_executor_of(const Handler&, const Executor& ex) {
  return ex;
}
template <class Executor, class Function>
void run_immediately(const Executor&, Function&&) {} // nobody can ask for it
#endif

} // namespace detail
} // namespace tlsmode

#endif
