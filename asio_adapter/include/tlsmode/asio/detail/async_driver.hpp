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
// 6. While a step of any operation is away, on a job thread, none touches the engine. Handlers never go
// there.
#ifndef TLSMODE_ASIO_DETAIL_ASYNC_DRIVER_HPP
#define TLSMODE_ASIO_DETAIL_ASYNC_DRIVER_HPP

#include <tlsmode/asio/error.hpp>

#include <tlsmode/asio/detail/completion.hpp>
#include <tlsmode/asio/detail/finished_step.hpp>
#include <tlsmode/asio/detail/offload.hpp>
#include <tlsmode/asio/detail/operation_cancellation.hpp>
#include <tlsmode/asio/detail/stream_state.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/detail/handler_tracking.hpp>
#include <boost/asio/error.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace tlsmode::detail {

// How many operations of a stream may be outstanding: each takes memory while it waits for its turn.
constexpr unsigned most_operations = 4096;

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
    cancel_.accept(user_slot(), cancel_.all);
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  [[nodiscard]] allocator_type get_allocator() const noexcept {
    return net::get_associated_allocator(handler_);
  }
  /// While its step is away nothing can be cancelled, only remembered.
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
    return waiting_ == waiting::step ? cancellation_slot_type() : cancel_.slot();
  }

  /// Called once, from the initiating function.
  void start() {
    ++state_->outstanding;
    if (action_.trivial()) return finish({}, 0, true);
    if (state_->outstanding > most_operations) return finish(to_boost(error::too_many_operations), 0, true);
    if (state_->deadlines && !begin_limit()) return finish(net::error::timed_out, 0, true);
    run(true);
  }

  /// Called when what the operation waited for is over.
  void operator()(boost::system::error_code ec = {}, std::size_t n = 0) {
    const waiting was = std::exchange(waiting_, waiting::nothing);
    if (was == waiting::read) {
      ec = state_->channel.received(ec, n);
      if constexpr (channel_type::holds_bytes)
        state_->waits.wake_all(rare_wait::arrival); // or one of them reads on
    }
    if (was == waiting::write) {
      ec = state_->channel.sent(ec, n);
      if constexpr (channel_type::holds_bytes) state_->waits.wake_all(rare_wait::drain); // they may try again
    }
    if (was == waiting::step) return come_back();
    if (was != waiting::engine) return go_on(was, ec, waiter_ && waiter_->woken);
    const auto before = waiter_->before;
    go_on(static_cast<waiting>(before.what), before.ec, before.woken);
  }

 private:
  // `step`: its own step is away; `engine`: somebody else's is.
  enum class waiting : unsigned char { nothing, read, write, lane, turn, alert, job, retry, step, engine };

  // What it waited for is over. `woken`: by another operation of the stream.
  void go_on(waiting was, boost::system::error_code ec, bool woken) {
    if (state_->next == nullptr) return abort();
    if (was == waiting::job) {
      state_->jobs->stop_waiting(); // its descriptors may be closed as soon as the job runs
      has_watched_ = true;
      woken = true;
    }
    if (was == waiting::lane && woken) held_ |= awaited_;
    if (state_->away) return wait_for_engine(was == waiting::job ? waiting::turn : was, ec, woken);
    if (was == waiting::alert) {
      if (!woken) give_up_output();
    } else if (cancel_.came() || (ec == net::error::operation_aborted && !woken)) {
      return abort();
    }
    if (ec && ec != net::error::operation_aborted) {
      (void)stop_action();
      return fail(ec, false);
    }
    drop_waiter();
    run(false);
  }

  // Runs steps until the operation is over or has to wait; the first one may have been run on a job thread.
  void run(bool initiating, const step* back = nullptr) {
    for (;;) {
      step s;
      const bool was_away = back != nullptr;
      if (was_away) {
        s = *std::exchange(back, nullptr);
      } else {
        if (state_->away && !Action::lanes_known) return wait_for_engine(waiting::turn, {}, true);
        if (const unsigned lane = wanted_lane(); lane != no_lane) {
          if (!state_->lane_of(lane).try_take()) {
            awaited_ = lane;
            return wait_among(state_->lane_of(lane).waiting, waiting::lane, initiating);
          }
          held_ |= lane;
          continue;
        }
        // Only now: those who wait for the engine are all woken at once, in no order of their own.
        if (state_->away) return wait_for_engine(waiting::turn, {}, true);
        if (finished_.over) {
          s = finished_.result();
        } else {
          const std::optional<step> done = state_->eng.may_pause() ? careful_step(initiating) : one_step();
          if (!done) return;
          s = *done;
        }
      }
      give_back(held_ & ~action().lanes(state_->eng)); // whoever else needs it need not wait with us
      if (!watches(s.why)) pass_watch_on();
      if (!s.complete()) {
        if (!was_away || !travels_->goes_on(s.why)) return suspend_for(s.why, initiating);
        if (!prepare_to_wait(initiating)) return;
        continue;
      }
      if (const auto ec = state_->channel.send_error(); ec && finished_.over && !s.error)
        return fail(ec, initiating); // the flusher was told so
      if (finished_.still_with(state_->channel, s, Action::flushes, state_->eng)) {
        if (s.error) return wait_for_alert();
        if (prepare_to_wait(initiating)) wait_to_send(initiating);
        return;
      }
      if (s.error || !action().next_part())
        return finish(state_->channel.restore(s.error), s.bytes, initiating);
      give_back(held_ & ~action().lanes(state_->eng));
      if (!prepare_to_wait(initiating)) return; // what is done by now cannot be taken back
    }
  }

  step one_step() {
    engine& e = state_->eng;
    const bool was_paused = e.job_paused();
    decltype(auto) t = state_->transport();
    const step s = action().run(e, t);
    if (was_paused && !e.job_paused()) state_->job_ended();
    return s;
  }

  // ---- steps on a job thread ----

  // A step that may be paused. Nothing if it is not run here and now: then this object is not the operation
  // any more.
  std::optional<step> careful_step(bool initiating) {
    using place = typename stream_state<NextLayer>::place;
    engine& e = state_->eng;
    const bool enters = action().enters(e) && e.state() != connection_state::failed;
    const place where = enters ? state_->place_of_step(executor_, initiating) : place::here;
    if (where == place::later) {
      wait_on_timer(waiting::retry, std::chrono::milliseconds(0));
      return std::nullopt;
    }
    state_->prepare_jobs(executor_);
    return where == place::here ? one_step() : far_step();
  }

  std::optional<step> far_step() {
    offload& off = state_->make_offload();
    if (const std::error_code ec = off.pin(state_->eng.job_paused())) return step{suspend::none, 0, ec};
    if (!travels_)
      travels_.emplace(get_allocator(), std::move(action_), state_->eng, off.carrier, state_->away);
    if (travels_->must_yield()) {
      wait_on_timer(waiting::retry, std::chrono::milliseconds(0));
      return std::nullopt;
    }
    if (travels_->pack([this] { return state_->feed(); })) return travels_->run_here();
    travels_->leave(off.wake_on(executor_));
    // It may be back as soon as it is sent: first there must be somebody who waits for it.
    const std::shared_ptr<away_step> carrier = off.carrier;
    const job_thread home = off.home;
    wait_for_step();
    carrier->start(home);
    return std::nullopt;
  }

  void wait_for_step() {
    waiting_ = waiting::step;
    const std::shared_ptr<offload> off = state_->off;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
    off->timer.async_wait(std::move(*this));
  }

  void come_back() {
    if (!state_->off->carrier->over()) return wait_for_step(); // woken for the step before
    const step s = travels_->come_back(state_->wake_stayers());
    state_->welcome_back(executor_, travels_->job_was_paused());
    if (state_->next == nullptr) return abort();
    if (s.error == error::job_threads_stopped) (void)stop_action();
    run(false, &s);
  }

  // Waits until the engine is back, and then goes on with what it was about to do.
  void wait_for_engine(waiting was, boost::system::error_code ec, bool woken) {
    drop_waiter();
    make_waiter();
    waiter_->before = {static_cast<unsigned char>(was), woken, ec};
    state_->waits.list(rare_wait::engine).add(*waiter_);
    wait_for_waking(waiting::engine);
  }

  // The one switch from reasons to suspensions.
  void suspend_for(suspend why, bool initiating) {
    if (!prepare_to_wait(initiating)) return;
    if (why != suspend::want_write && state_->output_pending()) state_->flush_behind(executor_);
    switch (why) {
    case suspend::want_read: return wait_to_receive(initiating);
    case suspend::want_write:
      return state_->eng.alert_pending() ? wait_for_alert() : wait_to_send(initiating);
    case suspend::want_async: return wait_for_job(initiating);
    case suspend::want_turn:
      return wait_among(state_->waits.list(rare_wait::turn), waiting::turn, initiating);
    case suspend::want_async_job:
    case suspend::want_client_hello:
    case suspend::want_certificate:
    case suspend::want_verify:
      if (watches(why)) return wait_for_job(initiating); // somebody will call
      return wait_on_timer(waiting::retry, retry_interval);
    case suspend::none: break;
    }
  }

  // False if the operation was cancelled while it was not suspended, and is over now.
  bool prepare_to_wait(bool initiating) {
    // The engine knows no more of bytes that are with the channel; they are sealed all the same.
    const bool sealed = finished_.over && finished_.result().bytes != 0;
    const auto types = !sealed && action().may_stop_total(state_->eng) ? cancel_.all : cancel_.no_total;
    if (cancel_.came(types)) {
      abort(initiating);
      return false;
    }
    if (types != cancel_.accepted()) cancel_.accept(user_slot(), types);
    return true;
  }

  void wait_to_receive(bool initiating) {
    // A write in the middle of a message of the peer reads too, and so may somebody else already.
    if (state_->channel.receiving())
      return wait_among(state_->waits.list(rare_wait::arrival), waiting::turn, initiating);
    waiting_ = waiting::read;
    auto& s = *state_;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
    s.channel.async_receive(*s.next, std::move(*this));
  }

  void wait_to_send(bool initiating) {
    // The flusher may be sending on behalf of everybody.
    if (state_->channel.sending())
      return wait_among(state_->waits.list(rare_wait::drain), waiting::turn, initiating);
    waiting_ = waiting::write;
    auto& s = *state_;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
    s.channel.async_send(*s.next, std::move(*this));
  }

  // True if whoever stops for this reason is told of the end of it by the crypto, or by who answers.
  [[nodiscard]] bool watches(suspend why) const noexcept {
    switch (why) {
    case suspend::want_async: return true;
    case suspend::want_async_job:
    case suspend::want_client_hello:
    case suspend::want_certificate:
    case suspend::want_verify:
      return state_->jobs && (state_->eng.answer_awaited() || state_->eng.slot_awaited());
    default: return false;
    }
  }

  // One operation waits for the job, or for a slot, itself; should it give up, the others are woken.
  void wait_for_job(bool initiating) {
    if (state_->jobs->waited_for()) {
      // It may be waiting for a slot, and not for this job.
      if (state_->eng.job_paused()) state_->jobs->timer.cancel();
      return wait_among(state_->waits.list(rare_wait::turn), waiting::turn, initiating);
    }
    waiting_ = waiting::job;
    has_watched_ = false;
    state_->begin_job_wait(executor_);
    // The job must outlast this operation's place in the timer's queue.
    const std::shared_ptr<job_wait> jobs = state_->jobs;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
    jobs->timer.async_wait(std::move(*this));
  }

  // The connection has failed; its alert may still go out, but not for ever.
  void wait_for_alert() {
    state_->flush_behind(executor_);
    make_waiter();
    state_->waits.list(rare_wait::drain).add(*waiter_);
    const bool waits = state_->output_pending(); // else it could not be sent
    wait_on_timer(waiting::alert, waits ? finished_.patience() : std::chrono::milliseconds(0));
  }

  // It does not go on watching: somebody else has to.
  void pass_watch_on() {
    if (std::exchange(has_watched_, false)) state_->waits.wake_all(rare_wait::turn);
  }

  void give_up_output() {
    state_->channel.drop_unsent();
    if (state_->eng.alert_pending()) state_->eng.drop_output();
  }

  // Waits in order behind other operations.
  void wait_among(waiter_list& list, waiting w, bool initiating) {
    if (cancel_.came()) return abort(initiating);
    make_waiter();
    list.add(*waiter_);
    wait_for_waking(w);
  }

  template <class Duration>
  void wait_on_timer(waiting w, Duration d) {
    make_waiter();
    waiter_->timer.expires_after(d);
    wait_for_waking(w);
  }

  void wait_for_waking(waiting w) {
    waiting_ = w;
    const std::shared_ptr<waiter> mine = waiter_;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, Action::name));
    mine->timer.async_wait(std::move(*this));
  }

  void make_waiter() {
    if (!waiter_) waiter_ = std::allocate_shared<waiter>(get_allocator(), state_->next->get_executor());
  }

  // The slot may still point into the waiter's timer, and not every layer puts something else there.
  void drop_waiter() {
    if (!waiter_) return;
    cancel_.slot().clear();
    waiter_.reset();
  }

  // It lives with the step once one has gone away: the job thread must find it where it is.
  [[nodiscard]] Action& action() noexcept { return travels_ ? travels_->action : action_; }
  [[nodiscard]] const Action& action() const noexcept { return travels_ ? travels_->action : action_; }

  // One lane that the action needs and does not have.
  [[nodiscard]] unsigned wanted_lane() const noexcept {
    const unsigned missing = action().lanes(state_->eng) & ~held_;
    return missing & (~missing + 1);
  }

  void give_back(unsigned lanes) {
    held_ &= ~lanes;
    state_->release(lanes);
  }

  [[nodiscard]] auto user_slot() const noexcept { return net::get_associated_cancellation_slot(handler_); }

  // False if it is too late already.
  bool begin_limit() {
    deadline_list& deadlines = *state_->deadlines;
    if (deadlines.limit == deadline_list::time_point::max()) return true;
    if (!cancel_.begin_limit(deadlines, user_slot(), get_allocator())) return false;
    state_->begin_deadline(*cancel_.limit(), executor_);
    return true;
  }

  void abort(bool initiating = false) {
    const std::size_t n = stop_action();
    finish(cancel_.late() ? net::error::timed_out : net::error::operation_aborted, n, initiating);
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
    const std::size_t n = action().stop(state_->eng);
    if (state_->eng.job_paused()) state_->waits.wake_all(rare_wait::turn);
    return n;
  }

  void finish(boost::system::error_code ec, std::size_t n, bool initiating) {
    waiter_.reset();
    travels_.reset();
    state_->operation_ended(held_, std::exchange(has_watched_, false), cancel_.limit(), executor_);
    if (auto slot = user_slot(); slot.is_connected()) slot.clear();
    cancel_.end_limit();
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
  operation_cancellation cancel_;
  std::shared_ptr<waiter> waiter_; // while waiting for anything but the socket, the job or the step
  allocated<travelling<Action>, allocator_type> travels_;
  unsigned held_ = no_lane;
  unsigned awaited_ = no_lane; // while waiting for a lane
  waiting waiting_ = waiting::nothing;
  bool has_watched_ = false; // it has come back from waiting for a job or a slot
  [[no_unique_address]] finished_step<channel_type::holds_bytes> finished_;
};

} // namespace tlsmode::detail

#endif
