// SPDX-License-Identifier: BSL-1.0
// Waiting for a paused job: the part that depends on no executor type.
#include <tlsmode/asio/detail/job_wait.hpp>

#include <fcntl.h>
#include <utility>

namespace tlsmode::detail {
namespace {

// How long to wait for a job that has no means to say that it is ready.
constexpr auto poll_interval = std::chrono::milliseconds(1);

} // namespace

std::shared_ptr<std::function<void()>> job_wait::callback() {
  return std::make_shared<std::function<void()>>([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    std::function<void()> post;
    {
      const std::lock_guard lock(self->mutex_);
      self->signalled_ = true;
      post = self->post_;
    }
    if (post) post();
  });
}

void job_wait::set_timer(bool will_be_woken) {
  bool signalled = false;
  {
    const std::lock_guard lock(mutex_);
    signalled = std::exchange(signalled_, false); // it may have come before the pausing step returned
  }
  if (signalled)
    timer.expires_at(net::steady_timer::time_point::min());
  else if (will_be_woken)
    timer.expires_at(net::steady_timer::time_point::max());
  else
    timer.expires_after(poll_interval);
}

void job_wait::finish() {
  for (watched& w : watched_) {
    const int fd = w.descriptor.release(); // it is not ours to close
    (void)::fcntl(fd, F_SETFL, w.flags);
  }
  watched_.clear();
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
