// SPDX-License-Identifier: BSL-1.0
// One thread of the server: an io_context of its own, a listener of its own (the kernel spreads connections
// over them), and the connections that came in there. Nothing of a connection ever leaves its thread.
#ifndef EXAMPLES_HTTPS_SERVER_WORKER_HPP
#define EXAMPLES_HTTPS_SERVER_WORKER_HPP

#include "connection.hpp"
#include "connection_slots.hpp"
#include "log.hpp"
#include "options.hpp"
#include "static_files.hpp"
#include "tls.hpp"

#include <tlsmode/context.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstddef>

namespace https_server {

/// What the workers share. All of it is constant or locked.
struct shared {
  const options& settings;
  tlsmode::context& tls;
  const static_files* files; ///< null: none are served
  connection_slots& slots;
};

class worker {
public:
  explicit worker(const shared& with) : shared_(with) {}

  /// Opens the listener. Returns where it listens. Throws startup_error.
  tcp::endpoint listen(const tcp::endpoint& where);

  /// Serves until drained or stopped; the body of a thread.
  void run();

  // ---- from any thread ----

  /// Stops accepting; run() returns when the connections are done.
  void begin_drain();
  /// Makes run() return now.
  void stop() { context_.stop(); }
  [[nodiscard]] std::size_t connection_count() const noexcept { return count_; }

  // ---- for connections, on the worker's thread ----

  [[nodiscard]] const options& settings() const noexcept { return shared_.settings; }
  [[nodiscard]] tlsmode::context& tls() const noexcept { return shared_.tls; }
  [[nodiscard]] const static_files* files() const noexcept { return shared_.files; }
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  void add(connection& c);
  void remove(connection& c);

private:
  net::awaitable<void> accept_connections();
  net::awaitable<void> accept_one();
  net::awaitable<connection_slots::slot> wait_for_slot();
  net::awaitable<void> back_off(const error_code& ec);
  net::awaitable<void> watch_deadlines();
  net::awaitable<void> serve(tcp::socket socket, tcp::endpoint peer, connection_slots::slot);

  shared shared_;
  // Before the io_context: coroutines that it still holds at its end take their connections off this list.
  boost::intrusive::list<connection, boost::intrusive::constant_time_size<false>> connections_;
  std::atomic<std::size_t> count_ = 0;
  bool draining_ = false;
  bool watching_ = false;
  log_throttle accept_log_, cap_log_;

  net::io_context context_{1}; // a hint: run by one thread
  tcp::acceptor acceptor_{context_};
  net::steady_timer pause_{context_}; // what the accept loop waits on, other than accepting
  net::steady_timer tick_{context_};
};

} // namespace https_server

#endif
