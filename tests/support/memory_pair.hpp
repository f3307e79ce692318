// SPDX-License-Identifier: BSL-1.0
// A client and a server engine that talk through memory: no sockets, no clocks, one thread. The test moves
// the bytes, so it decides what is on the wire at any moment.
#ifndef TLSMODE_TESTS_SUPPORT_MEMORY_PAIR_HPP
#define TLSMODE_TESTS_SUPPORT_MEMORY_PAIR_HPP

#include "test_certificates.hpp"

#include <tlsmode/engine.hpp>
#include <tlsmode/memory_transport.hpp>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace tlsmode::test {

inline constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

inline const_buffer bytes_of(std::string_view s) noexcept { return std::as_bytes(std::span(s)); }
inline mutable_buffer room_in(std::string& s) noexcept { return std::as_writable_bytes(std::span(s)); }
inline std::string text_of(const_buffer b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

/// `n` bytes in which no stretch repeats: a lost, doubled or swapped byte shows.
std::string pattern(std::size_t n, std::uint64_t seed = 0);

/// One side: an engine and the transport that every step of it uses.
struct endpoint {
  endpoint(const context& ctx, role r) : tls(ctx), side(r) {}

  step handshake() { return tls.handshake(wire, side); }
  step read(std::string& to);
  step read(std::initializer_list<mutable_buffer> to) { return tls.read(wire, {to.begin(), to.size()}); }
  step write(std::string_view from);
  step write(std::initializer_list<const_buffer> from) {
    return tls.write(wire, {from.begin(), from.size()});
  }
  step shutdown(shutdown_form form) { return tls.shutdown(wire, form); }
  step flush() { return tls.flush(wire); }
  /// Reads until a step does not give bytes; that step is left in `last`.
  std::string read_all();
  [[nodiscard]] SSL* native() const noexcept { return tls.native_handle(); }

  engine tls;
  memory_transport wire;
  role side;
  step last{suspend::want_read, 0, {}}; // nothing is over before it began
};

/// Moves what `from` has put out to `to`; returns the number of bytes.
std::size_t deliver(endpoint& from, endpoint& to);

struct memory_pair {
  /// A client that verifies the server.
  memory_pair() : memory_pair(client_context(), server_context()) {}
  memory_pair(const context& client_ctx, const context& server_ctx);

  /// Shakes hands; the client has also read the server's tickets. False if it failed or got nowhere: the last
  /// steps are in `last` of each side.
  [[nodiscard]] bool connect();
  /// One handshake step on each side, and the bytes both ways. False once nothing moves any more.
  bool advance();
  /// Moves bytes both ways, held-back ones too, until nothing moves. Reads nothing.
  void settle();

  endpoint client;
  endpoint server;
};

} // namespace tlsmode::test

#endif
