// SPDX-License-Identifier: BSL-1.0
// The soak test's server or its clients, by options; run.py says what is done with them.
#include "settings.hpp"
#include "soak.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <type_traits>

namespace {

void take(soak::settings& s, std::string_view name, std::string_view value) {
  const auto to = [name, value](auto& setting) {
    setting = tlsmode::test::number_in<std::remove_reference_t<decltype(setting)>>(value, name, 0);
  };
  const auto count = [name, value] { return tlsmode::test::number_in<std::uint64_t>(value, name); };
  const auto seconds = [name, value] {
    return std::chrono::seconds(tlsmode::test::number_in<std::int32_t>(value, name, 0));
  };
  const auto milliseconds = [name, value] {
    return std::chrono::milliseconds(tlsmode::test::number_in<std::int32_t>(value, name, 0));
  };
  if (name == "--cert")
    s.cert = value;
  else if (name == "--key")
    s.key = value;
  else if (name == "--ca")
    s.ca = value;
  else if (name == "--version")
    s.version = value;
  else if (name == "--port")
    to(s.port);
  else if (name == "--idle")
    to(s.idle);
  else if (name == "--parallel")
    to(s.parallel);
  else if (name == "--exchanges")
    to(s.exchanges);
  else if (name == "--time")
    s.time = seconds();
  else if (name == "--up")
    to(s.up);
  else if (name == "--down")
    to(s.down);
  else if (name == "--random-sizes")
    s.random_sizes = count() != 0;
  else if (name == "--write-size")
    to(s.write_size);
  else if (name == "--read-size")
    to(s.read_size);
  else if (name == "--write-pause")
    s.write_pause = milliseconds();
  else if (name == "--read-pause")
    s.read_pause = milliseconds();
  else if (name == "--slow-time")
    s.slow_time = seconds();
  else if (name == "--patience")
    s.patience = seconds();
  else if (name == "--buffer")
    to(s.buffer);
  else if (name == "--seed")
    to(s.seed);
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
