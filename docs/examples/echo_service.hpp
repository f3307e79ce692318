// SPDX-License-Identifier: BSL-1.0
// What the two examples of signers serve: each connection gets back what it sends. Knows nothing of where the
// private key is.
#ifndef DOCS_EXAMPLES_ECHO_SERVICE_HPP
#define DOCS_EXAMPLES_ECHO_SERVICE_HPP

#include <tlsmode/context.hpp>

#include <boost/asio/io_context.hpp>

/// Listens on 127.0.0.1 (port 0: any free one), prints "listening on ADDRESS:PORT", and serves until SIGINT
/// or SIGTERM. Says on stderr why a handshake failed. `context` must outlive the call.
void run_echo_service(boost::asio::io_context& io, unsigned short port, const tlsmode::context& context);

#endif
