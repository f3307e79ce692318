// SPDX-License-Identifier: BSL-1.0
// A worker's accept loop and its watch over the deadlines of all its connections.
#include "worker.hpp"

#include "listener.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <exception>

namespace https_server {

using namespace std::chrono_literals;

tcp::endpoint worker::listen(const tcp::endpoint& where) {
  acceptor_ = open_listener(context_, where);
  return acceptor_.local_endpoint();
}

void worker::run() {
  net::co_spawn(context_, accept_connections(), net::detached);
  for (;;) {
    try {
      context_.run();
      return;
    } catch (const std::exception& e) { // one event is lost; the others need not be
      log_line("server", std::string("internal error: ") + e.what());
    }
  }
}

void worker::begin_drain() {
  net::post(context_, [this] {
    draining_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (connection& c : connections_) c.drain();
    if (connections_.empty()) tick_.cancel(); // see remove()
  });
}

net::awaitable<void> worker::accept_connections() {
  while (!draining_) {
    try {
      co_await accept_one();
    } catch (const std::exception& e) { // no memory for this connection: it is lost, no other is
      if (accept_log_.admits()) log_line("server", std::string("connection lost: ") + e.what());
    }
  }
}

net::awaitable<void> worker::accept_one() {
  tcp::socket socket(context_);
  tcp::endpoint peer;
  const auto [ec] = co_await acceptor_.async_accept(socket, peer, as_result);
  if (ec) {
    co_await back_off(ec);
  } else if (auto slot = co_await wait_for_slot()) {
    net::co_spawn(context_, serve(std::move(socket), peer, std::move(slot)), net::detached);
  }
}

// The connection in hand waits, the next ones stay in the kernel's backlog: nobody is turned away.
net::awaitable<connection_slots::slot> worker::wait_for_slot() {
  const auto wake = [this] { net::post(context_, [this] { pause_.cancel(); }); };
  while (!draining_) {
    if (auto slot = shared_.slots.take(wake)) co_return slot;
    if (cap_log_.admits()) log_line("server", "connection limit reached: further connections wait");
    pause_.expires_at(net::steady_timer::time_point::max());
    co_await pause_.async_wait(as_result);
  }
  co_return nullptr;
}

net::awaitable<void> worker::back_off(const error_code& ec) {
  if (draining_ || ec == net::error::connection_aborted) co_return; // the latter: gone before it was accepted
  // No descriptors, no memory: the connection stays in the backlog, so trying again at once would spin.
  if (accept_log_.admits()) log_line("server", "cannot accept: " + ec.message() + "; will try again");
  pause_.expires_after(100ms);
  co_await pause_.async_wait(as_result);
}

net::awaitable<void> worker::serve(tcp::socket socket, tcp::endpoint peer, connection_slots::slot) {
  try {
    connection c(*this, std::move(socket), peer);
    co_await c.run();
  } catch (const std::exception& e) {
    if (accept_log_.admits()) log_line("server", std::string("connection lost: ") + e.what());
  }
}

// One timer for all connections: setting a deadline, several times per request, costs nothing, and at worst a
// connection lives a tick longer than it should.
net::awaitable<void> worker::watch_deadlines() {
  const options& o = settings();
  const auto shortest = std::min({o.handshake_timeout, o.idle_timeout, o.shutdown_timeout});
  const auto tick = std::clamp<options::duration>(shortest / 10, 10ms, 500ms);
  while (!connections_.empty()) {
    tick_.expires_after(tick);
    co_await tick_.async_wait(as_result);
    const auto now = connection::clock::now();
    for (connection& c : connections_) c.check_deadline(now);
  }
  watching_ = false;
}

void worker::add(connection& c) {
  connections_.push_back(c);
  ++count_;
  if (watching_) return;
  net::co_spawn(context_, watch_deadlines(), net::detached);
  watching_ = true;
}

void worker::remove(connection& c) {
  c.unlink();
  --count_;
  if (draining_ && connections_.empty()) tick_.cancel(); // nothing left to watch: run() may return
}

} // namespace https_server
