// SPDX-License-Identifier: BSL-1.0
// Steps on a job thread, seen from the stream: where it is pinned to, and what an operation keeps while its
// step is away. Nothing of it exists on streams whose steps never go away.
#ifndef TLSMODE_ASIO_DETAIL_OFFLOAD_HPP
#define TLSMODE_ASIO_DETAIL_OFFLOAD_HPP

#include <tlsmode/engine.hpp>
#include <tlsmode/job_threads.hpp>

#include <tlsmode/asio/detail/away_step.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

/// The part that belongs to the stream. All of it is used where the stream's operations run.
class offload : public std::enable_shared_from_this<offload> {
 public:
  explicit offload(const net::any_io_executor& io);
  offload(const offload&) = delete;
  offload& operator=(const offload&) = delete;
  ~offload();

  /// Before a step goes away: chooses the thread, for good, unless another one was asked for.
  [[nodiscard]] std::error_code pin(bool job_paused);

  /// What the job thread calls when the step is back: the operation, which waits on `timer`, is woken on
  /// `ex`.
  template <class Executor>
  [[nodiscard]] std::function<void()> wake_on(const Executor& ex);

  net::steady_timer timer;
  const std::shared_ptr<away_step> carrier = std::make_shared<away_step>();
  job_thread home;        // once a step has gone there
  job_thread wanted;      // as soon as no job is paused at home
  bool holds_job = false; // the paused job is at home
};

template <class Executor>
std::function<void()> offload::wake_on(const Executor& ex) {
  // By way of the stream's executor: that of an any_completion_handler cannot be posted to.
  return [ex, io = timer.get_executor(), weak = weak_from_this()] {
    net::post(io, net::bind_executor(ex, [weak] {
                if (const auto self = weak.lock()) self->timer.cancel();
              }));
  };
}

/// The engine of a stream, as long as the object lives: whoever asks for it waits while a step is under way.
class engine_access {
 public:
  engine_access(engine& e, const offload* o) : engine_(&e) {
    if (o != nullptr) lock_ = o->carrier->lock();
  }
  [[nodiscard]] engine* operator->() const noexcept { return engine_; }
  [[nodiscard]] engine& operator*() const noexcept { return *engine_; }

 private:
  engine* engine_;
  std::unique_lock<std::recursive_mutex> lock_;
};

/// What an operation keeps in one place, for the job thread to find, from its first step that goes away.
template <class Action>
class travelling final : public away_work {
 public:
  travelling(Action&& a, engine& e, std::shared_ptr<away_step> carrier, bool& away)
      : action(std::move(a)), engine_(e), carrier_(std::move(carrier)), away_(away) {}
  ~travelling() {
    if (!gone_) return;
    carrier_->withdraw();
    away_ = false;
  }

  /// Others have waited for the engine meanwhile, and come first.
  [[nodiscard]] bool must_yield() noexcept { return std::exchange(polite_, false); }
  /// Gives the step what the peer has sent, by `feed`, which tells whether that was all. True if the step
  /// cannot be paused: then it runs here, without a transport, as it would there.
  template <class Feed>
  [[nodiscard]] bool pack(Feed feed) {
    well_fed_ = (hungry_ || action.reads()) && feed();
    return well_fed_ && action.begins(engine_) && engine_.unread_early().empty();
  }
  step run_here() {
    no_transport nowhere;
    return run(nowhere);
  }

  /// The step is about to go away.
  void leave(std::function<void()> tell) {
    carrier_->prepare(*this, std::move(tell));
    gone_ = away_ = true;
    job_was_paused_ = engine_.job_paused();
  }
  /// The step is back.
  step come_back(bool others_waited) {
    gone_ = away_ = false;
    polite_ = others_waited;
    const step s = carrier_->take();
    if (s.why == suspend::want_read) hungry_ = true; // whatever the action says
    return s;
  }
  [[nodiscard]] bool job_was_paused() const noexcept { return job_was_paused_; }
  /// True if the step that is back can go on at once: what it wrote is with the transport, or there is more
  /// to read than it was given.
  [[nodiscard]] bool goes_on(suspend why) const noexcept {
    return (why == suspend::want_write && !engine_.flush_pending()) ||
           (why == suspend::want_read && !well_fed_);
  }

  Action action;

 private:
  step run(transport& t) override { return action.run(engine_, t); }

  engine& engine_;
  std::shared_ptr<away_step> carrier_;
  bool& away_;
  bool gone_ = false;
  bool hungry_ = false;
  bool well_fed_ = false; // the last step was given all that there was
  bool polite_ = false;
  bool job_was_paused_ = false;
};

/// Owns an object in memory of an allocator.
template <class T, class Allocator>
class allocated {
  // The allocator is kept with the object: nothing of it is paid for by who has none.
  struct node {
    template <class... Args>
    explicit node(const Allocator& a, Args&&... args) : value(std::forward<Args>(args)...), alloc(a) {}
    T value;
    Allocator alloc;
  };
  using node_traits = typename std::allocator_traits<Allocator>::template rebind_traits<node>;
  using node_allocator = typename node_traits::allocator_type;

 public:
  allocated() noexcept = default;
  allocated(allocated&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  allocated& operator=(allocated&&) = delete;
  ~allocated() { reset(); }

  template <class... Args>
  void emplace(const Allocator& a, Args&&... args) {
    node_allocator alloc(a);
    node* const memory = node_traits::allocate(alloc, 1);
    try {
      node_ = ::new (static_cast<void*>(memory)) node(a, std::forward<Args>(args)...);
    } catch (...) {
      node_traits::deallocate(alloc, memory, 1);
      throw;
    }
  }
  void reset() noexcept {
    if (node_ == nullptr) return;
    node* const old = std::exchange(node_, nullptr);
    node_allocator alloc(old->alloc);
    old->~node();
    node_traits::deallocate(alloc, old, 1);
  }
  [[nodiscard]] explicit operator bool() const noexcept { return node_ != nullptr; }
  [[nodiscard]] T& operator*() const noexcept { return node_->value; }
  [[nodiscard]] T* operator->() const noexcept { return &node_->value; }

 private:
  node* node_ = nullptr;
};

} // namespace detail
} // namespace tlsmode

#endif
