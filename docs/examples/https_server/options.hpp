// SPDX-License-Identifier: BSL-1.0
// The command line of https_server: what can be set, its defaults, and its errors in words.
#ifndef EXAMPLES_HTTPS_SERVER_OPTIONS_HPP
#define EXAMPLES_HTTPS_SERVER_OPTIONS_HPP

#include <tlsmode/mode.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace https_server {

/// Something that keeps the server from starting; what() names the cause for the person at the terminal.
struct startup_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct options {
  using duration = std::chrono::milliseconds;

  std::string address = "127.0.0.1";
  std::uint16_t port = 8443; ///< 0: any free port
  std::string cert;          ///< PEM file, own certificate first
  std::string key;           ///< PEM file, not encrypted
  std::string root;          ///< directory of the static files; empty: none are served
  std::string client_ca;     ///< PEM file; empty: no client certificate is asked for
  tlsmode::mode_set modes;   ///< added to every connection
  unsigned threads = 1;
  std::size_t max_connections = 10'000;
  duration handshake_timeout{10'000};
  duration idle_timeout{60'000}; ///< also limits a request header in total, and a body or response without progress
  duration shutdown_timeout{5'000};
  duration drain_timeout{30'000};
  bool verbose = false;
  bool help = false;
};

/// Reads the arguments that follow the program's name. Throws startup_error.
[[nodiscard]] options parse_options(std::span<const char* const> arguments);

/// What --help prints.
[[nodiscard]] std::string_view usage();

} // namespace https_server

#endif
