// SPDX-License-Identifier: BSL-1.0
// The TLS context of the server, made from the files that the options name.
#ifndef EXAMPLES_HTTPS_SERVER_CERTIFICATES_HPP
#define EXAMPLES_HTTPS_SERVER_CERTIFICATES_HPP

#include "options.hpp"

#include <tlsmode/context.hpp>

namespace https_server {

/// A server context with certificate, key, ALPN and, if asked for, client certificates.
/// Throws startup_error that names the file and OpenSSL's reason.
[[nodiscard]] tlsmode::context make_context(const options& opt);

} // namespace https_server

#endif
