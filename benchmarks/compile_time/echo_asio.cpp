// SPDX-License-Identifier: BSL-1.0
// The session over boost::asio::ssl::stream: only compiled, by compile_time.py.
#include "session.hpp"

#include <boost/asio/ssl/stream.hpp>

void serve_asio() { serve<net::ssl::stream<tcp::socket>>(4433); }
