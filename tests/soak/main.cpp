// SPDX-License-Identifier: BSL-1.0
// The soak test's server or its clients, by options; run.py says what is done with them.
#include "soak.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>

namespace {

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument("not a number: " + std::string(text));
  return value;
}

void take(soak::settings& s, std::string_view name, std::string_view value) {
  const auto count = [value] { return number(value); };
  const auto seconds = [value] { return std::chrono::seconds(number(value)); };
  const auto milliseconds = [value] { return std::chrono::milliseconds(number(value)); };
  if (name == "--cert")
    s.cert = value;
  else if (name == "--key")
    s.key = value;
  else if (name == "--ca")
    s.ca = value;
  else if (name == "--version")
    s.version = value;
  else if (name == "--port")
    s.port = static_cast<std::uint16_t>(count());
  else if (name == "--idle")
    s.idle = static_cast<unsigned>(count());
  else if (name == "--parallel")
    s.parallel = static_cast<unsigned>(count());
  else if (name == "--exchanges")
    s.exchanges = count();
  else if (name == "--time")
    s.time = seconds();
  else if (name == "--up")
    s.up = count();
  else if (name == "--down")
    s.down = count();
  else if (name == "--random-sizes")
    s.random_sizes = count() != 0;
  else if (name == "--write-size")
    s.write_size = count();
  else if (name == "--read-size")
    s.read_size = count();
  else if (name == "--write-pause")
    s.write_pause = milliseconds();
  else if (name == "--read-pause")
    s.read_pause = milliseconds();
  else if (name == "--slow-time")
    s.slow_time = seconds();
  else if (name == "--patience")
    s.patience = seconds();
  else if (name == "--buffer")
    s.buffer = static_cast<int>(count());
  else if (name == "--seed")
    s.seed = count();
  else if (name == "--resume")
    s.resume = count() != 0;
  else
    throw std::invalid_argument("unknown option: " + std::string(name));
}

} // namespace

int main(int argc, char** argv) try {
  const std::string_view side = argc > 1 ? argv[1] : "";
  if ((side != "server" && side != "clients") || argc % 2 != 0)
    throw std::invalid_argument("usage: soak server|clients --NAME VALUE...; soak.hpp has the names");
  soak::settings s;
  for (int i = 2; i < argc; i += 2) take(s, argv[i], argv[i + 1]);
  std::signal(SIGPIPE, SIG_IGN);
  side == "server" ? soak::run_server(s) : soak::run_clients(s);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "soak: %s\n", e.what());
  return 1;
}
