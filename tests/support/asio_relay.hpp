// SPDX-License-Identifier: BSL-1.0
// A man in the middle: what passes between a client and a server, and when, is for the test to say.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_RELAY_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_RELAY_HPP

#include "asio_fixture.hpp"

namespace tlsmode::test {

/// A client and a server of the given stream types whose sockets are connected to the relay, not to each
/// other. Nothing passes by itself.
template <class Client, class Server>
class relayed_pair {
 public:
  explicit relayed_pair(int version = TLS1_3_VERSION, int buffer = 0)
      : relayed_pair(client_context(version), server_context(version), buffer) {}
  relayed_pair(net::ssl::context for_client, net::ssl::context for_server, int buffer = 0)
      : client_settings_(std::move(for_client)), server_settings_(std::move(for_server)),
        client_side_(tcp_pair(io.get_executor(), io.get_executor(), buffer)),
        server_side_(tcp_pair(io.get_executor(), io.get_executor(), buffer)),
        client(std::move(client_side_.first), client_settings_),
        server(std::move(server_side_.first), server_settings_) {
    to_client().non_blocking(true);
    to_server().non_blocking(true);
  }

  /// What the client or the server has sent and the relay has not passed on.
  std::string from_client(std::size_t most = everything) { return take(to_client(), most); }
  std::string from_server(std::size_t most = everything) { return take(to_server(), most); }
  /// The same, once there is something.
  std::string next_from_client(std::size_t most = everything) {
    wait_for_bytes(to_client());
    return from_client(most);
  }
  std::string next_from_server(std::size_t most = everything) {
    wait_for_bytes(to_server());
    return from_server(most);
  }
  /// What the socket does not take waits, and goes out first at the next call.
  void send_to_client(std::string_view bytes) { send(to_client(), for_client_ += bytes); }
  void send_to_server(std::string_view bytes) { send(to_server(), for_server_ += bytes); }
  /// The relay's sockets, by who is at their other end.
  tcp_socket& to_client() { return client_side_.second; }
  tcp_socket& to_server() { return server_side_.second; }

  /// Runs the loop and passes everything on, both ways, until `done`.
  void run_until(const std::function<bool()>& done) {
    test::run_until(io, [&] {
      send_to_server(from_client());
      send_to_client(from_server());
      return done();
    });
  }
  void handshake() {
    const operation c = start_handshake(client, as_client);
    const operation s = start_handshake(server, as_server);
    run_until([&] { return c.done() && s.done(); });
    if (c.ec() || s.ec()) throw boost::system::system_error(c.ec() ? c.ec() : s.ec(), "handshake");
    settle(io);
    send_to_client(from_server()); // the tickets
  }

  static constexpr std::size_t everything = static_cast<std::size_t>(-1);
  net::io_context io;

 private:
  static std::string take(tcp_socket& from, std::size_t most) {
    error_code ec;
    const std::size_t there = std::min(from.available(ec), most);
    std::string bytes(there, '\0');
    bytes.resize(there == 0 ? 0 : from.read_some(net::buffer(bytes), ec));
    return bytes;
  }
  static void send(tcp_socket& to, std::string& waiting) {
    error_code ec;
    std::size_t n = 1;
    while (!waiting.empty() && n != 0) {
      n = to.write_some(net::buffer(waiting), ec);
      waiting.erase(0, n);
    }
  }
  net::ssl::context client_settings_;
  net::ssl::context server_settings_;
  std::string for_client_;
  std::string for_server_;
  std::pair<tcp_socket, tcp_socket> client_side_;
  std::pair<tcp_socket, tcp_socket> server_side_;

 public:
  Client client;
  Server server;
};

} // namespace tlsmode::test

#endif
