// SPDX-License-Identifier: BSL-1.0
// Waiting for a paused job: the part that depends on no executor type.
#include <tlsmode/asio/detail/answer_host.hpp>
#include <tlsmode/asio/detail/job_wait.hpp>

#include <fcntl.h>
#include <utility>

namespace tlsmode::detail {
namespace {

// How long to wait for a job that has no means to say that it is ready.
constexpr auto poll_interval = std::chrono::milliseconds(1);

} // namespace

void job_signal::raise() {
  // Under the lock: whoever takes the function away may destroy the io_context afterwards.
  const std::lock_guard lock(mutex_);
  raised_ = true;
  if (post_) post_();
}

bool job_signal::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(raised_, false);
}

void job_signal::set_post(std::function<void()> post) {
  const std::lock_guard lock(mutex_);
  post_.swap(post);
}

std::shared_ptr<answer_host> host_of_answers(const net::any_io_executor& io) {
  return std::make_shared<asio_answer_host>(io);
}

job_wait::job_wait(const net::any_io_executor& io) : timer(io), io_(io) {}
job_wait::~job_wait() = default;

std::shared_ptr<std::function<void()>> job_wait::callback() const {
  return std::make_shared<std::function<void()>>([signal = signal_] { signal->raise(); });
}

void job_wait::set_timer(bool will_be_woken, net::steady_timer::time_point limit) {
  if (signal_->take())
    timer.expires_at(net::steady_timer::time_point::min());
  else if (will_be_woken)
    timer.expires_at(limit);
  else
    timer.expires_after(poll_interval);
}

void job_wait::close() {
  signal_->set_post({});
  stop_waiting();
  timer.cancel();
}

void job_wait::stop_waiting() {
  waited_for_ = false;
  (void)signal_->take(); // whatever was told by now, the step that follows finds out
  for (watched& w : watched_) {
    const int fd = w.descriptor.release(); // it is not ours to close
    (void)::fcntl(fd, F_SETFL, w.flags);
  }
  watched_.clear();
}

// Once for each news: it may have been taken for the wait that is over already.
void job_wait::called() {
  if (waited_for_ && signal_->take()) wake();
}

void job_wait::readable_or_failed(boost::system::error_code ec) {
  if (ec) must_poll_ = true;
  wake();
}

net::posix::stream_descriptor* job_wait::add(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  net::posix::stream_descriptor descriptor(io_);
  boost::system::error_code ec;
  descriptor.assign(fd, ec);
  if (ec) return nullptr;
  watched_.push_back({std::move(descriptor), flags});
  return &watched_.back().descriptor;
}

} // namespace tlsmode::detail
