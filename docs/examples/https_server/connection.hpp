// SPDX-License-Identifier: BSL-1.0
// One TLS connection from handshake to close: its phases, its deadline, and its one line in the log.
// Knows no HTTP: that is http_session's.
#ifndef EXAMPLES_HTTPS_SERVER_CONNECTION_HPP
#define EXAMPLES_HTTPS_SERVER_CONNECTION_HPP

#include "options.hpp"
#include "tls.hpp"

#include <boost/intrusive/list.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace https_server {

class worker;

/// What a connection waits for. The deadline means something else in each phase.
enum class phase {
  handshake, ///< too late: closed, with one line in the log
  idle,      ///< between requests; too late, or draining: close_notify and close
  request,   ///< a header or body is on its way
  response,  ///< the deadline moves while the peer takes bytes; too late: cut off
  closing    ///< the same
};

/// How a connection should end.
enum class ending {
  idle,     ///< nothing is on its way: close_notify, and closed at once
  graceful, ///< close_notify, then let the peer close first, for as long as the shutdown deadline allows
  abort     ///< at once: the peer sees that something is missing
};

/// Thread safety: lives on its worker's thread.
class connection : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
  using clock = std::chrono::steady_clock;

  connection(worker& owner, tcp::socket socket, const tcp::endpoint& peer);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Everything, to the end. Does not throw.
  net::awaitable<void> run();

  // ---- for the HTTP session ----

  [[nodiscard]] tls_stream& stream() noexcept { return stream_; }
  [[nodiscard]] worker& owner() noexcept { return owner_; }
  /// Enters a phase, or says that there was progress in it: the deadline is `limit` from now. Costs a clock
  /// reading, no timer: the worker looks at all deadlines from time to time.
  void expect(phase p, options::duration limit) noexcept;
  /// True if the deadline of this phase has passed, and that is why an operation was cancelled.
  [[nodiscard]] bool expired() const noexcept { return expired_; }
  /// Logs what went wrong. Only the first call counts: a failed connection is one line.
  void report(std::string_view what);
  /// Why an operation failed, in words: OpenSSL's reasons if it was TLS, else the error itself.
  [[nodiscard]] std::string reason(const error_code& ec) const;
  [[nodiscard]] const std::string& peer() const noexcept { return peer_; }

  // ---- for the worker ----

  /// Cancels what takes too long.
  void check_deadline(clock::time_point now);
  /// Ends the wait for a handshake or a request; others see worker::draining() when their request is done.
  void drain();

private:
  net::awaitable<void> serve();
  net::awaitable<bool> handshake();
  net::awaitable<void> send_close_notify();
  net::awaitable<void> let_peer_close();
  [[nodiscard]] bool peer_takes_bytes() noexcept;
  void cancel() noexcept;
  void cut_off() noexcept;

  worker& owner_;
  tls_stream stream_;
  std::string peer_;
  phase phase_ = phase::handshake;
  clock::time_point deadline_ = clock::time_point::max();
  options::duration limit_{};
  std::uint64_t acknowledged_ = 0; ///< bytes that the peer had taken when the deadline was last reached
  bool expired_ = false;
  bool reported_ = false;
};

} // namespace https_server

#endif
