// SPDX-License-Identifier: BSL-1.0
// The same over a bare socket, which only pretends to be a TLS stream: what Asio's headers and the coroutines
// cost alone. Only compiled, by compile_time.py.
#include "session.hpp"

namespace {

struct bare : tcp::socket {
  bare(tcp::socket&& from, net::ssl::context&) : tcp::socket(std::move(from)) {}
  net::awaitable<void> async_handshake(net::ssl::stream_base::handshake_type, net::use_awaitable_t<>) {
    co_await async_wait(wait_read, net::use_awaitable);
  }
  net::awaitable<void> async_shutdown(net::use_awaitable_t<>) {
    co_await async_wait(wait_read, net::use_awaitable);
  }
};

} // namespace

void serve_tcp() { serve<bare>(4433); }
