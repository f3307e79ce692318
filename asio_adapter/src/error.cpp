// SPDX-License-Identifier: BSL-1.0
// The core's errors in Boost's terms.
#include <tlsmode/asio/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

namespace tlsmode {

boost::system::error_code to_boost(std::error_code ec) noexcept {
  if (!ec) return {};
  if (ec == error::end_of_stream) return boost::asio::error::eof;
  if (ec == error::stream_truncated) return boost::asio::ssl::error::stream_truncated;
  if (ec.category() == openssl_category()) return {ec.value(), boost::asio::error::get_ssl_category()};
  if (ec.category() == std::system_category()) return {ec.value(), boost::system::system_category()};
  return ec;
}

} // namespace tlsmode
