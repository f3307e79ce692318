// SPDX-License-Identifier: BSL-1.0
// What the drop-in programs share and what has nothing to do with TLS: arguments, text that can be compared,
// an end in bounded time. Knows no stream.
#ifndef TESTS_DROPIN_PROGRAM_HPP
#define TESTS_DROPIN_PROGRAM_HPP

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <unistd.h>

/// `size` bytes that follow from `seed`.
inline std::string made_up(std::size_t size, std::uint32_t seed) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>('a' + ((seed = seed * 1664525U + 1013904223U) >> 24) % 26);
  return bytes;
}

/// Size and checksum of what is too long to print.
inline std::string brief(std::string_view bytes) {
  std::uint32_t sum = 2166136261U;
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 16777619U;
  return std::to_string(bytes.size()) + " bytes " + std::to_string(sum);
}

/// An error as people print it. Success is "ok".
inline std::string text(const boost::system::error_code& ec) {
  return ec ? std::string(ec.category().name()) + ": " + ec.message() : "ok";
}

inline void say(std::string_view what, std::string_view value = {}) {
  std::cout << what << (value.empty() ? "" : " ") << value << '\n' << std::flush;
}

struct arguments {
  std::string certificate, key; // of a server
  unsigned short port = 0;      // of a client
  std::string authority;
};

/// main(): "server CERTIFICATE KEY" prints "port N" and serves its connections; "client PORT AUTHORITY" makes
/// them.
template <class Server, class Client>
int run_program(int argc, char** argv, Server serve, Client connect) {
  ::alarm(60); // the end of everything that hangs
  const std::string_view part = argc == 4 ? argv[1] : "";
  try {
    if (part == "server")
      serve(arguments{argv[2], argv[3], 0, {}});
    else if (part == "client")
      connect(arguments{{}, {}, static_cast<unsigned short>(std::stoi(argv[2])), argv[3]});
    else
      return 2;
    say("done");
    return 0;
  } catch (const std::exception& e) {
    say("exception:", e.what());
    return 1;
  }
}

#endif
