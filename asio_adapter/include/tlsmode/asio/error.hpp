// SPDX-License-Identifier: BSL-1.0
// The core's errors as the error codes that users of boost::asio::ssl::stream expect.
#ifndef TLSMODE_ASIO_ERROR_HPP
#define TLSMODE_ASIO_ERROR_HPP

#include <tlsmode/error.hpp>

#include <boost/system/error_code.hpp>

namespace tlsmode {

/// The same error in Boost's terms: end_of_stream as boost::asio::error::eof, stream_truncated as
/// boost::asio::ssl::error::stream_truncated, OpenSSL's errors in Boost.Asio's ssl category, system errors in
/// Boost's system category. Misuse keeps its own category and compares equal to tlsmode::error.
[[nodiscard]] boost::system::error_code to_boost(std::error_code ec) noexcept;

} // namespace tlsmode

#endif
