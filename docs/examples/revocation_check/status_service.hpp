// SPDX-License-Identifier: BSL-1.0
// A service that knows which certificates are revoked, and how to ask it. It stands for an OCSP responder: a
// line with a serial number in hexadecimal goes there, a line with "good" or "revoked" comes back.
#ifndef EXAMPLES_REVOCATION_CHECK_STATUS_SERVICE_HPP
#define EXAMPLES_REVOCATION_CHECK_STATUS_SERVICE_HPP

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <openssl/types.h>

#include <string>

/// The serial number of a certificate, in capital hexadecimal digits.
[[nodiscard]] std::string serial_of(const X509* certificate);

/// What the service says. Throws boost::system::system_error if it cannot be asked.
[[nodiscard]] boost::asio::awaitable<std::string> ask_status(boost::asio::ip::tcp::endpoint service,
                                                             std::string serial);

/// Answers for ever. `revoked` has a serial number in each line and is read anew for each question; while it
/// cannot be read nothing is good.
[[nodiscard]] boost::asio::awaitable<void> serve_status(boost::asio::ip::tcp::acceptor acceptor,
                                                        std::string revoked);

#endif
