// SPDX-License-Identifier: BSL-1.0
// A stream under comparison, whatever its type: starts operations, writes down how they end, and in which
// order.
#ifndef TLSMODE_TESTS_DIFFERENTIAL_SUBJECT_HPP
#define TLSMODE_TESTS_DIFFERENTIAL_SUBJECT_HPP

#include "faulty_layer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tlsmode::test {

/// How an operation ended.
struct event {
  char what = 0; ///< the letter of the action that began it
  boost::system::error_code ec;
  std::size_t n = 0;
};

/// Which operations may be outstanding at a time, one of each.
enum class lane_kind { reading, writing, closing };

class subject {
 public:
  virtual ~subject() = default;
  subject(const subject&) = delete;
  subject& operator=(const subject&) = delete;

  virtual void handshake() = 0;
  virtual void read_some(std::size_t n) = 0;
  virtual void read(std::size_t n) = 0;
  /// `pieces`: in how many buffers.
  virtual void write_some(std::size_t n, std::size_t pieces, char letter) = 0;
  virtual void write(std::size_t n) = 0;
  virtual void shutdown() = 0;
  virtual void cancel(lane_kind which, boost::asio::cancellation_type type) = 0;
  [[nodiscard]] virtual faulty_layer& layer() = 0;

  std::vector<event> events; ///< since they were last taken away
  bool busy[3] = {};         ///< by lane_kind
  std::string got;           ///< all that was read
  std::size_t written = 0;   ///< all that was reported as written
  std::size_t attempted = 0; ///< where the next write begins in the pattern

 protected:
  subject() = default;
};

/// The bytes that every write writes and every peer sends, from their beginning.
[[nodiscard]] const std::string& endless_pattern();

[[nodiscard]] std::unique_ptr<subject> make_ours(faulty_layer layer, net::ssl::context& ctx, bool client);
[[nodiscard]] std::unique_ptr<subject> make_stock(faulty_layer layer, net::ssl::context& ctx, bool client);

} // namespace tlsmode::test

#endif
