// SPDX-License-Identifier: BSL-1.0
// "--name value", and switches without one.
#include "options.hpp"

#include <charconv>
#include <stdexcept>

namespace peers {
namespace {

template <class Number>
Number number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument("not a number: " + std::string(text));
  return value;
}

service service_of(std::string_view name) {
  if (name == "echo") return service::echo;
  if (name == "sink") return service::sink;
  if (name == "send") return service::send;
  if (name == "answer") return service::answer;
  throw std::invalid_argument("unknown service: " + std::string(name));
}

ending ending_of(std::string_view name) {
  if (name == "notify") return ending::notify;
  if (name == "wait") return ending::wait;
  if (name == "cut") return ending::cut;
  if (name == "reset") return ending::reset;
  throw std::invalid_argument("unknown ending: " + std::string(name));
}

bool take_switch(options& o, std::string_view name) {
  if (name == "--ask-only") return o.ask_only = true;
  if (name == "--half-close") return o.half_close = true;
  if (name == "--update-keys") return o.update_keys = true;
  if (name == "--forget") return o.forget = true;
  return false;
}

void take_value(options& o, std::string_view name, std::string_view v) {
  if (name == "--port")
    o.port = number<std::uint16_t>(v);
  else if (name == "--host")
    o.host = v;
  else if (name == "--cert")
    o.cert = v;
  else if (name == "--key")
    o.key = v;
  else if (name == "--ca")
    o.ca = v;
  else if (name == "--version")
    o.version = v;
  else if (name == "--alpn")
    o.alpn = v;
  else if (name == "--service")
    o.what = service_of(v);
  else if (name == "--send")
    o.send = v;
  else if (name == "--receive")
    o.receive = v;
  else if (name == "--until")
    o.until = number<std::uint64_t>(v);
  else if (name == "--times")
    o.times = number<unsigned>(v);
  else if (name == "--end")
    o.end = ending_of(v);
  else
    throw std::invalid_argument("unknown option: " + std::string(name));
}

} // namespace

options parse_options(int argc, char** argv) {
  options o;
  const std::string_view side = argc > 1 ? argv[1] : "";
  if (side != "server" && side != "client") throw std::invalid_argument(std::string(usage()));
  o.server = side == "server";
  for (int i = 2; i < argc; ++i) {
    if (take_switch(o, argv[i])) continue;
    if (i + 1 == argc) throw std::invalid_argument(std::string("a value is missing: ") + argv[i]);
    take_value(o, argv[i], argv[i + 1]);
    ++i;
  }
  if (!o.version.empty() && o.version != "1.2" && o.version != "1.3")
    throw std::invalid_argument("unknown version: " + o.version);
  if (o.server ? o.cert.empty() || o.key.empty() : o.ca.empty() || o.port == 0)
    throw std::invalid_argument("a server needs --cert and --key, a client --ca and --port");
  return o;
}

std::string_view usage() {
  return "tls_peer server --cert FILE --key FILE [--service echo|sink|send|answer] ...\n"
         "tls_peer client --port N --ca FILE [--times N] ...; options.hpp explains them all";
}

} // namespace peers
