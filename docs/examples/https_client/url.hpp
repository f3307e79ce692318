// SPDX-License-Identifier: BSL-1.0
// The parts of an https URL that a client needs.
#ifndef EXAMPLES_HTTPS_CLIENT_URL_HPP
#define EXAMPLES_HTTPS_CLIENT_URL_HPP

#include <string>
#include <string_view>

namespace https_client {

struct url {
  std::string host;      ///< a name, or an IP address without brackets
  std::string port;      ///< "443" unless the URL says otherwise
  std::string authority; ///< host and port as they stand in the URL: the value of Host
  std::string target;    ///< path and query, at least "/"
};

/// Throws std::invalid_argument that says what is wrong with the URL.
[[nodiscard]] url parse_url(std::string_view text);

} // namespace https_client

#endif
