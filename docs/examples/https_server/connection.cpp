// SPDX-License-Identifier: BSL-1.0
// Handshake, deadlines and the careful end of a connection.
#include "connection.hpp"

#include "http_session.hpp"
#include "log.hpp"
#include "tcp_progress.hpp"
#include "worker.hpp"

#include <array>
#include <exception>
#include <sstream>
#include <utility>

namespace https_server {
namespace {

std::string text_of(const tcp::endpoint& endpoint) {
  std::ostringstream text;
  text << endpoint;
  return text.str();
}

} // namespace

connection::connection(worker& owner, tcp::socket socket, const tcp::endpoint& peer)
    : owner_(owner), stream_(std::move(socket), owner.tls()), peer_(text_of(peer)) {
  error_code ignored;
  stream_.next_layer().set_option(tcp::no_delay(true), ignored); // a response should not wait for an ACK
  stream_.set_mode(owner.settings().modes);
  owner_.add(*this);
}

connection::~connection() { owner_.remove(*this); }

net::awaitable<void> connection::run() {
  try {
    co_await serve();
  } catch (const std::exception& e) { // out of memory, most likely
    report(std::string("internal error: ") + e.what());
    cut_off();
  }
}

net::awaitable<void> connection::serve() {
  if (!co_await handshake()) {
    if (expired_ || owner_.draining()) co_return cut_off();
    expect(phase::closing, owner_.settings().shutdown_timeout);
    co_return co_await let_peer_close(); // an alert may be on its way
  }
  http_session session(*this);
  const ending how = co_await session.run();
  if (how == ending::abort) co_return cut_off();
  expect(phase::closing, owner_.settings().shutdown_timeout);
  co_await send_close_notify();
  if (how == ending::graceful) co_await let_peer_close();
}

net::awaitable<bool> connection::handshake() {
  expect(phase::handshake, owner_.settings().handshake_timeout);
  const auto [ec] = co_await stream_.async_handshake(stream_.server, as_result);
  if (!ec) co_return true;
  const bool drained = ec == net::error::operation_aborted && owner_.draining();
  if (!drained) report(expired_ ? "handshake timed out" : "handshake failed: " + reason(ec));
  co_return false;
}

net::awaitable<void> connection::send_close_notify() {
  const auto [ec] = co_await stream_.async_shutdown(tlsmode::shutdown_form::send_only, as_result);
  // Other errors than a deadline: the connection is over already, perhaps with an alert on its way.
  if (ec && expired_) report("shutdown timed out: the peer does not read");
}

// Closing a socket that holds unread bytes sends a reset, and a reset can overtake our last response or alert.
// So the peer closes first; what it still sends is dropped.
net::awaitable<void> connection::let_peer_close() {
  auto& socket = stream_.next_layer();
  error_code ec;
  socket.shutdown(tcp::socket::shutdown_send, ec);
  for (std::array<char, 4096> dropped; !ec && !expired_;)
    std::tie(ec, std::ignore) = co_await socket.async_read_some(net::buffer(dropped), as_result);
}

void connection::expect(phase p, options::duration limit) noexcept {
  phase_ = p;
  limit_ = limit;
  deadline_ = clock::now() + limit;
  expired_ = false;
}

void connection::report(std::string_view what) {
  if (!reported_) log_line(peer_, what);
  reported_ = true;
}

std::string connection::reason(const error_code& ec) const {
  const auto& failure = stream_.last_failure();
  std::string text = failure.code ? failure.code.message() : ec.message();
  if (!failure.verify_error.empty())
    text += ": " + failure.verify_error + " at depth " + std::to_string(failure.verify_depth);
  return text;
}

void connection::check_deadline(clock::time_point now) {
  if (owner_.draining()) drain(); // again: an operation that was just between two waits did not hear of it
  if (now < deadline_) return;
  const bool sending = phase_ == phase::response || phase_ == phase::closing;
  if (sending && peer_takes_bytes()) {
    deadline_ = now + limit_;
    return;
  }
  expired_ = true; // until the next phase; till then we come here at every tick
  sending ? cut_off() : cancel();
}

// Slow is fine, standing still is not. A peer that stops is noticed at the second deadline at the latest.
bool connection::peer_takes_bytes() noexcept {
  const auto now = tcp_progress_of(stream_.next_layer().native_handle());
  return std::exchange(acknowledged_, now.acknowledged) != now.acknowledged;
}

void connection::drain() {
  if (phase_ == phase::idle || phase_ == phase::handshake) cancel();
}

void connection::cancel() noexcept {
  error_code ignored;
  stream_.next_layer().cancel(ignored);
}

void connection::cut_off() noexcept {
  auto& socket = stream_.next_layer();
  error_code ignored;
  // A reset, so that the kernel does not go on trying to send what the peer does not take.
  if (socket.is_open() && !tcp_progress_of(socket.native_handle()).all_acknowledged)
    socket.set_option(net::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

} // namespace https_server
