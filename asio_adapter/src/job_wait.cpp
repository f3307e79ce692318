// SPDX-License-Identifier: BSL-1.0
// Waiting for a paused job: the part that depends on no executor type.
#include <tlsmode/asio/detail/job_wait.hpp>

#include <algorithm>
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

void job_wait::keep_only(std::span<const int> descriptors) {
  for (auto w = watched_.begin(); w != watched_.end();) {
    if (std::find(descriptors.begin(), descriptors.end(), w->fd) != descriptors.end()) {
      ++w;
      continue;
    }
    w->descriptor.release(); // it is not ours to close
    w = watched_.erase(w);
  }
}

job_wait::watched* job_wait::find_or_add(int fd) {
  for (watched& w : watched_)
    if (w.fd == fd) return &w;
  net::posix::stream_descriptor descriptor(io_);
  boost::system::error_code ec;
  descriptor.assign(fd, ec);
  if (ec) return nullptr;
  watched_.push_back({std::move(descriptor), fd});
  return &watched_.back();
}

void job_wait::readable(int fd) {
  for (watched& w : watched_)
    if (w.fd == fd) w.armed = false;
  wake();
}

} // namespace tlsmode::detail
