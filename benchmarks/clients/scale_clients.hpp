// SPDX-License-Identifier: BSL-1.0
// Many clients in a process of their own, which do what the server's side asks for, one thing after the
// other: connect, exchange messages, keep the server busy with halves of things.
#ifndef TLSMODE_BENCH_CLIENTS_SCALE_CLIENTS_HPP
#define TLSMODE_BENCH_CLIENTS_SCALE_CLIENTS_HPP

#include "raw_tls.hpp"

#include <cstdint>
#include <vector>

namespace bench {

constexpr std::size_t scale_message = 64;             // bytes; the server echoes them
constexpr std::size_t scale_record = 16 * 1024;       // what a client sends half of
constexpr std::size_t scale_answer = 256 * 1024;      // what the server of a busy connection writes
constexpr std::byte scale_echo{'m'}, scale_busy{'b'}; // first byte of a message: what the server does

// The bytes of each of them.
std::vector<std::byte> scale_bytes(std::size_t size, std::byte first);

struct scale_plan {
  tls_parameters tls{};
  bool plain = false;
  unsigned short port = 0;
};

struct scale_command {
  enum class kind : std::uint8_t {
    open,     // so many more connections; one echo on each
    messages, // so many echoes, spread over all connections in a random order, some at a time
    busy,     // on so many connections: a message that says busy, and the first half of a record
    calm,     // on the same: the other half, and read what the server writes
    leave,    // close all and end; there is no reply
  };
  kind what = kind::open;
  std::uint64_t count = 0;
};

struct scale_reply {
  char error[200] = ""; // empty if all went well
};

// In the client process: does what it is told until it is told to leave.
void run_scale_clients(const unique_fd& control, const scale_plan& plan) noexcept;

// ---- the server's side ----

// The next connection. Throws if none comes for a long time.
unique_fd accept_client(const unique_fd& listener);

// So small that a scale_answer does not fit between the two processes.
void keep_send_buffer_small(int descriptor);

} // namespace bench

#endif
