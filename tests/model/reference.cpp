// SPDX-License-Identifier: BSL-1.0
// The rules. The numbers in the comments are those of the invariants in docs/architecture.md.
#include "reference.hpp"

#include "expect.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>

namespace tlsmode::model {

using state = connection_state;

namespace {

bool before_open(state s) noexcept { return s == state::fresh || s == state::handshaking; }
bool sent_close(state s) noexcept { return s == state::close_sent || s == state::closed; }
bool got_close(state s) noexcept { return s == state::close_received || s == state::closed; }

bool data_after_close(std::error_code ec) noexcept {
  return ec.category() == openssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY;
}

// Whose job it would be: waiting for the peer's close_notify is reading.
action job_of(action a, state before) noexcept {
  if (a == action::wait_readable) return action::read;
  return a == action::shutdown && sent_close(before) ? action::read : a;
}

// What a peer can make this side hold back: see "Memory" in docs/architecture.md.
constexpr std::uint64_t most_held = 200'000;

} // namespace

std::string_view to_string(action a) noexcept {
  switch (a) {
  case action::handshake: return "handshake";
  case action::read: return "read";
  case action::write: return "write";
  case action::shutdown: return "shutdown";
  case action::flush: return "flush";
  case action::wait_readable: return "wait_readable";
  case action::wait_writable: return "wait_writable";
  }
  return "?";
}

// ---- what the test does ----

void reference::modes_changed(mode_set added, mode_set removed, const view& before, mode_set now) {
  if (!before.job) modes_ = (modes_ | added) - removed;
  expect(now == modes_, "modes are added and taken out one by one, and not while a job is paused");
}

void reference::key_update_answered(std::error_code ec, bool both, bool tls13, const view& before) {
  if (before.job || surely_begun_)
    return expect(ec == error::operation_in_progress, "keys change between writes and jobs");
  if ((offered_ != 0 || committed_) && ec == error::operation_in_progress) return;
  if (before_open(before.state)) return expect(ec == error::handshake_needed, "keys need a handshake");
  if (before.state == state::failed)
    return expect(ec == failed_with_ || !failed_with_, "a failed connection says why");
  if (sent_close(before.state))
    return expect(ec == error::write_after_shutdown, "no new keys after close_notify");
  if (!tls13) return expect(ec == error::bad_option, "TLS 1.2 has no KeyUpdate");
  if (ec == error::operation_in_progress)
    return expect(both && (update_asked_ || peer_->asked_peer_),
                  "only a waiting KeyUpdate stands in the way of another");
  expect(!ec, "keys can be changed");
  update_asked_ = true;
  if (both) asked_peer_ = true;
}

void reference::reset() noexcept {
  const mode_set modes = modes_;
  reference* const peer = peer_;
  const bool keeps = keeps_buffers_;
  *this = {};
  modes_ = modes;
  keeps_buffers_ = keeps;
  peer_ = peer;
}

// ---- every operation ----

void reference::judge(action a, const view& before, const step& s, const view& after,
                      const transport_says& said) {
  expect(s.complete() || (!s.error && s.bytes == 0), "an operation that stopped has no result");
  expect(!s.error || s.bytes == 0, "an error comes without bytes");
  expect(s.bytes == 0 || a == action::read || a == action::write, "only reads and writes move bytes");
  expect(after.modes == modes_, "operations change no modes");
  judge_state(a, before, after);
  judge_stop(a, before, s, after, said);
  judge_job(a, before, s, after);
  judge_numbers(before, after);
  if (s.complete()) judge_error(a, before, s, after);
  if (after.state == state::failed) {
    if (before.state != state::failed && offered_ != 0) maybe_ += std::max(given_, before.unfinished);
    if (before.state != state::failed) offered_ = sealed_ = given_ = 0, surely_begun_ = false;
    if (s.error && a != action::flush) failed_with_ = s.error;
  }
  if (sent_close(after.state)) close_asked_ = true;
}

// Which way the state may go; a job that nobody waits for is brought to its end by whoever comes.
void reference::judge_state(action a, const view& before, const view& after) const {
  const state from = before.state, to = after.state;
  if (from == to) return;
  expect(from != state::failed, "a failed connection stays failed");
  if (before_open(from)) {
    expect(a == action::handshake, "only a handshake leads on");
    expect(to != state::fresh && !sent_close(to) && !got_close(to),
           "a handshake leads to an open connection");
    return expect(to != state::failed || !unharmed(), "a handshake fails for a reason");
  }
  expect(!before_open(to), "there is one handshake");
  const bool helps = before.job && (abandoned_ || !owner_known_);
  const bool reads = a == action::read || a == action::wait_readable || a == action::shutdown || helps;
  const bool shuts = a == action::shutdown || (helps && owner_ == action::shutdown) || !owner_known_;
  if (to == state::failed) return expect(bad_wire_, "only a broken record ends an open connection");
  expect(sent_close(to) >= sent_close(from) && got_close(to) >= got_close(from), "close_notify is for ever");
  if (sent_close(to) != sent_close(from)) expect(shuts, "only a shutdown sends close_notify");
  if (got_close(to) == got_close(from)) return;
  expect(reads, "only reading finds the peer's close_notify");
  expect(peer_->close_asked_ || bad_wire_, "close_notify comes from the peer's shutdown");
}

void reference::judge_stop(action a, const view& before, const step& s, const view& after,
                           const transport_says& said) const {
  switch (s.why) {
  case suspend::none: return;
  case suspend::want_read: // 5
    expect(said.nothing_to_read, "want_read is said only when the transport had nothing");
    expect(a != action::flush && a != action::wait_writable, "sending does not wait for the peer's bytes");
    if (!after.job && !after.unopened && !bad_wire_ && !before_open(after.state) && !keeps_buffers_) // 7
      expect(after.stats.buffers_released > before.stats.buffers_released,
             "an idle connection has no buffers");
    return;
  case suspend::want_write: // 1 and 3
    expect(after.held, "want_write is said only with bytes held back");
    return expect(said.no_room, "want_write is said only when the transport did not take all");
  case suspend::want_async: return expect(after.job, "want_async is said only with a paused job");
  case suspend::want_turn: // 9
    return expect(before.job && after.job, "a turn is waited for only behind a paused job");
  case suspend::want_async_job:
  case suspend::want_client_hello:
  case suspend::want_certificate:
  case suspend::want_verify: break;
  }
  expect(false, "nothing else can be waited for here");
}

// 9: while a job is paused only its owner enters OpenSSL.
void reference::judge_job(action a, const view& before, const step& s, const view& after) {
  const action as = job_of(a, before.state);
  if (before.job && owner_known_ && !abandoned_) {
    if (as != owner_) {
      expect(after.job && after.pauses == before.pauses, "nobody but its owner resumes a job");
      expect(after.stats.cipher_read == before.stats.cipher_read &&
                 after.stats.plain_written == before.stats.plain_written && after.state == before.state,
             "while a job is paused nobody but its owner gets anywhere");
      return;
    }
    expect(s.why != suspend::want_turn, "the owner of a job need not wait for its turn");
  }
  if (!after.job) {
    if (s.complete() && !s.error && (a == action::read || a == action::write)) committed_ = false;
    owner_known_ = true;
    abandoned_ = false;
    return;
  }
  if (a == action::read && s.bytes != 0) { // it gave what it had; the job is whoever comes next's
    owner_known_ = true;
    owner_ = action::read;
    abandoned_ = true;
  } else if (!before.job && !committed_) {
    owner_known_ = true;
    const bool sending = a != action::shutdown || before.state == after.state;
    owner_ = sending ? as : action::read;
    abandoned_ = false;
  } else if (abandoned_ || committed_ || !owner_known_) {
    owner_known_ = false; // the old one still, or already one of this operation
    abandoned_ = false;
  }
}

void reference::judge_numbers(const view& before, const view& after) const {
  const auto numbers = [](const stats& s) {
    return std::array{s.plain_read,      s.plain_written,   s.cipher_read,    s.cipher_written,
                      s.transport_reads, s.spilled,         s.spill_peak,     s.transport_writes,
                      s.suspended_read,  s.suspended_write, s.suspended_async};
  };
  const auto was = numbers(before.stats), is = numbers(after.stats);
  for (std::size_t i = 0; i < was.size(); ++i) expect(is[i] >= was[i], "counters only grow");
  expect(after.stats.spill_peak < most_held, "what is held back for the peer is bounded");
}

bool reference::transports_error(std::error_code ec) const noexcept {
  if (reads_may_fail_ && (ec == error::stream_truncated || ec == std::errc::connection_reset)) return true;
  return writes_may_fail_ && (ec == std::errc::broken_pipe || ec == std::errc::timed_out);
}

void reference::judge_error(action a, const view& before, const step& s, const view& after) {
  const std::error_code ec = s.error;
  const bool data = a == action::read || a == action::write || a == action::shutdown;
  if (a == action::flush) return expect(!ec || transports_error(ec), "flushing fails with the transport");
  if (before_open(before.state) && a != action::handshake)
    return expect(ec == error::handshake_needed, "the handshake comes first");
  if (a == action::wait_readable || a == action::wait_writable) return expect(!ec, "waiting does not fail");
  if (before.state == state::failed) {
    expect(!data || ec, "a failed connection works no more");
    return expect(ec == failed_with_ || !failed_with_, "a failed connection says the same always");
  }
  if (a == action::handshake && ec == error::fallback_scsv_misuse) // 6
    return expect(before.state == state::fresh && modes_.contains(mode::send_fallback_scsv), "no fallback");
  if (a == action::handshake && before.state == state::fresh)
    expect(!modes_.contains(mode::send_fallback_scsv), "an ordinary handshake with the fallback is misuse");
  if (a == action::write && sent_close(after.state))
    return expect(ec == error::write_after_shutdown, "nothing is written after close_notify");
  if (a == action::read && got_close(before.state))
    return expect(ec == error::end_of_stream, "nothing is read after the peer's close_notify");
  if (!ec) { // what was waited for is with the transport
    // But OpenSSL answers a KeyUpdate also after close_notify, and nobody waits for that.
    const bool answer = a == action::shutdown && after.state == state::closed && peer_->asked_peer_;
    if ((a == action::write || a == action::shutdown || a == action::handshake) && !answer)
      expect(!after.held, "a complete operation holds nothing back");
    if (a == action::handshake)
      expect(after.state != state::handshaking && after.state != state::fresh, "it is done when it says so");
    return;
  }
  if (bad_wire_ || transports_error(ec)) return;
  if (a == action::read && ec == error::end_of_stream) {
    expect(got_close(after.state), "the end is the peer's close_notify");
    return expect(dropped_ || received_ == peer_->told_, "close_notify comes after every byte");
  }
  if (a == action::write && (ec == error::write_buffer_moved || ec == error::write_retry_too_short)) return;
  if (a == action::shutdown && (ec == error::operation_in_progress || data_after_close(ec))) return;
  expect(false, "nothing fails without a reason");
}

// ---- one kind of operation each ----

// 2: what the modes of a write promise, and 1: what n means.
void reference::judge_write(std::size_t total, const void* address, const view& before, const step& s,
                            const view& after) {
  if (after.state == state::failed || before_open(before.state) || total == 0) return;
  const bool moving = modes_.contains(mode::accept_moving_write_buffer);
  const bool moved = offered_ != 0 && (address != address_ || total != offered_);
  if (s.error == error::write_buffer_moved) return expect(moved && !moving, "a buffer that did not move");
  if (s.error == error::write_retry_too_short)
    return expect(offered_ != 0 && total < before.unfinished, "a retry that is long enough");
  if (surely_begun_ && s.complete() && !s.error) {
    expect(!moved || moving, "a moved buffer is refused without accept_moving_write_buffer");
    expect(total >= before.unfinished, "a retry with fewer bytes than are sealed is refused");
  }
  if (s.error) {
    expect(!surely_begun_ || s.error != error::write_after_shutdown,
           "an unfinished write comes before close_notify");
    maybe_ = after.stats.plain_written - told_;
    offered_ = sealed_ = given_ = 0;
    surely_begun_ = false;
    if (!after.job || (owner_known_ && owner_ != action::write)) return;
    committed_ = true; // nobody repeats it: whoever comes next ends its job
    abandoned_ = owner_known_;
    return;
  }
  if (!s.complete()) {
    const std::size_t sealed = after.stats.plain_written - told_ - maybe_;
    expect(after.unfinished >= sealed && sealed >= sealed_, "what is sealed stays sealed");
    if (offered_ == 0) surely_begun_ = !(before.job || committed_ || abandoned_) || after.unfinished != 0;
    if (!surely_begun_ && after.unfinished != 0) surely_begun_ = true;
    sealed_ = sealed;
    given_ = after.unfinished;
    // A wrong retry stops, too, if it stops before it is looked at.
    if (moving || offered_ == 0) offered_ = std::max(offered_, total), address_ = address;
    if (!after.job) expect(told_ + sealed_ == after.stats.plain_written, "every sealed byte is counted once");
    return;
  }
  expect(s.bytes > 0 && s.bytes <= total, "a write takes at least one byte, and no more than it was given");
  expect(s.bytes >= sealed_, "a write owns up to all that it sealed");
  if (!modes_.contains(mode::enable_partial_write))
    expect(s.bytes == total, "without enable_partial_write a write is all or nothing");
  told_ += s.bytes;
  offered_ = sealed_ = given_ = 0;
  surely_begun_ = false;
  update_asked_ = false;
  if (!after.job) expect(told_ + maybe_ == after.stats.plain_written, "every sealed byte is told once");
}

void reference::judge_cancelled_write(std::size_t n, const view& before) {
  expect(n == before.unfinished, "a cancelled write tells what is sealed");
  expect(n <= offered_, "and no more than it was given");
  if (before.job && (owner_ == action::write || !owner_known_)) {
    committed_ = true;
    if (owner_known_) abandoned_ = true;
  }
  told_ += n;
  offered_ = sealed_ = given_ = 0;
  surely_begun_ = false;
}

void reference::judge_read(std::size_t room, const step& s) {
  if (!s.complete() || s.error) return;
  expect(s.bytes > 0 && s.bytes <= room, "a read gives at least one byte, and no more than there is room");
  received_ += s.bytes;
  if (!dropped_)
    expect(received_ <= peer_->told_ + peer_->given_ + peer_->maybe_, "a byte was read that nobody sent");
}

void reference::judge_shutdown(shutdown_form form, const step& s, const view& before, const view& after) {
  if (before_open(before.state) || before.state == state::failed) return;
  if (surely_begun_)
    return expect(s.error == error::operation_in_progress, "a shutdown waits for the unfinished write");
  if (before.job && owner_known_ && owner_ == action::shutdown)
    expect(s.error != error::operation_in_progress, "a shutdown that has begun can go on");
  if (s.error == error::operation_in_progress)
    return expect(offered_ != 0, "a shutdown is refused only in the middle of a write");
  close_asked_ = true;
  if (form == shutdown_form::drain) dropped_ = true;
  if (data_after_close(s.error) && !bad_wire_) {
    expect(form == shutdown_form::wait_for_peer, "only the drop-in shutdown minds unread data");
    expect(received_ < peer_->told_ + peer_->given_ + peer_->maybe_, "there is no unread data");
  }
  if (!s.complete() || s.error) return;
  expect(sent_close(after.state), "a complete shutdown has sent close_notify");
  if (form != shutdown_form::send_only)
    expect(after.state == state::closed, "a complete shutdown has what it waited for");
}

void reference::judge_the_end(const view& after) const {
  if (!unharmed() || !peer_->unharmed()) return;
  expect(offered_ == 0 && !after.held, "nothing is left over");
  expect(after.state == state::closed, "close_notify went both ways");
  if (!dropped_) expect(received_ == peer_->told_, "every byte that was promised has arrived");
}

} // namespace tlsmode::model
