// SPDX-License-Identifier: BSL-1.0
// Hooks as coroutines that wait for the test, for every hook there is: connections over real sockets that
// come to ask them.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_HOOK_CASES_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_HOOK_CASES_HPP

#include "asio_fixture.hpp"

#include <tlsmode/asio/hooks.hpp>

#include <boost/asio/steady_timer.hpp>

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tlsmode::test {

/// What the coroutines of a test do: wait until they are released, or cancelled.
class script {
 public:
  /// To be awaited in a hook. Throws operation_aborted if the hook is cancelled, or what the test wants.
  [[nodiscard]] net::awaitable<void> wait();
  void release();

  bool released = false;
  bool throws = false;
  bool ignores_cancellation = false;
  int begun = 0;
  int cancelled = 0;
  int alive = 0; ///< coroutines that are not destroyed
  std::map<std::string, secret_bytes> sessions;

 private:
  std::list<net::steady_timer*> waiting_;
};

struct async_hook_case {
  const char* name;
  int version;
  bool on_client;
  bool second_connection; ///< it takes a session of an earlier connection
  void (*install)(async_hooks&, script&);
};

/// All cases, each with both versions.
[[nodiscard]] std::vector<async_hook_case> all_async_hook_cases();

/// Contexts of Boost.Asio's for a case, one of them with its hook, and connections of our streams.
struct async_hook_rig {
  explicit async_hook_rig(const async_hook_case& c,
                          std::chrono::milliseconds time_limit = std::chrono::hours(1));
  async_hook_rig(const async_hook_rig&) = delete;
  async_hook_rig& operator=(const async_hook_rig&) = delete;

  struct connection {
    connection(async_hook_rig& r, std::pair<tcp_socket, tcp_socket> sockets);
    void start() {
      c = start_handshake(client, as_client);
      s = start_handshake(server, as_server);
    }
    tls_stream client;
    tls_stream server;
    operation c;
    operation s;
    bool hook_on_client;
    [[nodiscard]] tls_stream& side() { return hook_on_client ? client : server; }
    [[nodiscard]] operation& operation_of_side() { return hook_on_client ? c : s; }
  };

  [[nodiscard]] std::unique_ptr<connection> connect();
  /// Starts the handshake and runs to where the hook waits.
  [[nodiscard]] std::unique_ptr<connection> run_to_the_hook();
  /// Runs to the end of the handshake, which must be good, and sends data both ways.
  void finish(connection& c);

  async_hook_case what;
  const std::shared_ptr<script> kept_hook = std::make_shared<script>(); ///< for who outlives the loop
  script& hook = *kept_hook;
  net::io_context io;
  net::ssl::context client_settings;
  net::ssl::context server_settings;
  session_ptr session;
};

} // namespace tlsmode::test

#endif
