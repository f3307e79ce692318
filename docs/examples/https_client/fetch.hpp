// SPDX-License-Identifier: BSL-1.0
// One GET over one verified TLS connection.
#ifndef EXAMPLES_HTTPS_CLIENT_FETCH_HPP
#define EXAMPLES_HTTPS_CLIENT_FETCH_HPP

#include "url.hpp"

#include <tlsmode/context.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace https_client {

/// Why a fetch failed: the step that failed and the reason, in words.
struct fetch_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What came back.
struct reply {
  unsigned status = 0;
  std::string reason;       ///< the text after the status, e.g. "Not Found"
  std::string http_version; ///< "HTTP/1.1"
  std::string tls_version;  ///< "TLSv1.3"
  std::string cipher;
  std::string content_type;
  std::uint64_t body_size = 0;
};

/// Takes pieces of the body as they come. May throw.
using body_sink = std::function<void(std::string_view piece)>;

/// Fetches `from`. Completes when all of the body has been through `sink`.
/// Throws fetch_error; also when nothing happens for `patience`.
[[nodiscard]] boost::asio::awaitable<reply> fetch(const tlsmode::context& context, url from, body_sink sink,
                                                  std::chrono::milliseconds patience);

} // namespace https_client

#endif
