// SPDX-License-Identifier: BSL-1.0
// A client straight on OpenSSL and a socket that does not block: the least that a client can cost, and the
// same for every server. Its context checks the server's signature, as every client must, and not the chain.
#ifndef TLSMODE_BENCH_CLIENTS_RAW_TLS_HPP
#define TLSMODE_BENCH_CLIENTS_RAW_TLS_HPP

#include "harness/loopback.hpp"
#include "harness/measurement.hpp"

#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace bench {

struct free_ssl {
  void operator()(SSL* session) const noexcept { SSL_free(session); }
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
using ssl_ptr = std::unique_ptr<SSL, free_ssl>;
using ssl_context_ptr = std::unique_ptr<SSL_CTX, free_ssl>;

ssl_context_ptr make_client_context(const tls_parameters& tls);

class raw_client {
 public:
  raw_client(SSL_CTX* context, unique_fd connected); // without a context: plain TCP

  // These do what can be done now and never wait. Throw if the connection fails.
  bool handshake();                           // true when it is complete
  std::size_t read(std::span<std::byte> to);  // 0: nothing there yet
  void write(std::span<const std::byte> all); // throws if the socket does not take all of it

  // Sends the first half of a record that holds the message, and later the rest of it.
  void begin_record(std::span<const std::byte> message);
  void finish_record();

  int descriptor() const noexcept { return socket_.value(); }

 private:
  void send_all(std::span<const std::byte> bytes);

  unique_fd socket_;
  ssl_ptr session_; // null: plain TCP
  std::vector<std::byte> unsent_;
};

using steady = std::chrono::steady_clock;

// Which of many connections have something to read.
class readable_set {
 public:
  readable_set();
  // A closed descriptor is out of the set by itself.
  void add(int descriptor, std::uint64_t name) { add(descriptor, name, false); }
  void add_once(int descriptor, std::uint64_t name) { add(descriptor, name, true); } // for one wait()
  // The names of up to 64 that can be read: at once if there are any, else until then at the latest.
  std::span<const std::uint64_t> wait(steady::time_point until);

 private:
  void add(int descriptor, std::uint64_t name, bool once);
  unique_fd epoll_;
  std::array<std::uint64_t, 64> names_{};
};

} // namespace bench

#endif
