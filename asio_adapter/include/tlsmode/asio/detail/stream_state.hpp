// SPDX-License-Identifier: BSL-1.0
// What a stream and its outstanding operations share. It outlives the stream while operations are
// outstanding, so that a handler may destroy the stream. Knows no OpenSSL.
#ifndef TLSMODE_ASIO_DETAIL_STREAM_STATE_HPP
#define TLSMODE_ASIO_DETAIL_STREAM_STATE_HPP

#include <tlsmode/engine.hpp>

#include <tlsmode/asio/detail/channel.hpp>
#include <tlsmode/asio/detail/deadline.hpp>
#include <tlsmode/asio/detail/job_wait.hpp>
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
  stream_state(Native&& native, NextLayer& layer) : eng(std::forward<Native>(native)), next(&layer) {}

  engine eng;
  NextLayer* next; // null once the stream is gone
  channel_for<NextLayer> channel;
  lane write;
  lane read;
  waiter_list turns;  // operations kept out of the engine by another one's paused job
  waiter_list drains; // operations that wait for the flusher, or for an alert to be sent
  std::shared_ptr<job_wait> jobs;
  std::unique_ptr<deadline_list> deadlines; // made when a limit is first set
  net::cancellation_signal stop_flusher;
  unsigned outstanding = 0; // asynchronous operations
  bool flushing = false;    // a flusher waits for the socket

  [[nodiscard]] auto transport() { return channel.transport(*next); }
  /// True while the peer is owed ciphertext that is sealed already.
  [[nodiscard]] bool output_pending() const noexcept { return eng.flush_pending() || channel.unsent(); }
  [[nodiscard]] lane& lane_of(unsigned bit) noexcept { return bit == write_lane ? write : read; }

  void release(unsigned lanes) {
    if ((lanes & write_lane) != 0) write.release();
    if ((lanes & read_lane) != 0) read.release();
  }

  /// Before an operation that may run as a job: paused jobs need somebody to call.
  template <class Executor>
  void prepare_jobs(const Executor& ex) {
    if (!jobs) {
      jobs = std::make_shared<job_wait>(next->get_executor());
      eng.set_job_callback(jobs->callback());
    }
    jobs->attach(ex);
  }

  /// After a step: whoever waited for the paused job to end may try now.
  void job_ended() { turns.wake_all(); }

  /// Ciphertext that no operation waits for goes out as soon as the socket takes it, as long as any operation
  /// is outstanding. The flusher runs where that operation runs.
  template <class Executor>
  void flush_behind(const Executor& ex);

  /// Tells the flusher once: what the slot knows of the socket is no longer true after the stream has moved.
  void stop_flushing() {
    if (!flushing) return;
    stop_flusher.emit(net::cancellation_type::terminal);
    stop_flusher.slot().clear();
  }

  /// The stream is going away: everybody who waits for somebody else is woken and finds `next` gone. Those
  /// who wait for the socket hear from it.
  void close() {
    next = nullptr;
    for (waiter_list* list : {&write.waiting, &read.waiting, &turns, &drains}) list->wake_all();
    if (jobs) jobs->close();
    if (deadlines) deadlines->timer.cancel();
    stop_flushing();
  }

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
  std::atomic<unsigned> references_{0};
};

template <class NextLayer>
using state_ptr = boost::intrusive_ptr<stream_state<NextLayer>>;

/// Waits for room in the socket and hands it what the engine holds back.
template <class NextLayer, class Executor>
class flusher {
 public:
  using executor_type = Executor;
  flusher(state_ptr<NextLayer> state, Executor ex) : state_(std::move(state)), ex_(std::move(ex)) {}
  [[nodiscard]] executor_type get_executor() const noexcept { return ex_; }

  void wait() {
    state_->flushing = true;
    auto& s = *state_;
    BOOST_ASIO_HANDLER_LOCATION((__FILE__, __LINE__, "flush"));
    s.channel.async_send(*s.next, net::bind_cancellation_slot(s.stop_flusher.slot(), std::move(*this)));
  }

  void operator()(boost::system::error_code ec, std::size_t n = 0) {
    state_->flushing = false;
    ec = state_->channel.sent(ec, n);
    if (state_->next == nullptr) return;
    if (ec && ec == state_->channel.send_error()) state_->eng.output_lost(ec, engine::operation::none);
    // Also when it was told to stop: by now there may be another operation.
    if ((!ec || ec == net::error::operation_aborted) && state_->outstanding != 0) {
      decltype(auto) t = state_->transport();
      state_->eng.flush(t);
      if (state_->output_pending()) {
        state_ptr<NextLayer> const state = state_;
        wait();
        if (!state->eng.alert_pending()) state->drains.wake_all();
        return;
      }
    }
    state_->drains.wake_all();
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
void stream_state<NextLayer>::begin_deadline(deadline_node& node, const Executor& ex) {
  const bool first = deadlines->empty();
  deadlines->add(node);
  // A watch that is left from earlier operations may be on an executor that nobody runs any more.
  if (first || !deadlines->watching || node.when < deadlines->timer.expiry())
    deadline_watch<state_ptr<NextLayer>, Executor>(state_ptr<NextLayer>(this), ex).wait();
}

} // namespace tlsmode::detail

#endif
