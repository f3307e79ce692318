// SPDX-License-Identifier: BSL-1.0
// Reading the command line: "--name value" or "--name=value".
#include "options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace https_server {
namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

[[noreturn]] void refuse(std::string_view name, std::string_view value, std::string_view wanted) {
  throw startup_error("bad value " + quoted(value) + " for " + std::string(name) + ": " + std::string(wanted));
}

template <class Number>
std::optional<Number> to_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Number>
Number whole_number(std::string_view name, std::string_view value, Number least, Number most) {
  const auto number = to_number<Number>(value);
  if (!number || *number < least || *number > most)
    refuse(name, value, "a whole number from " + std::to_string(least) + " to " + std::to_string(most) + " is needed");
  return *number;
}

options::duration seconds(std::string_view name, std::string_view value) {
  const auto number = to_number<double>(value);
  if (!number || !std::isfinite(*number) || *number < 0.05 || *number > 86'400)
    refuse(name, value, "seconds from 0.05 to 86400 are needed");
  return std::chrono::duration_cast<options::duration>(std::chrono::duration<double>(*number));
}

tlsmode::mode_set modes(std::string_view name, std::string_view value) {
  const auto set = tlsmode::parse_modes(value);
  if (!set) refuse(name, value, "names of " + to_string(tlsmode::mode_set::from_native(~std::uint64_t{0})) +
                                    " are needed, joined by commas");
  if (set->contains(tlsmode::mode::send_fallback_scsv))
    refuse(name, value, "send_fallback_scsv is a mode of clients only");
  return *set;
}

struct option {
  std::string_view name;
  void (*assign)(options&, std::string_view name, std::string_view value);
};

constexpr std::array known_options{
    option{"--address", [](options& o, auto, auto v) { o.address = v; }},
    option{"--port", [](options& o, auto n, auto v) { o.port = whole_number<std::uint16_t>(n, v, 0, 65'535); }},
    option{"--cert", [](options& o, auto, auto v) { o.cert = v; }},
    option{"--key", [](options& o, auto, auto v) { o.key = v; }},
    option{"--root", [](options& o, auto, auto v) { o.root = v; }},
    option{"--client-ca", [](options& o, auto, auto v) { o.client_ca = v; }},
    option{"--modes", [](options& o, auto n, auto v) { o.modes = modes(n, v); }},
    option{"--threads", [](options& o, auto n, auto v) { o.threads = whole_number<unsigned>(n, v, 1, 256); }},
    option{"--max-connections",
           [](options& o, auto n, auto v) { o.max_connections = whole_number<std::size_t>(n, v, 1, 10'000'000); }},
    option{"--handshake-timeout", [](options& o, auto n, auto v) { o.handshake_timeout = seconds(n, v); }},
    option{"--idle-timeout", [](options& o, auto n, auto v) { o.idle_timeout = seconds(n, v); }},
    option{"--shutdown-timeout", [](options& o, auto n, auto v) { o.shutdown_timeout = seconds(n, v); }},
    option{"--drain-timeout", [](options& o, auto n, auto v) { o.drain_timeout = seconds(n, v); }},
};

} // namespace

options parse_options(std::span<const char* const> arguments) {
  options result;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--help" || argument == "--verbose") {
      (argument == "--help" ? result.help : result.verbose) = true;
      continue;
    }
    const auto equals = argument.find('=');
    const auto name = argument.substr(0, equals);
    const auto known = std::find_if(known_options.begin(), known_options.end(),
                                    [name](const option& o) { return o.name == name; });
    if (known == known_options.end())
      throw startup_error("unknown option " + quoted(name) + "; --help lists the options");
    if (equals == std::string_view::npos && i + 1 == arguments.size())
      throw startup_error("option " + std::string(name) + " needs a value");
    known->assign(result, name, equals == std::string_view::npos ? arguments[++i] : argument.substr(equals + 1));
  }
  if (!result.help && (result.cert.empty() || result.key.empty()))
    throw startup_error("a certificate and its private key are needed: --cert FILE --key FILE");
  return result;
}

std::string_view usage() {
  return R"(https_server: a coroutine HTTPS server on tlsmode::stream

usage: https_server --cert FILE --key FILE [options]

  --cert FILE             certificate chain, PEM, own certificate first
  --key FILE              its private key, PEM, not encrypted
  --root DIR              serve the files below DIR
  --address ADDRESS       IP address to listen on (127.0.0.1)
  --port N                port to listen on (8443); 0 takes a free one
  --threads N             threads, each with its own io_context and listener (1)
  --client-ca FILE        demand client certificates signed by an authority in FILE
  --modes LIST            SSL modes added to each connection, e.g. release_buffers,async
  --max-connections N     connections served at a time (10000); further ones wait
  --handshake-timeout S   seconds for a handshake (10)
  --idle-timeout S        seconds between requests, for a request header in total, and
                          without progress in a body or response (60)
  --shutdown-timeout S    seconds to close a connection (5)
  --drain-timeout S       seconds that running requests get after SIGINT or SIGTERM (30)
  --verbose               log one line per request
  --help                  print this text

Paths: files below DIR, /download/N (N bytes), /stream/N (the same, length not announced),
/echo (POST: the body comes back). Seconds may have a fraction.
)";
}

} // namespace https_server
