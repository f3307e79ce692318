// SPDX-License-Identifier: BSL-1.0
// Where the questions of a stream's operations may be answered: the stream's executor, in the form in which
// requests carry it. Knows neither streams nor who asks.
#ifndef TLSMODE_ASIO_DETAIL_ANSWER_HOST_HPP
#define TLSMODE_ASIO_DETAIL_ANSWER_HOST_HPP

#include <tlsmode/job.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <utility>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

class asio_answer_host final : public answer_host {
 public:
  explicit asio_answer_host(net::any_io_executor ex) noexcept : executor(std::move(ex)) {}

  const net::any_io_executor executor;

  /// Of a question that a stream's operation asked; null for others.
  [[nodiscard]] static const asio_answer_host* of(const pending_answer& q) noexcept {
    return dynamic_cast<const asio_answer_host*>(q.host().get());
  }
};

} // namespace detail
} // namespace tlsmode

#endif
