// SPDX-License-Identifier: BSL-1.0
// Running an io_context in a test: with a deadline that fails the test instead of letting it hang. The
// deadlines only bound a broken run; no test takes their length for a result.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_LOOP_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_LOOP_HPP

#include <boost/asio/io_context.hpp>
#include <boost/assert/source_location.hpp>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tlsmode {
namespace net = boost::asio;

namespace test {

/// Runs `io` until `done()`; throws if that does not come about.
void run_until(net::io_context& io, const std::function<bool()>& done,
               boost::source_location where = BOOST_CURRENT_LOCATION);

/// Runs `io` until it has nothing outstanding; throws if it does not come to that.
void run_out(net::io_context& io, boost::source_location where = BOOST_CURRENT_LOCATION);

/// Lets happen whatever can happen now: for tests that something does *not* happen. Throws if there is no end
/// to it.
void settle(net::io_context& io, boost::source_location where = BOOST_CURRENT_LOCATION);

/// For tests of blocking calls: unless it is destroyed in time, it shuts the descriptors down, so that
/// whoever blocks on them comes back with an error.
class watchdog {
 public:
  explicit watchdog(std::vector<int> descriptors);
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  [[nodiscard]] bool fired() const noexcept { return fired_; }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false; // guarded by mutex_
  std::atomic<bool> fired_{false};
  std::thread thread_;
};

} // namespace test
} // namespace tlsmode

#endif
