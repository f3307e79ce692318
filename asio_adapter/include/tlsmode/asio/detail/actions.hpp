// SPDX-License-Identifier: BSL-1.0
// What each operation of a stream does with the engine; how it waits is the drivers' business.
//
// An action has
//   lanes(engine)        the directions it needs now
//   run(engine, t)       one engine step
//   next_part()          true if run() shall be called again after a step that completed well
//   may_stop_total(e)    true while cancelling leaves no trace, so that total cancellation is honoured
//   stop(engine)         ends the operation because it was cancelled; returns the bytes it has moved
//   has_bytes            whether the completion carries a number of bytes
//   flushes              whether it is complete only when the channel has sent everything
#ifndef TLSMODE_ASIO_DETAIL_ACTIONS_HPP
#define TLSMODE_ASIO_DETAIL_ACTIONS_HPP

#include <tlsmode/engine.hpp>

#include <tlsmode/asio/detail/buffer_array.hpp>
#include <tlsmode/asio/detail/stream_state.hpp>

namespace tlsmode::detail {

class handshake_action {
 public:
  static constexpr bool has_bytes = false;
  static constexpr bool flushes = true;
  explicit handshake_action(role r) noexcept : role_(r) {}

  // Once the connection is open only bytes are left to go out, and nobody has to stand back for that.
  [[nodiscard]] unsigned lanes(const engine& e) const noexcept {
    const connection_state now = e.state();
    return now == connection_state::fresh || now == connection_state::handshaking ? both_lanes : no_lane;
  }
  step run(engine& e, transport& t) { return e.handshake(t, role_); }
  [[nodiscard]] bool next_part() noexcept { return false; }
  [[nodiscard]] bool may_stop_total(const engine& e) const noexcept {
    return e.stats().cipher_read == 0 && e.stats().cipher_written == 0 && !e.flush_pending();
  }
  std::size_t stop(engine&) noexcept { return 0; } // a later handshake goes on where this one stopped

 private:
  role role_;
};

template <class MutableBufferSequence>
class read_action {
 public:
  static constexpr bool has_bytes = true;
  static constexpr bool flushes = false;
  explicit read_action(const MutableBufferSequence& buffers) : buffers_(buffers) {}

  [[nodiscard]] unsigned lanes(const engine&) const noexcept { return read_lane; }
  step run(engine& e, transport& t) {
    const buffer_array<mutable_buffer> to(buffers_, 0);
    return e.read(t, to.buffers());
  }
  [[nodiscard]] bool next_part() noexcept { return false; }
  [[nodiscard]] bool may_stop_total(const engine&) const noexcept { return true; }
  std::size_t stop(engine& e) noexcept {
    e.abandon_job();
    return 0;
  }

 private:
  MutableBufferSequence buffers_;
};

// Without partial writes a sequence of any length must go out whole; it goes through the engine in parts of
// at most buffer_array's size.
template <class ConstBufferSequence>
class write_action {
 public:
  static constexpr bool has_bytes = true;
  static constexpr bool flushes = true;
  explicit write_action(const ConstBufferSequence& buffers) : buffers_(buffers) {}

  [[nodiscard]] unsigned lanes(const engine&) const noexcept { return write_lane; }
  step run(engine& e, transport& t) {
    const buffer_array<const_buffer> from(buffers_, done_);
    step s = e.write(t, from.buffers());
    if (s.complete() && !s.error) {
      done_ += s.bytes;
      s.bytes = done_;
      more_ = !from.whole() && !e.mode().contains(mode::enable_partial_write);
    }
    return s;
  }
  [[nodiscard]] bool next_part() noexcept { return std::exchange(more_, false); }
  [[nodiscard]] bool may_stop_total(const engine& e) const noexcept {
    return done_ == 0 && e.unfinished_write() == 0;
  }
  std::size_t stop(engine& e) noexcept { return done_ + e.cancel_write(); }

 private:
  ConstBufferSequence buffers_;
  std::size_t done_ = 0;
  bool more_ = false;
};

// close_notify goes out in turn with the writes; waiting for the peer's takes turns with the reads.
class shutdown_action {
 public:
  static constexpr bool has_bytes = false;
  static constexpr bool flushes = true;
  explicit shutdown_action(shutdown_form form) noexcept : form_(form) {}

  [[nodiscard]] unsigned lanes(const engine&) const noexcept { return sent_ ? read_lane : write_lane; }
  step run(engine& e, transport& t) { return e.shutdown(t, sent_ ? form_ : shutdown_form::send_only); }
  [[nodiscard]] bool next_part() noexcept {
    return !std::exchange(sent_, true) && form_ != shutdown_form::send_only;
  }
  [[nodiscard]] bool may_stop_total(const engine& e) const noexcept {
    return e.state() == connection_state::open || e.state() == connection_state::close_received;
  }
  std::size_t stop(engine& e) noexcept {
    e.abandon_job();
    return 0;
  }

 private:
  shutdown_form form_;
  bool sent_ = false;
};

} // namespace tlsmode::detail

#endif
