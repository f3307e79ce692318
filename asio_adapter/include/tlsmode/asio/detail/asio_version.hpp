// SPDX-License-Identifier: BSL-1.0
// What differs between versions and platforms of Boost.Asio: the only place with an #if for it. Boost 1.81
// has all that the stream needs; what newer ones add is used where it is there.
#ifndef TLSMODE_ASIO_DETAIL_ASIO_VERSION_HPP
#define TLSMODE_ASIO_DETAIL_ASIO_VERSION_HPP

#include <boost/asio/detail/config.hpp>
#include <boost/asio/version.hpp>

#if BOOST_ASIO_VERSION >= 102700 // Boost 1.82
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_immediate_executor.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/prefer.hpp>
#endif

#include <type_traits>
#include <utility>

namespace tlsmode::detail {

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
    !std::is_same_v<boost::asio::associated_immediate_executor_t<Handler, Executor>,
                    boost::asio::associated_immediate_executor_t<void (*)(), Executor>>;

template <class Handler, class Executor>
[[nodiscard]] auto immediate_executor_of(const Handler& handler, const Executor& ex) {
  return boost::asio::get_associated_immediate_executor(handler, ex);
}
template <class Executor, class Function>
void run_immediately(const Executor& ex, Function&& f) {
  // Not by way of the associated executor, which an immediate executor stands in for.
  const auto alloc = boost::asio::execution::allocator(boost::asio::get_associated_allocator(f));
  boost::asio::prefer(ex, alloc).execute(std::forward<Function>(f));
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

} // namespace tlsmode::detail

#endif
