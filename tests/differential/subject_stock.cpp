// SPDX-License-Identifier: BSL-1.0
// Boost.Asio's stream under comparison.
#include "subject_of.hpp"

#include <boost/asio/ssl/stream.hpp>

namespace tlsmode::test {
namespace {

// It insists on a lowest layer.
struct stock_layer : faulty_layer {
  using lowest_layer_type = stock_layer;
  explicit stock_layer(faulty_layer l) : faulty_layer(std::move(l)) {}
  [[nodiscard]] lowest_layer_type& lowest_layer() noexcept { return *this; }
};

} // namespace

std::unique_ptr<subject> make_stock(faulty_layer layer, net::ssl::context& ctx, bool client) {
  return std::make_unique<subject_of<net::ssl::stream<stock_layer>>>(stock_layer(std::move(layer)), ctx,
                                                                     client);
}

} // namespace tlsmode::test
