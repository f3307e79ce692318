// SPDX-License-Identifier: BSL-1.0
// Making, printing, reading and shortening scripts.
#include "script.hpp"

#include "settings.hpp"

#include <algorithm>
#include <random>
#include <sstream>
#include <stdexcept>

namespace tlsmode::test {
namespace {

constexpr std::string_view letters = "HrRwgWScCqpnetbxsuk";

bool has_number(act a) {
  switch (a) {
  case act::read_some:
  case act::read:
  case act::write_some:
  case act::gather:
  case act::write:
  case act::peer_writes:
  case act::chunk: return true;
  default: return false;
  }
}

} // namespace

std::string to_string(const script& s) {
  std::string text = std::string(s.client ? "client" : "server") + (s.tls13 ? "13" : "12");
  for (const action& a : s.actions) {
    text += ' ';
    text += static_cast<char>(a.what);
    if (has_number(a.what)) text += std::to_string(a.n);
  }
  return text;
}

script parse_script(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::string word;
  in >> word;
  script s;
  s.client = word == "client12" || word == "client13";
  s.tls13 = word == "client13" || word == "server13";
  if (!s.client && !s.tls13 && word != "server12") throw std::invalid_argument("script: " + word);
  while (in >> word) {
    if (letters.find(word[0]) == std::string_view::npos) throw std::invalid_argument("script: " + word);
    const std::string number = word.size() > 1 ? word.substr(1) : "0";
    s.actions.push_back({static_cast<act>(word[0]), number_in<std::size_t>(number, "script: " + word)});
  }
  return s;
}

script random_script(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto size = [&]() -> std::size_t {
    constexpr std::size_t sizes[] = {0, 1, 100, 1000, 5000, 8192, 16384};
    return below(3) == 0 ? sizes[below(7)] : 1 + below(16'384);
  };
  script s;
  s.client = below(2) == 0;
  s.tls13 = below(3) != 0;
  if (below(3) == 0) {
    constexpr std::size_t chunks[] = {1, 5, 13, 64, 1024};
    s.actions.push_back({act::chunk, chunks[below(5)]});
  }
  if (below(20) == 0) s.actions.push_back({act::peer_ends, 0});
  if (below(20) == 0) s.actions.push_back({act::peer_breaks, 0});
  s.actions.push_back({act::handshake, 0});
  const std::size_t length = 3 + below(14);
  // Often what is useful, seldom what ends everything.
  constexpr std::string_view often = "rrrrRRRwwwgWWppppppppSsucCsun";
  constexpr std::string_view seldom = "qnetbxSCk";
  for (std::size_t i = 0; i < length; ++i) {
    const char c = below(8) == 0 ? seldom[below(seldom.size())] : often[below(often.size())];
    action a{static_cast<act>(c), 0};
    if (has_number(a.what)) a.n = a.what == act::chunk ? 1 + below(2000) : size();
    if (a.what == act::write) a.n *= 1 + below(3);
    s.actions.push_back(a);
  }
  return s;
}

script shrink(script s, const std::function<bool(const script&)>& fails) {
  for (std::size_t piece = std::max<std::size_t>(1, s.actions.size() / 2); piece != 0; piece /= 2) {
    bool shorter = true;
    while (shorter) {
      shorter = false;
      for (std::size_t at = 0; at + piece <= s.actions.size();) {
        script less = s;
        const auto from = less.actions.begin() + static_cast<std::ptrdiff_t>(at);
        less.actions.erase(from, from + static_cast<std::ptrdiff_t>(piece));
        if (fails(less)) {
          s = std::move(less);
          shorter = true;
        } else {
          ++at;
        }
      }
    }
  }
  for (action& a : s.actions) { // and smaller
    while (a.n > 1) {
      const std::size_t was = a.n;
      a.n /= 2;
      if (fails(s)) continue;
      a.n = was;
      break;
    }
  }
  return s;
}

} // namespace tlsmode::test
