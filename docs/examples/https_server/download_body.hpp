// SPDX-License-Identifier: BSL-1.0
// A response body of any size that is never in memory: a fixed pattern, handed out in large slices.
// Every connection reads the same table, so a download costs no memory and no copy of its own.
#ifndef EXAMPLES_HTTPS_SERVER_DOWNLOAD_BODY_HPP
#define EXAMPLES_HTTPS_SERVER_DOWNLOAD_BODY_HPP

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace https_server {

/// Byte number i of every download. The period is a prime, so that no block size hides a lost or doubled block.
struct download_pattern {
  static constexpr std::uint64_t period = 65'521;
  static constexpr std::size_t slice = 256 * 1024;

  static constexpr unsigned char byte_at(std::uint64_t i) noexcept {
    return static_cast<unsigned char>((i % period * 2'654'435'761U) >> 24U);
  }

  /// At most `slice` and at most `left` bytes from position `offset` on.
  static boost::asio::const_buffer at(std::uint64_t offset, std::uint64_t left) {
    static const std::vector<unsigned char> table = [] {
      std::vector<unsigned char> t(period + slice);
      for (std::size_t i = 0; i < t.size(); ++i) t[i] = byte_at(i);
      return t;
    }();
    return {table.data() + offset % period, static_cast<std::size_t>(std::min<std::uint64_t>(slice, left))};
  }
};

/// A Beast body: the value is the number of bytes.
struct download_body {
  using value_type = std::uint64_t;

  static std::uint64_t size(const value_type& total) noexcept { return total; }

  class writer {
  public:
    using const_buffers_type = boost::asio::const_buffer;

    template <bool is_request, class Fields>
    writer(const boost::beast::http::header<is_request, Fields>&, const value_type& total) : total_(total) {}

    void init(boost::beast::error_code& ec) { ec = {}; }

    boost::optional<std::pair<const_buffers_type, bool>> get(boost::beast::error_code& ec) {
      ec = {};
      if (offset_ == total_) return boost::none;
      const const_buffers_type part = download_pattern::at(offset_, total_ - offset_);
      offset_ += part.size();
      return std::make_pair(part, offset_ < total_);
    }

  private:
    std::uint64_t total_;
    std::uint64_t offset_ = 0;
  };
};

} // namespace https_server

#endif
