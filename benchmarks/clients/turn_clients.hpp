// SPDX-License-Identifier: BSL-1.0
// Clients that take turns with the server: while it works they sleep, and what they have to compute they
// compute while it sleeps. So their half of a handshake costs the server no processor and no time.
#ifndef TLSMODE_BENCH_CLIENTS_TURN_CLIENTS_HPP
#define TLSMODE_BENCH_CLIENTS_TURN_CLIENTS_HPP

#include "raw_tls.hpp"

#include <cstdint>
#include <vector>

namespace bench {

// A batch of connections that shake hands in step.
class turn_clients {
 public:
  // Connects, and computes the first messages.
  turn_clients(SSL_CTX* context, unsigned short port, std::size_t count);

  void send();         // what was computed
  void await_server(); // sleeps until every connection has something to read
  void compute();      // reads it, and computes the last messages
  void finish();       // reads the server's byte from each

 private:
  struct connection {
    unique_fd socket;
    ssl_ptr session;
    BIO* received; // the session's
    BIO* to_send;  // the session's
  };
  static void receive(const connection& on);
  std::vector<connection> connections_;
};

} // namespace bench

#endif
