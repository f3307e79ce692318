// SPDX-License-Identifier: BSL-1.0
// A TLS server that serves one connection by a script, straight on OpenSSL: for clients under test, which
// shall meet what no honest server would do.
#ifndef TESTS_INTEGRATION_FAKE_SERVER_HPP
#define TESTS_INTEGRATION_FAKE_SERVER_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

namespace integration {

struct fake_script {
  std::string certificate, key; ///< PEM files
  std::string alpn{};           ///< the one protocol it picks, whatever is offered; empty: no ALPN
  bool speaks_tls = true;       ///< false: sends `response` in plain text
  bool answers = true;          ///< false: reads the request and then nothing happens
  std::string response{};
  enum class end { close_notify, fin, reset } how = end::close_notify;
};

class fake_server {
 public:
  explicit fake_server(fake_script script);
  /// Waits for the connection to be over; a client that never came is not waited for.
  ~fake_server();
  fake_server(const fake_server&) = delete;
  fake_server& operator=(const fake_server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url(const std::string& host = "localhost") const {
    return "https://" + host + ":" + std::to_string(port_) + "/";
  }
  /// What the client sent, and the name in its SNI; call after the client has ended.
  [[nodiscard]] std::string request();
  [[nodiscard]] std::string sni();
  /// True if our close_notify was answered by the client's; call as above.
  [[nodiscard]] bool close_notify_answered();

 private:
  void serve();
  void serve_tls(int connection);
  void finish();

  fake_script script_;
  int listener_;
  std::uint16_t port_ = 0;
  std::string request_, sni_;
  bool answered_ = false;
  std::thread thread_;
};

} // namespace integration

#endif
