// SPDX-License-Identifier: BSL-1.0
// News from another thread for an operation. Knows neither what they are nor where the operation runs.
#ifndef TLSMODE_ASIO_DETAIL_JOB_SIGNAL_HPP
#define TLSMODE_ASIO_DETAIL_JOB_SIGNAL_HPP

#include <functional>
#include <mutex>

namespace tlsmode::detail {

/// What the crypto, or a job thread, may touch at any time: the news that the operation may go on, and how to
/// pass it on. Apart from what belongs to Asio, because the other thread may hold it last.
/// Thread safety: full.
class job_signal {
 public:
  void raise();
  /// True if it was raised since the last call: it may have come before the pausing step returned.
  [[nodiscard]] bool take();
  void set_post(std::function<void()> post);

 private:
  std::mutex mutex_;
  std::function<void()> post_;
  bool raised_ = false;
};

} // namespace tlsmode::detail

#endif
