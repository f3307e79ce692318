// SPDX-License-Identifier: BSL-1.0
// The one asynchronous driver: asks the engine for a step, turns the reason why it stopped into one
// suspension, and asks again. Knows no OpenSSL, and no operation in particular.
//
// The contract, which the conformance tests hold it to:
// 1. The handler runs exactly once, on its associated executor, never from inside the initiating function.
// 2. Memory of the operation comes from the handler's allocator and is free before the handler runs. What
//    works for the stream and not for one operation (flusher, watch of the time limits, descriptors of a
//    paused job) uses Asio's default.
// 3. While the operation is suspended something is outstanding on its executor, so io_context::run() stays.
// 4. A cancellation signal that arrives while the operation is not suspended is remembered.
// 5. The stream may be destroyed at any time: the operation then completes with operation_aborted.
#ifndef TLSMODE_ASIO_DETAIL_ASYNC_DRIVER_HPP
#define TLSMODE_ASIO_DETAIL_ASYNC_DRIVER_HPP

#include <tlsmode/asio/error.hpp>

#include <tlsmode/asio/detail/blocking_wait.hpp>
#include <tlsmode/asio/detail/completion.hpp>
#include <tlsmode/asio/detail/stream_state.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/detail/handler_tracking.hpp>
#include <boost/asio/error.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace tlsmode::detail {

// How often an operation asks again when nobody will say that it may go on: a full job pool, or a callback of
// the user's own that asked to be called again.
constexpr auto retry_interval = std::chrono::milliseconds(1);

/// The step with which the engine has completed an operation whose bytes are with the channel yet.
template <bool ChannelHoldsBytes>
struct finished_step {
  static constexpr bool over = false;
  [[nodiscard]] static step result() noexcept { return {}; }
  [[nodiscard]] static std::chrono::milliseconds patience() noexcept { return alert_patience; }
};
template <>
struct finished_step<true> {
  [[nodiscard]] const step& result() const noexcept { return result_; }
  void set(const step& s, bool not_yet) noexcept {
    result_ = s;
    over = not_yet;
  }
  [[nodiscard]] std::chrono::milliseconds patience() { return alert_.left(); }
  bool over = false;
  bool given_up = false; // the peer does not take the last alert

 private:
  step result_;
  alert_clock alert_;
};

template <class NextLayer, class Action, class Handler>
class async_driver {
  using channel_type = channel_for<NextLayer>;

 public:
  using executor_type = net::associated_executor_t<Handler, typename NextLayer::executor_type>;
  using allocator_type = net::associated_allocator_t<Handler>;
  using cancellation_slot_type = net::cancellation_slot;

  async_driver(state_ptr<NextLayer> state, Action action, Handler handler)
      : state_(std::move(state)), action_(std::move(action)), handler_(std::move(handler)),
        executor_(net::get_associated_executor(handler_, state_->next->get_executor())) {
    accept_cancellation(all_types);
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  [[nodiscard]] allocator_type get_allocator() const noexcept {
    return net::get_associated_allocator(handler_);
  }
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return cancel_.slot(); }

  /// Called once, from the initiating function.
  void start() {
    ++state_->outstanding;
    if (action_.trivial()) return finish({}, 0, true);
    if (state_->deadlines && !begin_deadline()) return finish(net::error::timed_out, 0, true);
    run(true);
  }

  /// Called when what the operation waited for is over.
  void operator()(boost::system::error_code ec = {}, std::size_t n = 0) {
    const waiting was = std::exchange(waiting_, waiting::nothing);
    if (was == waiting::readable) ec = state_->channel.received(ec, n);
    if (was == waiting::writable) {
      ec = state_->channel.sent(ec, n);
      if constexpr (channel_type::holds_bytes) state_->drains.wake_all(); // they may try again
    }
    if (state_->next == nullptr) return abort();
    if (was == waiting::job)
      state_->jobs->stop_waiting(); // its descriptors may be closed as soon as the job runs
    const bool woken = waiter_ && waiter_->woken;
    if (was == waiting::lane && woken) held_ |= awaited_;
    if (was == waiting::alert) {
      if (!woken) give_up_output();
    } else if (cancelled(accepted_) ||
               (ec == net::error::operation_aborted && !woken && was != waiting::job)) {
      return abort();
    }
    if (ec && ec != net::error::operation_aborted) {
      (void)stop_action();
      return fail(ec, false);
    }
    waiter_.reset();
    run(false);
  }

 private:
  enum class waiting : unsigned char { nothing, readable, writable, lane, turn, alert, job, retry };
  static constexpr auto all_types =
      net::cancellation_type::terminal | net::cancellation_type::partial | net::cancellation_type::total;
  static constexpr auto no_total = net::cancellation_type::terminal | net::cancellation_type::partial;

  struct only {
    net::cancellation_type mask;
    net::cancellation_type operator()(net::cancellation_type t) const noexcept { return t & mask; }
  };

  void run(bool initiating) {
    for (;;) {
      if (const unsigned lane = wanted_lane(); lane != no_lane) {
        if (!state_->lane_of(lane).try_take()) {
          awaited_ = lane;
          return wait_among(state_->lane_of(lane).waiting, waiting::lane, initiating);
        }
        held_ |= lane;
        continue;
      }
      const step s = finished_.over ? finished_.result() : one_step();
      give_back(held_ & ~action_.lanes(state_->eng)); // whoever else needs it need not wait with us
      if (!s.complete()) return suspend_for(s.why, initiating);
      if (const auto ec = state_->channel.send_error(); ec && finished_.over && !s.error)
        return fail(ec, initiating); // the flusher was told so
      if (still_with_channel(s)) {
        if (s.error) return wait_for_alert();
        if (prepare_to_wait(initiating)) wait_to_send(initiating);
        return;
      }
      if (s.error || !action_.next_part())
        return finish(state_->channel.restore(s.error), s.bytes, initiating);
      give_back(held_ & ~action_.lanes(state_->eng));
    }
  }

  // What the engine has sealed may be with the channel yet; reads need not wait for it.
  bool still_with_channel(const step& s) {
    if constexpr (channel_type::holds_bytes) {
      // A connection that has failed owes the peer an alert; other errors have nothing to wait for.
      const bool owed = s.error ? state_->eng.state() == connection_state::failed : Action::flushes;
      finished_.set(s, owed && state_->channel.unsent() && !finished_.given_up);
      return finished_.over;
    } else {
      return false;
    }
  }

  step one_step() {
    engine& e = state_->eng;
    if (e.may_pause()) state_->prepare_jobs(executor_);
    const bool was_paused = e.job_paused();
    decltype(auto) t = state_->transport();
    const step s = action_.run(e, t);
    if (was_paused && !e.job_paused()) state_->job_ended();
    return s;
  }

  // The one switch from reasons to suspensions.
  void suspend_for(suspend why, bool initiating) {
    if (!prepare_to_wait(initiating)) return;
    switch (why) {
    case suspend::want_read: return wait_to_receive();
    case suspend::want_write:
      return state_->eng.alert_pending() ? wait_for_alert() : wait_to_send(initiating);
    case suspend::want_async: return wait_for_job(initiating);
    case suspend::want_turn: return wait_among(state_->turns, waiting::turn, initiating);
    case suspend::want_async_job:
    case suspend::want_client_hello:
    case suspend::want_certificate:
    case suspend::want_verify: return wait_on_timer(waiting::retry, retry_interval);
    case suspend::none: break;
    }
  }

  // False if the operation was cancelled while it was not suspended, and is over now.
  bool prepare_to_wait(bool initiating) {
    // The engine knows no more of bytes that are with the channel; they are sealed all the same.
    const bool sealed = finished_.over && finished_.result().bytes != 0;
    const auto types = !sealed && action_.may_stop_total(state_->eng) ? all_types : no_total;
    if (cancelled(types)) {
      abort(initiating);
      return false;
    }
    if (types != accepted_) accept_cancellation(types);
    return true;
  }

  void wait_to_receive() {
    if (state_->output_pending()) state_->flush_behind(executor_);
    waiting_ = waiting::readable;
    auto& s = *state_;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
    s.channel.async_receive(*s.next, std::move(*this));
  }

  void wait_to_send(bool initiating) {
    // The flusher may be sending on behalf of everybody.
    if (state_->channel.sending()) return wait_among(state_->drains, waiting::turn, initiating);
    waiting_ = waiting::writable;
    auto& s = *state_;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
    s.channel.async_send(*s.next, std::move(*this));
  }

  void wait_for_job(bool initiating) {
    // One operation waits for the job itself; should it give up, the others are woken.
    if (state_->jobs->waited_for()) return wait_among(state_->turns, waiting::turn, initiating);
    waiting_ = waiting::job;
    const std::vector<int> descriptors = state_->eng.job_descriptors();
    state_->jobs->prepare(executor_, descriptors, state_->eng.job_calls_back());
    // The job must outlast this operation's place in the timer's queue.
    const std::shared_ptr<job_wait> jobs = state_->jobs;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
    jobs->timer.async_wait(std::move(*this));
  }

  // The connection has failed; its alert may still go out, but not for ever.
  void wait_for_alert() {
    state_->flush_behind(executor_);
    make_waiter();
    state_->drains.add(*waiter_);
    const bool waits = state_->output_pending(); // else it could not be sent
    wait_on_timer(waiting::alert, waits ? finished_.patience() : std::chrono::milliseconds(0));
  }

  void give_up_output() {
    state_->channel.drop_unsent();
    if constexpr (channel_type::holds_bytes) finished_.given_up = true;
    if (state_->eng.alert_pending()) state_->eng.drop_output();
  }

  // Waits in order behind other operations.
  void wait_among(waiter_list& list, waiting w, bool initiating) {
    if (cancelled(accepted_)) return abort(initiating);
    make_waiter();
    list.add(*waiter_);
    waiting_ = w;
    const std::shared_ptr<waiter> mine = waiter_;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
    mine->timer.async_wait(std::move(*this));
  }

  template <class Duration>
  void wait_on_timer(waiting w, Duration d) {
    make_waiter();
    waiter_->timer.expires_after(d);
    waiting_ = w;
    const std::shared_ptr<waiter> mine = waiter_;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
    mine->timer.async_wait(std::move(*this));
  }

  void make_waiter() {
    if (!waiter_) waiter_ = std::allocate_shared<waiter>(get_allocator(), state_->next->get_executor());
  }

  // One lane that the action needs and does not have.
  [[nodiscard]] unsigned wanted_lane() const noexcept {
    const unsigned missing = action_.lanes(state_->eng) & ~held_;
    return missing & (~missing + 1);
  }

  void give_back(unsigned lanes) {
    held_ &= ~lanes;
    state_->release(lanes);
  }

  [[nodiscard]] bool cancelled(net::cancellation_type types) const noexcept {
    return (cancel_.cancelled() & types) != net::cancellation_type::none;
  }

  void accept_cancellation(net::cancellation_type types) {
    accepted_ = types;
    const auto slot = limit_ ? limit_.node()->signal.slot() : net::get_associated_cancellation_slot(handler_);
    cancel_ = net::cancellation_state(slot, only{types}, only{types});
  }

  // From now on the user's cancellation comes by way of the limit's signal. False if it is too late already.
  bool begin_deadline() {
    deadline_list& deadlines = *state_->deadlines;
    if (deadlines.limit == deadline_list::time_point::max()) return true;
    if (deadlines.limit <= net::steady_timer::clock_type::now()) return false;
    limit_ = deadline_membership(std::allocate_shared<deadline_node>(get_allocator(), deadlines.limit));
    if (auto slot = net::get_associated_cancellation_slot(handler_); slot.is_connected())
      slot.assign([node = limit_.node()](net::cancellation_type type) { node->signal.emit(type); });
    accept_cancellation(accepted_);
    state_->begin_deadline(*limit_.node(), executor_);
    return true;
  }

  void abort(bool initiating = false) {
    const std::size_t n = stop_action();
    const bool late = limit_ && limit_.node()->expired;
    finish(late ? net::error::timed_out : net::error::operation_aborted, n, initiating);
  }

  // The next layer has failed.
  void fail(boost::system::error_code ec, bool initiating) {
    if (ec == state_->channel.send_error()) state_->eng.output_lost(ec, Action::kind);
    finish(ec, 0, initiating);
  }

  // Ends what the operation has begun in the engine. While it waits for its turn, what is unfinished there is
  // somebody else's.
  std::size_t stop_action() noexcept {
    if (finished_.over) return finished_.result().bytes; // sealed, and still to be sent
    if (state_->next == nullptr || wanted_lane() != no_lane) return 0;
    const std::size_t n = action_.stop(state_->eng);
    if (state_->eng.job_paused()) state_->turns.wake_all();
    return n;
  }

  void finish(boost::system::error_code ec, std::size_t n, bool initiating) {
    waiter_.reset();
    if (limit_) state_->end_deadline(*limit_.node());
    --state_->outstanding;
    if (state_->next != nullptr) {
      give_back(held_);
      if (state_->output_pending() && state_->outstanding != 0) state_->flush_behind(executor_);
      if (state_->outstanding == 0) state_->stop_flushing();
    }
    if (auto slot = net::get_associated_cancellation_slot(handler_); slot.is_connected()) slot.clear();
    limit_ = {};
    if (initiating) {
      const auto ex = state_->next->get_executor();
      state_.reset();
      BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
      post_completion<Action::has_bytes>(ex, std::move(handler_), ec, n);
    } else {
      state_.reset();
      complete<Action::has_bytes>(std::move(handler_), ec, n);
    }
  }

  state_ptr<NextLayer> state_;
  Action action_;
  Handler handler_;
  executor_type executor_;
  net::cancellation_state cancel_;
  std::shared_ptr<waiter> waiter_; // while waiting for anything but the socket or the job
  deadline_membership limit_;      // while a time limit is set
  net::cancellation_type accepted_ = all_types;
  unsigned held_ = no_lane;
  unsigned awaited_ = no_lane; // while waiting for a lane
  waiting waiting_ = waiting::nothing;
  [[no_unique_address]] finished_step<channel_type::holds_bytes> finished_;
};

} // namespace tlsmode::detail

#endif
