// SPDX-License-Identifier: BSL-1.0
// Waiting for a paused job: for its callback, for any of its descriptors, or, if it has neither, for a short
// time. Knows the engine's word on these, not OpenSSL.
#ifndef TLSMODE_ASIO_DETAIL_JOB_WAIT_HPP
#define TLSMODE_ASIO_DETAIL_JOB_WAIT_HPP

#include <tlsmode/asio/detail/job_signal.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/detail/handler_tracking.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <span>

namespace tlsmode {
namespace net = boost::asio;

class answer_host;

namespace detail {

// How often an operation asks again when nobody will say that it may go on: a full job pool, or a callback of
// the user's own that asked to be called again.
constexpr auto retry_interval = std::chrono::milliseconds(1);
// The same when somebody will say so: jobs that are not ours may free a slot unnoticed.
constexpr auto slot_patience = std::chrono::milliseconds(50);
constexpr auto slot_patience_of_others = std::chrono::seconds(1); // than the first in the queue

/// For the engine: questions are answered on that executor; see answer_host.hpp.
[[nodiscard]] std::shared_ptr<answer_host> host_of_answers(const net::any_io_executor& io);

/// What the operation that owns a paused job waits on. Made when a stream first uses mode::async.
/// All of it runs on the operation's executor.
class job_wait : public std::enable_shared_from_this<job_wait> {
 public:
  explicit job_wait(const net::any_io_executor& io);
  job_wait(const job_wait&) = delete;
  job_wait& operator=(const job_wait&) = delete;
  ~job_wait();

  /// What the crypto calls, on any thread, when the job may go on.
  [[nodiscard]] std::shared_ptr<std::function<void()>> callback() const;

  /// Before a step: the executor on which the callback shall wake the operation.
  template <class Executor>
  void attach(const Executor& ex);

  /// After a step that left the job paused: watches `descriptors` and sets the timer; the operation then
  /// waits on `timer`, at the latest until `limit`. With no descriptor and no callback promised the timer is
  /// short.
  template <class Executor>
  void prepare(const Executor& ex, std::span<const int> descriptors, bool calls_back,
               net::steady_timer::time_point limit) {
    waited_for_ = true;
    bool watching = !descriptors.empty();
    for (const int fd : descriptors) watching = watch(ex, fd) && watching;
    set_timer((watching || calls_back) && !must_poll_, limit);
  }
  /// True while an operation waits on `timer`.
  [[nodiscard]] bool waited_for() const noexcept { return waited_for_; }

  /// The stream goes away; a job that was left behind may still call, and finds nobody.
  void close();

  /// The job goes on, or nobody waits for it any more: its descriptors are left alone, and as they were. The
  /// crypto may close them while it runs, and open others with the same numbers.
  void stop_waiting();

  net::steady_timer timer;

 private:
  struct watched {
    net::posix::stream_descriptor descriptor;
    int flags; // before Asio made it non-blocking
  };

  void called();
  void wake() { timer.cancel(); }
  void set_timer(bool will_be_woken, net::steady_timer::time_point limit);
  net::posix::stream_descriptor* add(int fd);

  // Waits for `fd` to be readable; false if the reactor does not take it.
  template <class Executor>
  bool watch(const Executor& ex, int fd);

  void readable_or_failed(boost::system::error_code ec);

  net::any_io_executor io_;
  std::list<watched> watched_; // a list: descriptors with a wait outstanding are not moved
  std::shared_ptr<job_signal> signal_ = std::make_shared<job_signal>();
  bool waited_for_ = false;
  bool must_poll_ = false; // a descriptor turned out to be of a kind that cannot be waited for
};

template <class Executor>
void job_wait::attach(const Executor& ex) {
  // By way of the stream's executor: that of an any_completion_handler cannot be posted to.
  signal_->set_post([ex, io = io_, weak = weak_from_this()] {
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, "paused job"));
    net::post(io, net::bind_executor(ex, [weak] {
                if (const auto self = weak.lock()) self->called();
              }));
  });
}

template <class Executor>
bool job_wait::watch(const Executor& ex, int fd) {
  net::posix::stream_descriptor* const descriptor = add(fd);
  if (descriptor == nullptr) return false;
  BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, "paused job"));
  descriptor->async_wait(net::posix::descriptor_base::wait_read,
                         net::bind_executor(ex, [weak = weak_from_this()](boost::system::error_code ec) {
                           if (const auto self = weak.lock(); self && ec != net::error::operation_aborted)
                             self->readable_or_failed(ec);
                         }));
  return true;
}

} // namespace detail
} // namespace tlsmode

#endif
