// SPDX-License-Identifier: BSL-1.0
// Running a handler with the result of an operation, at once or through an executor.
#ifndef TLSMODE_ASIO_DETAIL_COMPLETION_HPP
#define TLSMODE_ASIO_DETAIL_COMPLETION_HPP

#include <tlsmode/asio/detail/asio_compat.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/is_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace tlsmode::detail {

template <bool HasBytes, class Handler>
void complete(Handler handler, boost::system::error_code ec, std::size_t n) {
  if constexpr (HasBytes)
    std::move(handler)(ec, n);
  else
    std::move(handler)(ec);
}

/// A handler and its result, on the way through an executor.
template <bool HasBytes, class Handler, class Executor>
class completion {
 public:
  using executor_type = boost::asio::associated_executor_t<Handler, Executor>;
  using allocator_type = boost::asio::associated_allocator_t<Handler>;

  completion(Handler handler, const Executor& ex, boost::system::error_code ec, std::size_t n)
      : handler_(std::move(handler)), executor_(boost::asio::get_associated_executor(handler_, ex)), ec_(ec),
        n_(n) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  [[nodiscard]] allocator_type get_allocator() const noexcept {
    return boost::asio::get_associated_allocator(handler_);
  }
  void operator()() { complete<HasBytes>(std::move(handler_), ec_, n_); }

 private:
  Handler handler_;
  executor_type executor_;
  boost::system::error_code ec_;
  std::size_t n_;
};

/// Runs the handler later, on its associated executor (by default `ex`), never from here; or, if it has an
/// immediate executor of its own (Boost 1.82 and newer), there.
template <bool HasBytes, class Handler, class Executor>
void post_completion(const Executor& ex, Handler handler, boost::system::error_code ec, std::size_t n) {
  using boost::asio::execution::blocking;
  using boost::asio::execution::blocking_t;
  using boost::asio::execution::relationship;
  if constexpr (has_immediate_executor<Handler, Executor>) {
    const auto here = immediate_executor_of(handler, ex);
    return run_immediately(here, completion<HasBytes, Handler, Executor>(std::move(handler), ex, ec, n));
  }
  completion<HasBytes, Handler, Executor> done(std::move(handler), ex, ec, n);
  if constexpr (std::is_same_v<Executor, boost::asio::any_io_executor> &&
                std::is_same_v<typename completion<HasBytes, Handler, Executor>::executor_type, Executor>) {
    // The usual case: all of it on one io_context behind a polymorphic executor. Going to the io_context
    // itself saves two type-erased calls per operation.
    if (const auto* io = ex.template target<boost::asio::io_context::executor_type>();
        io != nullptr && done.get_executor() == ex) {
      const auto alloc = boost::asio::execution::allocator(done.get_allocator());
      boost::asio::require(boost::asio::prefer(*io, relationship.continuation, alloc), blocking.never)
          .execute(std::move(done));
      return;
    }
  }
  // Not by way of `ex` if that can be helped: several threads may run it, and then those that go to one
  // strand overtake each other. any_completion_executor cannot be asked not to run the handler here.
  using associated = typename completion<HasBytes, Handler, Executor>::executor_type;
  constexpr bool directly = !goes_to_system<associated>;
  if constexpr (directly && boost::asio::can_require<associated, blocking_t::never_t>::value) {
    const auto alloc = boost::asio::execution::allocator(done.get_allocator());
    boost::asio::require(boost::asio::prefer(done.get_executor(), relationship.continuation, alloc),
                         blocking.never)
        .execute(std::move(done));
  } else if constexpr (directly && boost::asio::is_executor<associated>::value) {
    boost::asio::post(done.get_executor(), std::move(done));
  } else {
    boost::asio::post(ex, std::move(done));
  }
}

} // namespace tlsmode::detail

#endif
