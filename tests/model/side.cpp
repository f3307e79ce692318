// SPDX-License-Identifier: BSL-1.0
// What is done to an engine at random.
#include "side.hpp"

#include "expect.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>

namespace tlsmode::model {

using test::no_limit;
using state = connection_state;
using point = test::job_pauser::point;

side::side(test::endpoint& e, randomness& random, const traffic& sends, const traffic& gets, bool jobs,
           const log& tell)
    : end_(e), random_(random), sends_(sends), gets_(gets), jobs_(jobs), tell_(tell), pauser_(e.native()),
      transport_(e.wire, random() % 2 == 0), room_(24 * 1024) {
  if (one_in(2)) SSL_set_max_send_fragment(e.native(), 512 + static_cast<long>(up_to(15'000)));
  if (jobs) {
    e.tls.set_mode(mode::async);
    if (!one_in(4)) e.tls.set_job_scope(job_scope::all);
  }
  promises_.begins_with(e.tls.mode());
}

view side::look() const {
  const engine& e = end_.tls;
  return {e.state(),
          e.job_paused(),
          e.flush_pending(),
          e.alert_pending(),
          e.holds_ciphertext() || arrives_.inside_a_record(),
          e.unfinished_write(),
          e.stats(),
          e.mode(),
          pauser_.pauses()};
}

bool side::over() const noexcept {
  return end_.tls.state() == state::closed || end_.tls.state() == state::failed;
}

void side::say(std::string_view what, std::size_t n, const step* s) {
  if (!tell_) return;
  std::string line = end_.side == role::client ? "client " : "server ";
  line.append(what).append(" ").append(std::to_string(n));
  if (s != nullptr) {
    line += s->complete() ? " -> " + std::to_string(s->bytes) : " -> " + std::string(to_string(s->why));
    if (s->error) line += ", " + s->error.message();
  }
  const view v = look();
  line.append(" [").append(to_string(v.state)).append(v.job ? " job" : "").append(v.held ? " held" : "");
  tell_(line + "]");
}

template <class Operation>
step side::judged(action a, std::size_t size, const view& before, const Operation& operation) {
  (void)transport_.take();
  const step s = operation();
  say(to_string(a), size, &s);
  promises_.judge(a, before, s, look(), transport_.take());
  return s;
}

void side::take_a_step() {
  const state now = end_.tls.state();
  if ((now == state::fresh || now == state::handshaking) && !one_in(4)) return shake_hands();
  switch (up_to(24)) {
  case 0:
  case 1:
  case 2:
  case 3:
  case 4: return write();
  case 5:
  case 6:
  case 7:
  case 8:
  case 9: return read();
  case 10:
  case 11: return change_limits();
  case 12: return change_modes();
  case 13: return update_keys();
  case 14:
  case 15: return pause();
  case 16:
  case 17:
  case 18: return wait();
  case 19: return one_in(4) ? cancel_write() : write();
  case 20: return one_in(3) ? cancel_something() : read();
  case 21: return one_in(12) ? shut_down() : read();
  case 22: return write_badly();
  case 23: return shake_hands();
  default: return write();
  }
}

// ---- operations ----

void side::shake_hands() {
  const view before = look();
  const bool wrong = before.state != state::fresh && before.state != state::failed && one_in(16);
  const role as = wrong == (end_.side == role::client) ? role::server : role::client;
  if (wrong) {
    const step s = end_.tls.handshake(transport_, as);
    expect(before.alert || s.error == error::wrong_role, "one handshake has one role");
    return say("handshake in the wrong role", 0, &s);
  }
  judged(action::handshake, 0, before, [&] { return end_.tls.handshake(transport_, as); });
}

// The same bytes somewhere else, and something else where they were.
const_buffer side::place_for(const_buffer content) {
  std::vector<std::byte> fresh(content.begin(), content.end());
  std::fill(own_.begin(), own_.end(), std::byte{'!'});
  own_.swap(fresh);
  return own_;
}

void side::write() {
  const bool moving = end_.tls.mode().contains(mode::accept_moving_write_buffer);
  if (offered_ == 0) {
    offered_ = 1 + (one_in(2) ? up_to(200) : one_in(4) ? up_to(60'000) : up_to(9'000));
    in_own_ = one_in(4);
    if (in_own_) place_for(sends_.piece(promises_.told(), offered_));
  } else if (moving && one_in(2)) {
    if (one_in(4)) offered_ = std::max<std::size_t>(end_.tls.unfinished_write(), 1 + up_to(60'000));
    in_own_ = true;
    place_for(sends_.piece(promises_.told(), offered_));
  }
  const const_buffer all = in_own_ ? const_buffer(own_) : sends_.piece(promises_.told(), offered_);
  const std::size_t first = one_in(3) ? up_to(static_cast<unsigned>(all.size())) : all.size();
  const std::size_t second = up_to(static_cast<unsigned>(all.size() - first));
  const std::array<const_buffer, 4> parts{all.first(0), all.first(first), all.subspan(first, second),
                                          all.subspan(first + second)};
  const view before = look();
  const step s = judged(action::write, offered_, before, [&] { return end_.tls.write(transport_, parts); });
  promises_.judge_write(offered_, all.data(), before, s, look());
  if (s.complete()) offered_ = 0;
}

// Retries that a caller must not make.
void side::write_badly() {
  if (offered_ == 0 || !promises_.surely_begun()) return write();
  const bool moving = end_.tls.mode().contains(mode::accept_moving_write_buffer);
  const std::size_t sealed = end_.tls.unfinished_write();
  if (moving && sealed < 2) return write();
  // Where the buffer may move fewer bytes than are sealed are wrong, else any other address.
  const std::size_t total = moving ? 1 + up_to(static_cast<unsigned>(sealed - 2)) : offered_;
  const const_buffer right = sends_.piece(promises_.told(), total);
  const std::vector<std::byte> elsewhere(right.begin(), right.end());
  const const_buffer wrong = elsewhere;
  const view before = look();
  const step s = judged(action::write, total, before, [&] {
    return end_.tls.write(transport_, {&wrong, 1});
  });
  promises_.judge_write(total, elsewhere.data(), before, s, look());
  if (s.error != error::write_buffer_moved && s.error != error::write_retry_too_short && s.complete())
    offered_ = 0;
}

void side::cancel_write() {
  const view before = look();
  const std::size_t n = end_.tls.cancel_write();
  say("cancels the write, sealed", n);
  promises_.judge_cancelled_write(n, before);
  offered_ = 0;
}

void side::read() {
  const std::size_t first = up_to(100);
  const std::size_t second = one_in(3) ? up_to(200) : up_to(20'000);
  const mutable_buffer room = mutable_buffer(room_).first(first + second);
  std::fill(room.begin(), room.end(), std::byte{'?'});
  const std::array<mutable_buffer, 3> parts{room.first(first), room.first(0), room.subspan(first)};
  const view before = look();
  const std::uint64_t position = promises_.received();
  if (room.empty()) return;
  const step s = judged(action::read, room.size(), before, [&] { return end_.tls.read(transport_, parts); });
  promises_.judge_read(room.size(), s);
  if (!promises_.dropped_data())
    expect(gets_.matches(position, room.first(s.bytes)),
           "a read gives the bytes that were written, in order");
  for (const std::byte b : room.subspan(s.bytes))
    if (b != std::byte{'?'}) return expect(false, "a read touches no memory beyond its bytes");
}

void side::shut_down() {
  const auto form = static_cast<shutdown_form>(up_to(2));
  const view before = look();
  const step s = judged(action::shutdown, static_cast<std::size_t>(form), before,
                        [&] { return end_.tls.shutdown(transport_, form); });
  promises_.judge_shutdown(form, s, before, look());
}

void side::wait() {
  const view before = look();
  const unsigned which = up_to(2);
  if (which == 0) {
    judged(action::flush, 0, before, [&] { return end_.tls.flush(transport_); });
  } else if (which == 1) {
    judged(action::wait_writable, 0, before, [&] { return end_.tls.wait_writable(transport_); });
  } else {
    const step s =
        judged(action::wait_readable, 0, before, [&] { return end_.tls.wait_readable(transport_); });
    const bool nothing_lost = look().stats.plain_read == before.stats.plain_read;
    expect(nothing_lost || !s.complete(), "waiting moves no plaintext");
  }
}

void side::cancel_something() {
  switch (up_to(2)) {
  case 0:
    say("cancels the read", 0);
    end_.tls.cancel_read();
    return promises_.cancelled(action::read);
  case 1:
    say("cancels the shutdown", 0);
    end_.tls.cancel_shutdown();
    return promises_.cancelled(action::shutdown);
  default:
    say("cancels the handshake", 0);
    end_.tls.cancel_handshake(); // asks nobody here, so it changes nothing
    if (end_.tls.alert_pending() && one_in(2)) {
      promises_.writes_may_fail();
      end_.tls.drop_output();
    }
  }
}

// ---- surroundings ----

void side::change_modes() {
  // Those of a write are those that it began with.
  constexpr std::array all{mode::auto_retry, mode::release_buffers, mode::enable_partial_write,
                           mode::accept_moving_write_buffer, mode::send_fallback_scsv};
  // Where the fallback is misuse; elsewhere it would only be refused by the server.
  const bool fresh = end_.tls.state() == state::fresh &&
                     (end_.side == role::server || SSL_get_max_proto_version(end_.native()) == 0);
  const unsigned which = up_to(offered_ != 0 ? 1 : fresh ? 4 : 3);
  const mode_set some = all[which];
  const view before = look();
  const bool add = one_in(2) && (which != 4 || one_in(2));
  const mode_set now = add ? end_.tls.set_mode(some) : end_.tls.clear_mode(some);
  say((add ? "sets " : "clears ") + to_string(some), 0);
  promises_.modes_changed(add ? some : mode_set(), add ? mode_set() : some, before, now);
  if (which != 4) return;
  shake_hands(); // which is refused if the fallback was just set
  const view then = look();
  promises_.modes_changed({}, some, then, end_.tls.clear_mode(some));
}

void side::change_limits() {
  end_.wire.set_capacity(one_in(2) ? no_limit : up_to(30'000));
  end_.wire.set_chunk(one_in(2) ? no_limit : one_in(4) ? 1 + up_to(20) : 1 + up_to(20'000));
  end_.tls.set_batch_limit(up_to(100'000));
  end_.tls.set_read_ahead(one_in(4) ? 0 : up_to(200'000));
  const bool keeps = one_in(4);
  end_.tls.set_keep_buffers(keeps);
  promises_.buffers_kept(keeps);
  if (one_in(3)) {
    std::optional<record_sizing> sizing;
    if (one_in(2))
      sizing.emplace(record_sizing{static_cast<std::uint32_t>(1 + up_to(20'000)),
                                   static_cast<std::uint32_t>(1 + up_to(50)), std::chrono::milliseconds(1)});
    end_.tls.set_record_sizing(sizing);
  }
}

void side::update_keys() {
  const view before = look();
  const bool both = one_in(2);
  const std::error_code ec = end_.tls.update_keys(both);
  say("updates keys: " + ec.message(), both ? 2 : 1);
  promises_.key_update_answered(ec, both, SSL_version(end_.native()) == TLS1_3_VERSION, before);
}

void side::pause() {
  if (!jobs_ || one_in(2)) return pauser_.disarm();
  constexpr std::array points{point::record_in, point::record_out, point::certificate};
  pauser_.arm(points[up_to(2)], static_cast<int>(up_to(2)));
}

void side::receive(test::endpoint& from, std::size_t most) {
  const const_buffer bytes = from.wire.output().first(std::min(from.wire.output().size(), most));
  if (bytes.empty()) return;
  // What was fed comes first, so nothing may wait in the transport.
  const bool ahead = end_.wire.unread() == 0 && one_in(16);
  expect(ahead ? end_.tls.feed(bytes) : end_.wire.feed(bytes), "there is memory");
  const std::size_t n = bytes.size();
  arrives_.pass(bytes);
  from.wire.consume(n);
  say(ahead ? "is fed" : "receives", n);
}

void side::break_transport() {
  const unsigned how = up_to(2);
  say(how == 0 ? "has eof" : how == 1 ? "cannot read" : "cannot write", 0);
  if (how == 0) end_.wire.feed_eof();
  if (how == 1) end_.wire.fail_reads(std::make_error_code(std::errc::connection_reset));
  if (how == 2) end_.wire.fail_writes(std::make_error_code(std::errc::broken_pipe));
  how == 2 ? promises_.writes_may_fail() : promises_.reads_may_fail();
}

void side::break_wire() {
  const std::string was = test::text_of(end_.wire.input());
  if (was.empty()) return;
  std::string now = was;
  now[up_to(static_cast<unsigned>(was.size() - 1))] ^= static_cast<char>(1 << up_to(7));
  say("gets a bad bit among", was.size());
  const mutable_buffer gone = mutable_buffer(room_).first(std::min(room_.size(), was.size()));
  end_.wire.set_chunk(no_limit);
  for (std::size_t n = 0; n < was.size();) n += end_.wire.read(gone).n;
  expect(end_.wire.feed(test::bytes_of(now)), "there is memory");
  promises_.wire_is_bad();
}

// ---- the end ----

void side::calm_down() {
  pauser_.disarm();
  end_.wire.set_capacity(no_limit);
  end_.wire.set_chunk(no_limit);
}

void side::give_up() {
  calm_down();
  if (offered_ != 0) cancel_write();
  end_.tls.cancel_read();
  promises_.cancelled(action::read);
  end_.tls.cancel_shutdown();
  promises_.cancelled(action::shutdown);
}

void side::finish() {
  calm_down();
  const auto give_up_jobs = [this] {
    end_.tls.cancel_read();
    promises_.cancelled(action::read);
    if (offered_ != 0) end_.tls.cancel_shutdown();
    if (offered_ != 0) promises_.cancelled(action::shutdown);
  };
  for (int i = 0; i < 1000 && offered_ != 0; ++i) {
    give_up_jobs();
    write();
  }
  expect(offered_ == 0, "without trouble a write comes to its end");
  step s;
  for (int i = 0; i < 10; ++i) {
    const view before = look();
    s = judged(action::shutdown, 0, before,
               [&] { return end_.tls.shutdown(transport_, shutdown_form::send_only); });
    promises_.judge_shutdown(shutdown_form::send_only, s, before, look());
    if (s.complete()) return;
    give_up_jobs();
  }
  expect(false, "without trouble a shutdown comes to its end");
}

void side::read_to_the_end() {
  for (int i = 0; i < 100'000 && end_.last.complete() && !end_.last.error; ++i) {
    const view before = look();
    const std::uint64_t position = promises_.received();
    const mutable_buffer room = room_;
    end_.last = judged(action::read, room.size(), before, [&] {
      return end_.tls.read(transport_, {&room, 1});
    });
    promises_.judge_read(room.size(), end_.last);
    if (!promises_.dropped_data())
      expect(gets_.matches(position, room.first(end_.last.bytes)),
             "a read gives the bytes that were written, in order");
  }
}

void side::reset() {
  say("is reset", 0);
  const std::error_code ec = end_.tls.reset();
  expect(!ec, "an engine can be reset");
  end_.wire = {};
  end_.last = {suspend::want_read, 0, {}};
  offered_ = 0;
  arrives_ = {};
  promises_.reset();
  const view v = look();
  expect(v.state == state::fresh && !v.job && !v.held && v.unfinished == 0, "a reset leaves nothing behind");
  expect(v.modes == promises_.modes(), "a reset keeps the modes");
  expect(v.stats.cipher_read == 0 && v.stats.plain_written == 0, "a reset begins counting anew");
}

} // namespace tlsmode::model
