// SPDX-License-Identifier: BSL-1.0
// See epoll_loop.hpp.
#include "epoll_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>

namespace bench {
namespace {

void require(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

int timeout_until(std::chrono::steady_clock::time_point end) {
  if (end == std::chrono::steady_clock::time_point::max()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, 60'000));
}

} // namespace

struct epoll_loop::root {
  struct promise_type {
    root get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; } // it destroys itself
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); } // on_end threw
  };
  std::coroutine_handle<promise_type> frame;
};

epoll_loop::root epoll_loop::start(epoll_loop& own, task<void> what, done on_end, root_list::iterator place) {
  std::exception_ptr failure;
  try {
    const task<void> here(std::move(what)); // ends, with its connection, before on_end hears of it
    co_await here;
  } catch (...) {
    failure = std::current_exception();
  }
  own.roots_.erase(place);
  on_end(failure);
}

epoll_loop::epoll_loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  require(epoll_.value() >= 0, "epoll_create1");
}

epoll_loop::~epoll_loop() {
  while (!roots_.empty()) {
    const root last = roots_.back();
    roots_.pop_back();
    last.frame.destroy();
  }
}

void epoll_loop::spawn(task<void> what, done on_end) {
  const auto place = roots_.emplace(roots_.end());
  *place = start(*this, std::move(what), std::move(on_end), place);
  if (not_started_ == roots_.end()) not_started_ = place;
}

void epoll_loop::start_new_tasks() {
  while (not_started_ != roots_.end()) (not_started_++)->frame.resume();
}

void epoll_loop::dispatch_events() {
  while (next_event_ < event_count_ && !stopped_) {
    // Whoever is resumed may destroy the socket; forget() then clears the entry.
    const std::size_t at = next_event_++;
    const std::uint32_t what = events_[at].events;
    const auto socket = [&] { return static_cast<watched_socket*>(events_[at].data.ptr); };
    constexpr std::uint32_t ended = EPOLLERR | EPOLLHUP;
    if (socket() != nullptr && (what & (EPOLLOUT | ended)) != 0) socket()->writable_.notify();
    if (socket() != nullptr && (what & (EPOLLIN | ended)) != 0) socket()->readable_.notify();
  }
}

void epoll_loop::run_until(std::chrono::steady_clock::time_point end) {
  stopped_ = false;
  while (true) {
    start_new_tasks();
    dispatch_events();
    if (stopped_ || roots_.empty()) return;
    if (not_started_ != roots_.end()) continue;
    const int timeout = timeout_until(end);
    const int count = ::epoll_wait(epoll_.value(), events_.data(), static_cast<int>(events_.size()), timeout);
    require(count >= 0 || errno == EINTR, "epoll_wait");
    next_event_ = 0;
    event_count_ = static_cast<std::size_t>(std::max(count, 0));
    if (count == 0 && timeout_until(end) == 0) return;
  }
}

void epoll_loop::forget(const watched_socket* socket) noexcept {
  // The event before the next one may be on its way still: a socket has two directions.
  for (std::size_t i = std::max<std::size_t>(next_event_, 1) - 1; i < event_count_; ++i)
    if (events_[i].data.ptr == socket) events_[i].data.ptr = nullptr;
}

watched_socket::watched_socket(epoll_loop& loop, unique_fd fd) : loop_(loop), fd_(std::move(fd)) {
  require(::fcntl(this->fd(), F_SETFL, O_NONBLOCK) == 0, "fcntl");
  epoll_event interest{};
  interest.events = EPOLLIN | EPOLLOUT | EPOLLET;
  interest.data.ptr = this;
  require(::epoll_ctl(loop_.epoll_.value(), EPOLL_CTL_ADD, this->fd(), &interest) == 0, "epoll_ctl");
}

watched_socket::~watched_socket() { loop_.forget(this); } // closing it ends the kernel's interest

} // namespace bench
