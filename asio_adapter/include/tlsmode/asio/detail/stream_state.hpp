// SPDX-License-Identifier: BSL-1.0
// What a stream and its outstanding operations share. It outlives the stream while operations are
// outstanding, so that a handler may destroy the stream. Knows no OpenSSL.
#ifndef TLSMODE_ASIO_DETAIL_STREAM_STATE_HPP
#define TLSMODE_ASIO_DETAIL_STREAM_STATE_HPP

#include <tlsmode/asio/placement.hpp>
#include <tlsmode/engine.hpp>

#include <tlsmode/asio/detail/asio_compat.hpp>
#include <tlsmode/asio/detail/channel.hpp>
#include <tlsmode/asio/detail/deadline.hpp>
#include <tlsmode/asio/detail/job_wait.hpp>
#include <tlsmode/asio/detail/offload.hpp>
#include <tlsmode/asio/detail/waiters.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detail/handler_tracking.hpp>
#include <boost/asio/error.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace tlsmode::detail {

// The directions of a stream, as bits: what an operation must own before it enters the engine.
enum lane_bits : unsigned { no_lane = 0, write_lane = 1, read_lane = 2, both_lanes = 3 };

template <class NextLayer>
struct stream_state {
  template <class Native>
  stream_state(Native&& native, NextLayer& layer)
      : eng(*std::make_unique<engine>(std::forward<Native>(native)).release()), next(&layer) {}
  stream_state(const stream_state&) = delete;
  stream_state& operator=(const stream_state&) = delete;
  ~stream_state();

  engine& eng;
  NextLayer* next; // null once the stream is gone
  lane write;
  lane read;
  rare_waits waits;
  std::shared_ptr<job_wait> jobs;
  std::unique_ptr<deadline_list> deadlines; // made when a limit is first set
  net::cancellation_signal stop_flusher;
  unsigned outstanding = 0; // asynchronous operations
  bool flushing = false;    // a flusher waits for the socket
  bool stopping = false;    // and has been told to stop
  bool away = false;        // a step is with a job thread: nobody touches the engine
  bool flush_owed = false;  // the flusher found the engine away
  bool hosts_answers = false;
  placement where = placement::automatic;
  channel_for<NextLayer> channel; // here, because of a plain socket it is a single byte

 private:
  std::atomic<unsigned> references_{0}; // here, because an idle connection counts every byte

 public:
  std::shared_ptr<offload> off; // made when a step first goes away

  [[nodiscard]] auto transport() { return channel.transport(*next); }
  /// True while the peer is owed ciphertext that is sealed already.
  [[nodiscard]] bool output_pending() const noexcept { return eng.flush_pending() || channel.unsent(); }
  [[nodiscard]] lane& lane_of(unsigned bit) noexcept { return bit == write_lane ? write : read; }

  void release(unsigned lanes) {
    if ((lanes & write_lane) != 0) write.release();
    if ((lanes & read_lane) != 0) read.release();
  }

  /// Before an operation that may run as a job: paused jobs need somebody to call. OpenSSL asks once, with
  /// the first job, so a synchronous operation does this for the asynchronous ones that follow.
  void prepare_jobs();
  template <class Executor>
  void prepare_jobs(const Executor& ex);

  /// Where the next step of an operation on `ex` has to run that may be paused. `later`: here, but not now.
  enum class place : unsigned char { here, later, away };
  template <class Executor>
  [[nodiscard]] place place_of_step(const Executor& ex, bool initiating) const;
  [[nodiscard]] offload& make_offload();
  /// Hands the engine what the peer has sent; false if there is more.
  [[nodiscard]] bool feed() {
    decltype(auto) t = transport();
    return feed_from(t, eng);
  }
  /// A step comes back: whoever waited for the engine may try now. False if nobody did.
  bool wake_stayers() {
    const bool any = !waits.empty(rare_wait::engine);
    waits.wake_all(rare_wait::engine);
    return any;
  }
  /// It is back: what it wrote goes to the transport, and so does what others have left behind.
  template <class Executor>
  void welcome_back(const Executor& ex, bool job_was_paused);

  /// Sets up `jobs->timer` for an operation to wait for the paused job, or for what its last step asked for.
  template <class Executor>
  void begin_job_wait(const Executor& ex);

  /// After a step: whoever waited for the paused job to end may try now.
  void job_ended() { waits.wake_all(rare_wait::turn); }

  /// Ciphertext that no operation waits for goes out as soon as the socket takes it, as long as any operation
  /// is outstanding. The flusher runs where that operation runs.
  template <class Executor>
  void flush_behind(const Executor& ex);

  /// Tells the flusher once: what the slot knows of the socket is no longer true after the stream has moved.
  /// A wait for a socket can be ended at any time. A layer that is writing is only asked to stop if that does
  /// no harm: with terminal cancellation some layers are of no use any more. One that goes on needs its slot.
  void stop_flushing() {
    if (!flushing || std::exchange(stopping, true)) return;
    constexpr bool only_waits = !channel_for<NextLayer>::holds_bytes;
    stop_flusher.emit(only_waits ? net::cancellation_type::terminal : net::cancellation_type::total);
    if constexpr (only_waits) stop_flusher.slot().clear();
  }

  /// The stream is going away: everybody who only_waits for somebody else is woken and finds `next` gone.
  /// Those who wait for the socket hear from it.
  void close();

  /// An operation is over that ran on `ex` and held `lanes`; `watched`: it has come back from waiting for a
  /// job or a slot, and somebody else has to go on with that.
  template <class Executor>
  void operation_ended(unsigned lanes, bool watched, deadline_node* limit, const Executor& ex);

  /// True while an operation, or the flusher, may still touch the engine or the channel.
  [[nodiscard]] bool busy() const noexcept { return outstanding != 0 || channel.sending(); }

  /// Puts an operation that starts on `ex` under the limit that is set now.
  template <class Executor>
  void begin_deadline(deadline_node& node, const Executor& ex);
  /// The operation is over.
  void end_deadline(deadline_node& node) {
    node.leave();
    if (next != nullptr && deadlines->empty() && deadlines->watching) deadlines->timer.cancel();
  }

 private:
  friend void intrusive_ptr_add_ref(stream_state* s) noexcept {
    s->references_.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(stream_state* s) noexcept {
    if (s->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete s;
  }
};

template <class NextLayer>
using state_ptr = boost::intrusive_ptr<stream_state<NextLayer>>;

template <class NextLayer>
stream_state<NextLayer>::~stream_state() {
  std::unique_ptr<engine> owner(&eng); // it may have to travel to where its job can be ended
  if (off) destroy_on(off->home, std::move(owner));
}

template <class NextLayer>
void stream_state<NextLayer>::close() {
  next = nullptr;
  write.waiting.wake_all();
  read.waiting.wake_all();
  waits.wake_all();
  if (jobs) jobs->close();
  if (deadlines) deadlines->timer.cancel();
  stop_flushing();
}

template <class NextLayer>
void stream_state<NextLayer>::prepare_jobs() {
  if (jobs) return;
  jobs = std::make_shared<job_wait>(next->get_executor());
  eng.set_job_callback(jobs->callback());
}

template <class NextLayer>
template <class Executor>
void stream_state<NextLayer>::prepare_jobs(const Executor& ex) {
  prepare_jobs();
  // Not for synchronous operations: they do not run the executor that would work out the answers.
  if (!std::exchange(hosts_answers, true)) eng.set_answer_host(host_of_answers(next->get_executor()));
  jobs->attach(ex);
}

template <class NextLayer>
template <class Executor>
void stream_state<NextLayer>::begin_job_wait(const Executor& ex) {
  const auto forever = net::steady_timer::time_point::max();
  const auto patience = eng.first_for_slot() ? slot_patience : slot_patience_of_others;
  const auto limit = eng.slot_awaited() ? net::steady_timer::clock_type::now() + patience
                                        : eng.answer_deadline().value_or(forever);
  const bool called = eng.job_calls_back() || eng.answer_awaited() || eng.slot_awaited();
  jobs->prepare(ex, eng.job_descriptors(), called, limit);
}

template <class NextLayer>
offload& stream_state<NextLayer>::make_offload() {
  if (!off) off = std::make_shared<offload>(next->get_executor());
  return *off;
}

template <class NextLayer>
template <class Executor>
void stream_state<NextLayer>::welcome_back(const Executor& ex, bool job_was_paused) {
  off->holds_job = eng.job_paused();
  if (next == nullptr) return;
  decltype(auto) t = transport();
  eng.flush(t);
  if (job_was_paused && !off->holds_job) job_ended();
  if (!std::exchange(flush_owed, false)) return;
  if (output_pending()) flush_behind(ex);
  if (!output_pending() || !eng.alert_pending()) waits.wake_all(rare_wait::drain);
}

template <class NextLayer>
template <class Executor>
void stream_state<NextLayer>::operation_ended(unsigned lanes, bool watched, deadline_node* limit,
                                              const Executor& ex) {
  if (limit != nullptr) end_deadline(*limit);
  --outstanding;
  if (next == nullptr) return;
  release(lanes);
  if (watched) waits.wake_all(rare_wait::turn);
  if (!away && output_pending() && outstanding != 0) flush_behind(ex);
  if (outstanding == 0) stop_flushing();
}

/// Waits for room in the socket and hands it what the engine holds back.
template <class NextLayer, class Executor>
class flusher {
 public:
  using executor_type = Executor;
  flusher(state_ptr<NextLayer> state, Executor ex) : state_(std::move(state)), ex_(std::move(ex)) {}
  [[nodiscard]] executor_type get_executor() const noexcept { return ex_; }

  void wait() {
    state_->flushing = true;
    state_->stopping = false;
    auto& s = *state_;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, "flush"));
    s.channel.async_send(*s.next, net::bind_cancellation_slot(s.stop_flusher.slot(), std::move(*this)));
  }

  void operator()(boost::system::error_code ec, std::size_t n = 0) {
    state_->flushing = false;
    ec = state_->channel.sent(ec, n);
    if (state_->next == nullptr) return;
    if (state_->away) return void(state_->flush_owed = true);
    if (ec && ec == state_->channel.send_error()) state_->eng.output_lost(ec, engine::operation::none);
    // Also when it was told to stop: by now there may be another operation.
    if ((!ec || ec == net::error::operation_aborted) && state_->outstanding != 0) {
      decltype(auto) t = state_->transport();
      state_->eng.flush(t);
      if (state_->output_pending()) {
        state_ptr<NextLayer> const state = state_;
        wait();
        if (!state->eng.alert_pending()) state->waits.wake_all(rare_wait::drain);
        return;
      }
    }
    state_->waits.wake_all(rare_wait::drain);
  }

 private:
  state_ptr<NextLayer> state_;
  Executor ex_;
};

template <class NextLayer>
template <class Executor>
void stream_state<NextLayer>::flush_behind(const Executor& ex) {
  if (flushing || channel.sending() || next == nullptr) return;
  if constexpr (channel_for<NextLayer>::holds_bytes) {
    // A channel must have something to send: what the engine holds back moves there first.
    decltype(auto) t = transport();
    if (!channel.unsent()) eng.flush(t);
    if (!channel.unsent()) return;
  }
  flusher<NextLayer, Executor>(state_ptr<NextLayer>(this), ex).wait();
}

template <class NextLayer>
template <class Executor>
auto stream_state<NextLayer>::place_of_step(const Executor& ex, bool initiating) const -> place {
  if (eng.job_paused()) return off && off->holds_job ? place::away : place::here;
  if (where == placement::inline_) return place::here;
  net::execution_context* const context = where == placement::automatic ? context_of(ex) : nullptr;
  if (context == nullptr || !made_for_one_thread(*context)) return place::away;
  // The job that it may start must be gone on with by the same thread.
  return initiating && !runs_this_thread(*context) ? place::later : place::here;
}

template <class NextLayer>
template <class Executor>
void stream_state<NextLayer>::begin_deadline(deadline_node& node, const Executor& ex) {
  const bool first = deadlines->empty();
  deadlines->add(node);
  // A watch that is left from earlier operations may be on an executor that nobody runs any more.
  if (first || !deadlines->watching || node.when < deadlines->timer.expiry())
    deadline_watch<state_ptr<NextLayer>, Executor>(state_ptr<NextLayer>(this), ex).wait();
}

} // namespace tlsmode::detail

#endif
