// SPDX-License-Identifier: BSL-1.0
// Certificates for the adapter's tests, made once per process and kept in memory, and contexts that use them.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_CERTIFICATES_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_CERTIFICATES_HPP

#include <boost/asio/ssl/context.hpp>

#include <string>

namespace tlsmode {
namespace net = boost::asio;

namespace test {

/// A certificate and its private key, in PEM.
struct identity {
  std::string certificate;
  std::string key;
};

/// The authority that the tests trust.
[[nodiscard]] const identity& authority();
/// "localhost" and 127.0.0.1, signed by authority().
[[nodiscard]] const identity& localhost();
/// "client", signed by authority().
[[nodiscard]] const identity& client_identity();
/// "localhost", signed by nobody but itself.
[[nodiscard]] const identity& stranger();

/// Contexts for one protocol version (TLS1_2_VERSION or TLS1_3_VERSION).
/// The server shows `who`; the client trusts authority() and verifies.
[[nodiscard]] net::ssl::context server_context(int version, const identity& who = localhost());
[[nodiscard]] net::ssl::context client_context(int version);

} // namespace test
} // namespace tlsmode

#endif
