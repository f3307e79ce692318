// SPDX-License-Identifier: BSL-1.0
// Our stream under comparison.
#include "subject_of.hpp"

#include <tlsmode/asio/stream.hpp>

namespace tlsmode::test {

std::unique_ptr<subject> make_ours(faulty_layer layer, net::ssl::context& ctx, bool client) {
  return std::make_unique<subject_of<stream<faulty_layer>>>(std::move(layer), ctx, client);
}

} // namespace tlsmode::test
