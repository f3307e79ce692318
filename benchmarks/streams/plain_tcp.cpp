// SPDX-License-Identifier: BSL-1.0
// The limit: the same socket and event loop with no TLS at all.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/run.hpp"

namespace bench {
namespace {

struct plain_tcp : boost_asio {
  static constexpr bool plain = true;
  using connection = socket;
  struct context {
    explicit context(role, const tls_parameters& = {}) {}
  };
  static connection open(loop& where, context&, unique_fd fd) { return adopt(where, std::move(fd)); }
  static task<void> handshake(connection&, role) { co_return; }
  static void check(connection&) {}
};

} // namespace

const stream_type plain_tcp_stream{"tcp", "plain TCP", run<plain_tcp>, false, server_adapter<plain_tcp>};

} // namespace bench
