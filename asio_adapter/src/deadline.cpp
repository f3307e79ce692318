// SPDX-License-Identifier: BSL-1.0
// The time limit of a stream's operations: the part that depends on no executor type.
#include <tlsmode/asio/detail/deadline.hpp>

namespace tlsmode::detail {

void deadline_list::expire(time_point now) {
  for (;;) {
    const auto due =
        std::find_if(list_.begin(), list_.end(), [now](const deadline_node& n) { return n.when <= now; });
    if (due == list_.end()) return;
    const auto node = due->shared_from_this(); // its operation may complete meanwhile
    node->leave();
    node->expired = true;
    node->signal.emit(net::cancellation_type::terminal);
  }
}

} // namespace tlsmode::detail
