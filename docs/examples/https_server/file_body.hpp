// SPDX-License-Identifier: BSL-1.0
// A response body read from an open file in large pieces. Beast's own file_body reads 4 KiB at a time, which
// would make a TLS record, and a system call, of every 4 KiB.
#ifndef EXAMPLES_HTTPS_SERVER_FILE_BODY_HPP
#define EXAMPLES_HTTPS_SERVER_FILE_BODY_HPP

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/file_posix.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace https_server {

/// A Beast body. Reads block for as long as the disk does: the usual price of files on an event loop.
struct file_body {
  struct value_type {
    boost::beast::file_posix file;
    std::uint64_t size = 0; ///< bytes to send; a file that turns out shorter is an error, one that grew is cut
  };

  static constexpr std::size_t piece = 128 * 1024;

  static std::uint64_t size(const value_type& body) noexcept { return body.size; }

  class writer {
  public:
    using const_buffers_type = boost::asio::const_buffer;

    template <bool is_request, class Fields>
    writer(const boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body), left_(body.size) {}

    void init(boost::beast::error_code& ec) {
      ec = {};
      capacity_ = static_cast<std::size_t>(std::min<std::uint64_t>(piece, left_));
      memory_ = std::make_unique_for_overwrite<char[]>(capacity_);
    }

    boost::optional<std::pair<const_buffers_type, bool>> get(boost::beast::error_code& ec) {
      ec = {};
      if (left_ == 0) return boost::none;
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(capacity_, left_));
      const std::size_t n = body_.file.read(memory_.get(), wanted, ec);
      if (!ec && n == 0) ec = boost::beast::http::error::short_read; // cut off since its size was taken
      if (ec) return boost::none;
      left_ -= n;
      return std::make_pair(const_buffers_type(memory_.get(), n), left_ > 0);
    }

  private:
    value_type& body_;
    std::uint64_t left_;
    std::size_t capacity_ = 0;
    std::unique_ptr<char[]> memory_;
  };
};

} // namespace https_server

#endif
