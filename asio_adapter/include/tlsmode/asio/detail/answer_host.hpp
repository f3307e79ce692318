// SPDX-License-Identifier: BSL-1.0
// Where the questions of a stream's operations may be answered: the stream's executor, in the form in which
// requests carry it. Knows neither streams nor who asks.
#ifndef TLSMODE_ASIO_DETAIL_ANSWER_HOST_HPP
#define TLSMODE_ASIO_DETAIL_ANSWER_HOST_HPP

#include <tlsmode/job.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <mutex>
#include <utility>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

/// Requests may be kept longer than an event loop lives, so the executor goes away with the connection.
/// Thread safety: full.
class asio_answer_host final : public answer_host {
 public:
  explicit asio_answer_host(net::any_io_executor ex) noexcept : executor_(std::move(ex)) {}

  /// Empty once the connection is gone.
  [[nodiscard]] net::any_io_executor executor() const {
    const std::lock_guard lock(mutex_);
    return executor_;
  }
  /// Runs `f` on the executor, later. False, without `f`, once the connection is gone, or if there is no
  /// memory.
  template <class F>
  bool post(F f) const noexcept try {
    const std::lock_guard lock(mutex_); // the loop may end as soon as the connection has
    if (!executor_) return false;
    net::post(executor_, std::move(f));
    return true;
  } catch (...) {
    return false;
  }
  void close() noexcept override {
    net::any_io_executor gone; // destroyed without the lock
    const std::lock_guard lock(mutex_);
    gone.swap(executor_);
  }

  /// Of a question that a stream's operation asked; null for others.
  [[nodiscard]] static std::shared_ptr<const asio_answer_host> of(const pending_answer& q) noexcept {
    return std::dynamic_pointer_cast<const asio_answer_host>(q.host());
  }

 private:
  mutable std::mutex mutex_;
  net::any_io_executor executor_;
};

/// When nobody waits for the answer any more, `who->cancel()` runs on the host's executor, unless one of the
/// two is gone. The request may be kept longer than the loop lives, so it knows the way there through the
/// host only.
template <class Who>
void cancel_when_abandoned(pending_answer& q, const std::shared_ptr<const asio_answer_host>& host,
                           const std::shared_ptr<Who>& who) {
  q.on_abandoned([host, weak = std::weak_ptr(who)] {
    host->post([weak] {
      if (const auto still = weak.lock()) still->cancel();
    });
  });
}

} // namespace detail
} // namespace tlsmode

#endif
