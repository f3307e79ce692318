// SPDX-License-Identifier: BSL-1.0
// What each operation of a stream does with the engine; how it waits is the drivers' business.
//
// An action has
//   trivial()            true if there is nothing to do, whatever the connection's state
//   lanes(engine)        the directions it needs now
//   lanes_known          true if lanes() does not look at the engine, which may be away
//   run(engine, t)       one engine step; may run on a job thread
//   enters(engine)       whether that may enter OpenSSL
//   begins(engine)       true if it can come to nothing but want_read before the peer has sent something
//   reads()              whether that may need what the peer has sent, before it says so
//   next_part()          true if run() shall be called again after a step that completed well
//   may_stop_total(e)    true while cancelling leaves no trace, so that total cancellation is honoured
//   stop(engine)         ends the operation because it was cancelled; returns the bytes it has moved
//   kind                 what it is to the engine
//   name                 what it is to Asio's handler tracking
//   has_bytes            whether the completion carries a number of bytes
//   flushes              whether it is complete only when the channel has sent everything
//   needs_async(engine)  only where that can be: true if it must not block
#ifndef TLSMODE_ASIO_DETAIL_ACTIONS_HPP
#define TLSMODE_ASIO_DETAIL_ACTIONS_HPP

#include <tlsmode/engine.hpp>

#include <tlsmode/asio/detail/buffer_array.hpp>
#include <tlsmode/asio/detail/stream_state.hpp>

namespace tlsmode::detail {

class handshake_action {
 public:
  static constexpr auto kind = engine::operation::handshake;
  static constexpr const char* name = "async_handshake";
  static constexpr bool has_bytes = false;
  static constexpr bool flushes = true;
  static constexpr bool lanes_known = false;
  explicit handshake_action(role r) noexcept : role_(r) {}

  [[nodiscard]] static bool trivial() noexcept { return false; }
  // Once the connection is open only bytes are left to go out, and nobody has to stand back for that.
  [[nodiscard]] unsigned lanes(const engine& e) const noexcept {
    return before_open(e.state()) ? both_lanes : no_lane;
  }
  step run(engine& e, transport& t) { return e.handshake(t, role_); }
  [[nodiscard]] static bool enters(const engine& e) noexcept { return before_open(e.state()); }
  [[nodiscard]] bool begins(const engine& e) const noexcept {
    return role_ == role::server && e.state() == connection_state::fresh;
  }
  [[nodiscard]] static bool reads() noexcept { return true; }
  [[nodiscard]] static bool needs_async(const engine& e) noexcept { return e.hooks_need_async(); }
  [[nodiscard]] bool next_part() noexcept { return false; }
  [[nodiscard]] bool may_stop_total(const engine& e) const noexcept {
    return e.stats().cipher_read == 0 && e.stats().cipher_written == 0 && !e.flush_pending();
  }
  // A later handshake goes on where this one stopped.
  std::size_t stop(engine& e) noexcept {
    e.cancel_handshake();
    return 0;
  }

 private:
  role role_;
};

// The peer's first bytes were read by somebody else, who hands them over. All are taken at once.
template <class ConstBufferSequence>
class buffered_handshake_action : public handshake_action {
 public:
  static constexpr bool has_bytes = true;
  buffered_handshake_action(role r, const ConstBufferSequence& buffers)
      : handshake_action(r), buffers_(buffers) {}

  step run(engine& e, transport& t) {
    if (!std::exchange(fed_, true)) {
      const auto end = net::buffer_sequence_end(buffers_);
      for (auto at = net::buffer_sequence_begin(buffers_); at != end; ++at) {
        const net::const_buffer b(*at);
        if (!e.feed({static_cast<const std::byte*>(b.data()), b.size()}))
          return {suspend::none, taken_, std::make_error_code(std::errc::not_enough_memory)};
        taken_ += b.size();
      }
    }
    step s = handshake_action::run(e, t);
    s.bytes = taken_;
    return s;
  }
  [[nodiscard]] static bool begins(const engine&) noexcept { return false; }
  [[nodiscard]] bool reads() const noexcept { return fed_; } // what was read already comes first
  std::size_t stop(engine& e) noexcept {
    handshake_action::stop(e);
    return taken_;
  }

 private:
  ConstBufferSequence buffers_;
  std::size_t taken_ = 0;
  bool fed_ = false;
};

template <class MutableBufferSequence>
class read_action {
 public:
  static constexpr auto kind = engine::operation::read;
  static constexpr const char* name = "async_read_some";
  static constexpr bool has_bytes = true;
  static constexpr bool flushes = false;
  static constexpr bool lanes_known = true;
  explicit read_action(const MutableBufferSequence& buffers) : buffers_(buffers) {}

  [[nodiscard]] bool trivial() const { return net::buffer_size(buffers_) == 0; }
  [[nodiscard]] unsigned lanes(const engine&) const noexcept { return read_lane; }
  step run(engine& e, transport& t) {
    const buffer_array<mutable_buffer> to(buffers_);
    return e.read(t, to.buffers());
  }
  [[nodiscard]] static bool enters(const engine&) noexcept { return true; }
  [[nodiscard]] static bool begins(const engine&) noexcept { return false; }
  [[nodiscard]] static bool reads() noexcept { return true; }
  [[nodiscard]] bool next_part() noexcept { return false; }
  [[nodiscard]] bool may_stop_total(const engine&) const noexcept { return true; }
  std::size_t stop(engine& e) noexcept {
    e.cancel_read();
    return 0;
  }

 private:
  MutableBufferSequence buffers_;
};

template <class ConstBufferSequence>
class write_action {
 public:
  static constexpr auto kind = engine::operation::write;
  static constexpr const char* name = "async_write_some";
  static constexpr bool has_bytes = true;
  static constexpr bool flushes = true;
  static constexpr bool lanes_known = true;
  explicit write_action(const ConstBufferSequence& buffers) : buffers_(buffers) {}

  [[nodiscard]] bool trivial() const { return net::buffer_size(buffers_) == 0; }
  [[nodiscard]] unsigned lanes(const engine&) const noexcept { return write_lane; }
  step run(engine& e, transport& t) {
    const buffer_array<const_buffer> from(buffers_, !e.mode().contains(mode::enable_partial_write));
    return e.write(t, from.buffers());
  }
  [[nodiscard]] static bool enters(const engine&) noexcept { return true; }
  [[nodiscard]] static bool begins(const engine&) noexcept { return false; }
  [[nodiscard]] static bool reads() noexcept { return false; }
  [[nodiscard]] bool next_part() noexcept { return false; }
  [[nodiscard]] bool may_stop_total(const engine& e) const noexcept { return e.unfinished_write() == 0; }
  std::size_t stop(engine& e) noexcept { return e.cancel_write(); }

 private:
  ConstBufferSequence buffers_;
};

// close_notify goes out in turn with the writes; waiting for the peer's takes turns with the reads.
class shutdown_action {
 public:
  static constexpr auto kind = engine::operation::shutdown;
  static constexpr const char* name = "async_shutdown";
  static constexpr bool has_bytes = false;
  static constexpr bool flushes = true;
  static constexpr bool lanes_known = true;
  explicit shutdown_action(shutdown_form form) noexcept : form_(form) {}

  [[nodiscard]] static bool trivial() noexcept { return false; }
  [[nodiscard]] unsigned lanes(const engine&) const noexcept { return sent_ ? read_lane : write_lane; }
  step run(engine& e, transport& t) { return e.shutdown(t, sent_ ? form_ : shutdown_form::send_only); }
  [[nodiscard]] static bool enters(const engine&) noexcept { return true; }
  [[nodiscard]] static bool begins(const engine&) noexcept { return false; }
  [[nodiscard]] bool reads() const noexcept { return sent_; }
  [[nodiscard]] bool next_part() noexcept {
    return !std::exchange(sent_, true) && form_ != shutdown_form::send_only;
  }
  [[nodiscard]] bool may_stop_total(const engine& e) const noexcept {
    return e.state() == connection_state::open || e.state() == connection_state::close_received;
  }
  std::size_t stop(engine& e) noexcept {
    if (sent_)
      e.cancel_read(); // it waited for the peer's close_notify
    else
      e.cancel_shutdown();
    return 0;
  }

 private:
  shutdown_form form_;
  bool sent_ = false;
};

// Waits until a read would not have to.
class wait_read_action {
 public:
  static constexpr auto kind = engine::operation::none;
  static constexpr const char* name = "async_wait";
  static constexpr bool has_bytes = false;
  static constexpr bool flushes = false;
  static constexpr bool lanes_known = true;

  [[nodiscard]] static bool trivial() noexcept { return false; }
  [[nodiscard]] static unsigned lanes(const engine&) noexcept { return read_lane; }
  static step run(engine& e, transport& t) { return e.wait_readable(t); }
  [[nodiscard]] static bool enters(const engine&) noexcept { return true; }
  [[nodiscard]] static bool begins(const engine&) noexcept { return false; }
  [[nodiscard]] static bool reads() noexcept { return true; }
  [[nodiscard]] static bool next_part() noexcept { return false; }
  [[nodiscard]] static bool may_stop_total(const engine&) noexcept { return true; }
  static std::size_t stop(engine& e) noexcept {
    e.cancel_read();
    return 0;
  }
};

// Waits until a write would have room: nothing is held back, and a socket, which can be asked, has some.
template <bool CanAsk>
class wait_write_action {
 public:
  static constexpr auto kind = engine::operation::none;
  static constexpr const char* name = "async_wait";
  static constexpr bool has_bytes = false;
  static constexpr bool flushes = true;
  static constexpr bool lanes_known = true;

  [[nodiscard]] static bool trivial() noexcept { return false; }
  [[nodiscard]] static unsigned lanes(const engine&) noexcept { return write_lane; }
  step run(engine& e, transport& t) {
    const step s = e.wait_writable(t);
    if (!s.complete() || s.error || !CanAsk || std::exchange(asked_, true)) return s;
    return {suspend::want_write, 0, {}};
  }
  [[nodiscard]] static bool enters(const engine&) noexcept { return false; }
  [[nodiscard]] static bool begins(const engine&) noexcept { return false; }
  [[nodiscard]] static bool reads() noexcept { return false; }
  [[nodiscard]] static bool next_part() noexcept { return false; }
  [[nodiscard]] static bool may_stop_total(const engine&) noexcept { return true; }
  static std::size_t stop(engine&) noexcept { return 0; }

 private:
  bool asked_ = false;
};

} // namespace tlsmode::detail

#endif
