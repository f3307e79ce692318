// SPDX-License-Identifier: BSL-1.0
// What net::async_initiate calls with the completion handler: it starts the driver. A deferred operation
// calls it later, so it looks at the stream then, not before.
#ifndef TLSMODE_ASIO_DETAIL_INITIATE_HPP
#define TLSMODE_ASIO_DETAIL_INITIATE_HPP

#include <tlsmode/asio/detail/actions.hpp>
#include <tlsmode/asio/detail/async_driver.hpp>
#include <tlsmode/asio/detail/completion.hpp>
#include <tlsmode/asio/detail/plain_socket.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>

#include <type_traits>
#include <utility>

namespace tlsmode::detail {

template <class NextLayer>
class initiate {
 public:
  using executor_type = typename NextLayer::executor_type;
  initiate(NextLayer& next, const state_ptr<NextLayer>& state) noexcept : next_(&next), state_(&state) {}
  [[nodiscard]] executor_type get_executor() const noexcept { return next_->get_executor(); }
  template <class Handler, class Action>
  void operator()(Handler&& handler, Action action) const {
    if (!*state_) // moved from or released
      return post_completion<Action::has_bytes>(get_executor(),
                                                std::decay_t<Handler>(std::forward<Handler>(handler)),
                                                to_boost(error::no_connection), 0);
    async_driver<NextLayer, Action, std::decay_t<Handler>>(*state_, std::move(action),
                                                           std::forward<Handler>(handler))
        .start();
  }

 private:
  NextLayer* next_;
  const state_ptr<NextLayer>* state_;
};

/// For stream::async_wait, whose kind of operation is known only here.
template <class NextLayer>
class initiate_wait : public initiate<NextLayer> {
 public:
  using initiate<NextLayer>::initiate;
  template <class Handler>
  void operator()(Handler&& handler, net::socket_base::wait_type what) const {
    const initiate<NextLayer>& start = *this;
    using to_write = wait_write_action<is_plain_socket<NextLayer>::value>;
    if (what == net::socket_base::wait_read) return start(std::forward<Handler>(handler), wait_read_action());
    if (what == net::socket_base::wait_write) return start(std::forward<Handler>(handler), to_write());
    post_completion<false>(this->get_executor(), std::decay_t<Handler>(std::forward<Handler>(handler)),
                           net::error::operation_not_supported, 0);
  }
};

} // namespace tlsmode::detail

#endif
