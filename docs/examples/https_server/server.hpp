// SPDX-License-Identifier: BSL-1.0
// The whole server: its threads, the line that says it is ready, and its end on a signal.
#ifndef EXAMPLES_HTTPS_SERVER_SERVER_HPP
#define EXAMPLES_HTTPS_SERVER_SERVER_HPP

#include "options.hpp"

namespace https_server {

/// Runs until SIGINT or SIGTERM has been obeyed. Throws startup_error, or what the system throws at the start.
void run_server(const options& opt);

} // namespace https_server

#endif
