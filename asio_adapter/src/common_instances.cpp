// SPDX-License-Identifier: BSL-1.0
// The instances that common_instances.hpp promises.
#include <tlsmode/asio/detail/common_instances.hpp>

#include <boost/asio/ip/tcp.hpp>

namespace tlsmode::detail {

TLSMODE_COMMON_INSTANCES()

} // namespace tlsmode::detail
