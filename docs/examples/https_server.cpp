// SPDX-License-Identifier: BSL-1.0
// An HTTPS server made of coroutines on tlsmode::stream, for real clients: curl, browsers, load generators.
// This is the front door; the house is in https_server/, and README.md has the plan.
#include "https_server/options.hpp"
#include "https_server/server.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  try {
    const auto opt = https_server::parse_options({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
    if (opt.help) {
      std::fputs(https_server::usage().data(), stdout);
      return 0;
    }
    https_server::run_server(opt);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "https_server: %s\n", e.what());
    return 1;
  }
}
