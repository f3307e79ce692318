// SPDX-License-Identifier: BSL-1.0
// Two engines over memory.
#include "memory_pair.hpp"

#include <stdexcept>

namespace tlsmode::test {

std::string pattern(std::size_t n, std::uint64_t seed) {
  std::string s(n, '\0');
  std::uint64_t x = seed * 0x9e3779b97f4a7c15u + 0x853c49e6748fea9bu;
  for (char& c : s) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    c = static_cast<char>(x >> 32);
  }
  return s;
}

step endpoint::read(std::string& to) {
  const mutable_buffer b = room_in(to);
  return tls.read(wire, {&b, 1});
}

step endpoint::write(std::string_view from) {
  const const_buffer b = bytes_of(from);
  return tls.write(wire, {&b, 1});
}

std::string endpoint::read_all() {
  std::string all;
  std::string part(20000, '\0');
  for (;;) {
    last = read(part);
    if (last.bytes == 0) return all;
    all.append(part, 0, last.bytes);
  }
}

std::size_t deliver(endpoint& from, endpoint& to) {
  const std::size_t n = from.wire.output().size();
  if (!to.wire.feed(from.wire.output())) throw std::bad_alloc();
  from.wire.consume(n);
  return n;
}

memory_pair::memory_pair(const context& client_ctx, const context& server_ctx)
    : client(client_ctx, role::client), server(server_ctx, role::server) {
  if (const std::error_code ec = client.tls.set_host(server_name)) throw std::system_error(ec);
}

bool memory_pair::advance() {
  client.last = client.handshake();
  std::size_t moved = deliver(client, server);
  server.last = server.handshake();
  moved += deliver(server, client);
  return moved != 0;
}

bool memory_pair::connect() {
  for (int round = 0; round < 1000; ++round) {
    const bool moved = advance();
    if (client.last.error || server.last.error) return false;
    if (client.last.complete() && server.last.complete()) {
      settle();
      return client.read_all().empty() && client.last.why == suspend::want_read;
    }
    if (!moved) return false;
  }
  return false;
}

void memory_pair::settle() {
  for (std::size_t moved = 1; moved != 0;) {
    client.flush();
    server.flush();
    moved = deliver(client, server);
    moved += deliver(server, client);
  }
}

} // namespace tlsmode::test
