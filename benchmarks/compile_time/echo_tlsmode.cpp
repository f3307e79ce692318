// SPDX-License-Identifier: BSL-1.0
// The session over tlsmode::stream: only compiled, by compile_time.py.
#include "session.hpp"

#include <boost/version.hpp>
#define TLSMODE_COMPILED_WITH_BOOST BOOST_VERSION // as CMake's target says
#include <tlsmode/asio/stream.hpp>

void serve_tlsmode() { serve<tlsmode::stream<tcp::socket>>(4433); }
