// SPDX-License-Identifier: BSL-1.0
// Messages of 64 bytes at fixed times, each connection in turn. The time of a round trip starts when its
// message is sent: nothing the server does can delay that.
#include "flood_clients.hpp"
#include "harness/statistics.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace bench {
namespace {

constexpr std::size_t message_size = 64;
using message = std::array<std::byte, message_size>;

// Differs from message to message, and is the same on all connections.
message message_number(std::uint64_t number) {
  message text;
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::byte>(number * 31 + i);
  return text;
}

} // namespace

echo_clients::echo_clients(SSL_CTX* context, std::vector<unique_fd>& sockets) {
  for (unique_fd& socket : sockets) {
    connections_.push_back({raw_client(context, std::move(socket))});
    readable_.add(connections_.back().tls.descriptor(), connections_.size() - 1);
  }
}

void echo_clients::handshake() {
  const auto give_up = steady::now() + std::chrono::seconds(20);
  for (connection& one : connections_)
    while (!one.tls.handshake()) {
      if (steady::now() > give_up) throw std::runtime_error("an echo connection could not be made");
      readable_.wait(steady::now() + std::chrono::milliseconds(10));
    }
}

void echo_clients::send(connection& on, steady::time_point now) {
  on.tls.write(message_number(on.sent.size()));
  on.sent.push_back(now);
}

void echo_clients::receive(connection& on) {
  message piece;
  for (;;) {
    const std::size_t at = on.echoed_bytes % message_size;
    const std::size_t number = on.echoed_bytes / message_size;
    const std::size_t size = on.tls.read(std::span(piece).first(message_size - at));
    if (size == 0) return;
    if (number >= on.sent.size() || std::memcmp(piece.data(), message_number(number).data() + at, size) != 0)
      throw std::runtime_error("an echo differs from what was sent");
    on.echoed_bytes += size;
    if (at + size == message_size)
      round_trips_.emplace_back(
          on.sent[number], std::chrono::duration<float, std::micro>(steady::now() - on.sent[number]).count());
  }
}

void echo_clients::run(const flood_times& times, double messages_per_second, flood_report& report) {
  if (connections_.empty()) return;
  const auto interval =
      std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(1 / messages_per_second));
  std::uint64_t sent = 0;
  for (auto due = times.begin; due < times.end || round_trips_.size() < sent;) {
    auto now = steady::now();
    if (now > times.give_up) break; // the report says how many are missing
    for (; due <= now && due < times.end; due += interval)
      send(connections_[sent++ % connections_.size()], now);
    for (const std::uint64_t name : readable_.wait(due < times.end ? due : times.give_up))
      receive(connections_[name]);
  }

  report.sent = sent;
  report.echoed = round_trips_.size();
  std::vector<float> microseconds;
  for (const auto& [when, took] : round_trips_)
    if (times.measured(when)) microseconds.push_back(took);
  if (microseconds.empty()) return;
  report.echo_p50 = percentile(microseconds, 0.50);
  report.echo_p99 = percentile(microseconds, 0.99);
  report.echo_p999 = percentile(microseconds, 0.999);
  report.echo_max = percentile(microseconds, 1);
}

} // namespace bench
