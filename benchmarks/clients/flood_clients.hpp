// SPDX-License-Identifier: BSL-1.0
// The clients of the flood, in a process of their own: a few connections whose messages are echoed, and new
// ones that shake hands and leave. Both are open-loop: what is due is sent whether or not the server keeps
// up; but no more than at_once shake hands at a time.
#ifndef TLSMODE_BENCH_CLIENTS_FLOOD_CLIENTS_HPP
#define TLSMODE_BENCH_CLIENTS_FLOOD_CLIENTS_HPP

#include "raw_tls.hpp"

#include <cstdint>
#include <vector>

namespace bench {

struct flood_plan {
  server_key key = server_key::rsa_2048;
  unsigned short port = 0;        // where new connections go
  std::vector<unique_fd> echoes;  // connected; no TLS yet
  double messages_per_second = 0; // all echo connections together
  double rate = 0;                // handshakes per second; as_many_as_it_takes: always at_once of them
  std::uint64_t at_once = 256;    // beyond these, arrivals wait: the memory of both sides is bounded
  std::chrono::milliseconds warm_up{}, measured{};
};

// What happened between start and start + measured, as the clients saw it.
struct flood_report {
  std::uint64_t offered = 0;                                      // handshakes begun
  std::uint64_t completed = 0;                                    // the server's byte has arrived, too
  std::uint64_t begun_ever = 0, completed_ever = 0;               // with the warm-up and the rest at the end
  std::uint64_t sent = 0, echoed = 0;                             // messages
  double echo_p50 = 0, echo_p99 = 0, echo_p999 = 0, echo_max = 0; // microseconds
  char error[200] = "";                                           // empty if all went well
};

// In the client process. Shakes hands on the echo connections and tells the parent (bool: whether it worked);
// hears from it when to start (int64_t: nanoseconds of the steady clock) and begins earlier by the warm-up;
// ends with a flood_report when every handshake and every echo that was begun is complete. One that could not
// begin says false and why.
void run_flood_clients(const unique_fd& control, flood_plan& plan) noexcept;

// ---- the two kinds, each on a thread of its own ----

struct flood_times {
  steady::time_point begin, start, end; // warm-up, measured part
  steady::time_point give_up;           // what is not complete by then has failed
  bool measured(steady::time_point when) const noexcept { return when >= start && when < end; }
};

class echo_clients {
 public:
  echo_clients(SSL_CTX* context, std::vector<unique_fd>& sockets);
  void handshake(); // on all of them; blocks
  void run(const flood_times& times, double messages_per_second, flood_report& report);

 private:
  struct connection {
    raw_client tls;
    std::vector<steady::time_point> sent{}; // one for each message
    std::size_t echoed_bytes = 0;
  };
  void send(connection& on, steady::time_point now);
  void receive(connection& on);

  std::vector<connection> connections_;
  readable_set readable_;
  std::vector<std::pair<steady::time_point, float>> round_trips_; // when sent, microseconds
};

void run_handshakes(SSL_CTX* context, const flood_plan& plan, const flood_times& times, flood_report& report);

} // namespace bench

#endif
