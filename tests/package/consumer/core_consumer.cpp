// SPDX-License-Identifier: BSL-1.0
// A program that uses the core alone: two engines in one memory shake hands, and one tells the other a word.
#include "certificate.hpp"

#include <tlsmode/engine.hpp>
#include <tlsmode/memory_transport.hpp>

#include <array>
#include <iostream>
#include <span>
#include <string>

namespace {

struct side {
  explicit side(const tlsmode::context& context) : engine(context) {}
  tlsmode::engine engine;
  tlsmode::memory_transport memory;
};

void carry(side& from, side& to) {
  const auto bytes = from.memory.output();
  if (!to.memory.feed(bytes)) throw std::runtime_error("no memory");
  from.memory.consume(bytes.size());
}

// Both ends in turn until both are complete.
template <class First, class Second>
void run(side& a, side& b, First first, Second second) {
  for (int round = 0; round < 20; ++round) {
    const tlsmode::step x = first();
    carry(a, b);
    const tlsmode::step y = second();
    carry(b, a);
    for (const auto& s : {x, y})
      if (s.error) throw std::system_error(s.error);
    if (x.complete() && y.complete()) return;
  }
  throw std::runtime_error("it goes on for ever");
}

} // namespace

int main() try {
  const certificate own;
  side client(own.client()), server(own.server());
  if (const auto ec = client.engine.set_host("localhost")) throw std::system_error(ec);
  run(
      client, server, [&] { return client.engine.handshake(client.memory, tlsmode::role::client); },
      [&] { return server.engine.handshake(server.memory, tlsmode::role::server); });

  const std::string sent = "word";
  std::string received(sent.size(), '\0');
  const std::array out{std::as_bytes(std::span(sent))};
  const std::array in{std::as_writable_bytes(std::span(received))};
  run(
      client, server, [&] { return client.engine.write(client.memory, out); },
      [&] { return server.engine.read(server.memory, in); });
  if (received != sent) throw std::runtime_error("received " + received);
  std::cout << "core: " << client.engine.protocol() << '\n';
} catch (const std::exception& e) {
  std::cerr << "core_consumer: " << e.what() << '\n';
  return 1;
}
