// SPDX-License-Identifier: BSL-1.0
// The engine's operations: handshake, read, write, flush; shutdown is in engine_shutdown.cpp. What OpenSSL
// answers is interpreted in engine_call.cpp.
#include "bio.hpp"
#include "client_checks.hpp"
#include "engine_call.hpp"
#include "held_record.hpp"
#include "hook_bridge.hpp"
#include "rare_settings.hpp"

#include <tlsmode/engine.hpp>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

namespace tlsmode {
namespace {

constexpr std::size_t max_record = SSL3_RT_MAX_PLAIN_LENGTH;

std::size_t total_size(auto buffers) noexcept {
  std::size_t n = 0;
  for (const auto& b : buffers) n += b.size();
  return n;
}

// The position `offset` bytes into a buffer sequence, and how to copy on from there.
struct cursor {
  std::span<const const_buffer> rest;
  std::size_t inside = 0;

  cursor(std::span<const const_buffer> buffers, std::size_t offset) noexcept : rest(buffers) {
    while (!rest.empty() && offset >= rest.front().size()) {
      offset -= rest.front().size();
      rest = rest.subspan(1);
    }
    inside = offset;
  }
  [[nodiscard]] const_buffer piece() const noexcept { return rest.front().subspan(inside); }
  std::size_t copy_to(mutable_buffer to) noexcept {
    std::size_t n = 0;
    while (n < to.size() && !rest.empty()) {
      const const_buffer p = piece();
      const std::size_t k = std::min(p.size(), to.size() - n);
      std::copy_n(p.begin(), k, to.begin() + static_cast<std::ptrdiff_t>(n));
      n += k;
      rest = rest.subspan(1);
      inside = 0;
    }
    return n;
  }
};

// Where small buffers are put together into one record; wiped after each use.
mutable_buffer scratch() {
  static thread_local const std::unique_ptr<std::byte[]> memory(new std::byte[max_record]);
  return {memory.get(), max_record};
}

} // namespace

// ---- handshake ----

step engine::handshake(transport& t, role r) {
  const transport_binding bound(*this, t);
  if (failing_) return deliver_failure();
  if (const std::error_code ec = check_handshake(r)) return {suspend::none, 0, ec};
  if (state_.now() == connection_state::fresh)
    if (const std::error_code ec = begin_handshake(r)) return finish_failed(operation::handshake, ec);
  push_spill();
  const std::uint64_t spilled = stats_.spilled - spill_.size();
  // Tickets may wait in the spill for this.
  const auto send_all = [&] {
    push_spill();
    stats_.spilled = std::max(stats_.spilled, spilled + spill_.size());
  };
  while (state_.now() == connection_state::handshaking) {
    const call_result result = call(operation::handshake, [&] { return SSL_do_handshake(ssl_.get()); });
    if (result.what == outcome::ok) {
      if (const std::error_code ec = finish_handshake()) return finish_failed(operation::handshake, ec);
    } else if (result.what != outcome::again) {
      send_all(); // a ticket does not wait for what the next one needs
      return finish_call(operation::handshake, result);
    }
  }
  send_all();
  if (write_error_) return finish_failed(operation::handshake, write_error_);
  return spill_.empty() ? step{} : stop(suspend::want_write);
}

std::error_code engine::check_handshake(role r) const noexcept {
  const connection_state now = state_.now();
  if (now == connection_state::failed) return failed_with_;
  if (now != connection_state::fresh) return r == role_ ? std::error_code() : error::wrong_role;
  if (r == role::client && host_needed_) return error::host_name_needed;
  if (modes_.contains(mode::send_fallback_scsv)) {
    const auto highest = SSL_get_max_proto_version(ssl_.get());
    if (r == role::server || highest == 0 || highest == TLS_MAX_VERSION) return error::fallback_scsv_misuse;
  }
  return {};
}

std::error_code engine::begin_handshake(role r) noexcept {
  role_ = r;
  if (r == role::client)
    SSL_set_connect_state(ssl_.get());
  else
    SSL_set_accept_state(ssl_.get());
  hook_bridge::begin(*this);
  if (const std::error_code ec = prepare_sessions()) return ec;
  state_.on(detail::event::handshake_begun);
  return {};
}

std::error_code engine::finish_handshake() noexcept {
  std::error_code ec = hook_bridge::refusal(*this);
  if (!ec && role_ == role::server) ec = client_checks::done(*this);
  if (!ec) ec = check_resumption();
  if (ec) {
    say_goodbye();
    return ec;
  }
  state_.on(detail::event::handshake_done);
  apply_modes(); // jobs may end here
  enter_idle();
  return {};
}

// A handshake that is done for OpenSSL has failed for us. The only alert that OpenSSL lets us send, and not
// as a job.
void engine::say_goodbye() noexcept {
  SSL_clear_mode(ssl_.get(), SSL_MODE_ASYNC);
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

// ---- read ----

step engine::read(transport& t, std::span<const mutable_buffer> to) {
  if (total_size(to) == 0) return {};
  const transport_binding bound(*this, t);
  if (failing_) return deliver_failure();
  if (const std::error_code ec = ready_for(operation::read)) return {suspend::none, 0, ec};
  if (has_abandoned_work())
    if (const call_result r = finish_abandoned_work(); r.what != outcome::ok)
      return finish_call(operation::read, r);
  push_spill();

  std::size_t got = 0;
  for (mutable_buffer buffer : to) {
    while (!buffer.empty()) {
      if (got >= batch_limit_) return {suspend::none, got, {}};
      if (t.drained() && nothing_buffered()) { // OpenSSL could only say want_read
        if (got == 0) return finish_call(operation::read, {outcome::stopped, suspend::want_read, {}});
        return {suspend::none, got, {}};
      }
      std::size_t n = 0;
      const call_result r = open_some(buffer, n);
      if (r.what == outcome::again) continue;
      if (r.what != outcome::ok) {
        if (got == 0) return finish_call(operation::read, r);
        // The bytes go out first; a lasting failure is found again by the next read.
        if (r.what == outcome::failed) record_failure(operation::read, r.error);
        if (r.why == suspend::want_async || r.why == suspend::want_async_job)
          cancel_read(); // whoever comes next goes on with it
        return {suspend::none, got, {}};
      }
      stats_.plain_read += n;
      got += n;
      buffer = buffer.subspan(n);
    }
  }
  return {suspend::none, got, {}};
}

bool engine::nothing_buffered() const noexcept {
  return SSL_has_pending(ssl_.get()) == 0 && job_in_.empty() && !job_paused() && !read_error_ && !early_;
}

step engine::wait_readable(transport& t) {
  const transport_binding bound(*this, t);
  const std::error_code ec = ready_for(operation::read);
  if (ec == error::handshake_needed) return {suspend::none, 0, ec};
  if (ec || failing_) return {}; // what a read would report
  if (has_abandoned_work()) {
    const call_result r = finish_abandoned_work();
    if (r.what == outcome::failed && r.error != error::job_on_other_thread) {
      record_failure(operation::read, r.error);
      return {};
    }
    if (r.what != outcome::ok) return finish_call(operation::read, r);
  }
  push_spill();
  for (;;) {
    if (pending() != 0) return {};
    if (t.drained() && nothing_buffered())
      return finish_call(operation::read, {outcome::stopped, suspend::want_read, {}});
    const call_result r = peek();
    if (r.what == outcome::again) continue;
    if (r.what == outcome::stopped) return finish_call(operation::read, r);
    if (r.error == error::job_on_other_thread) return {suspend::none, 0, r.error};
    if (r.what == outcome::failed) record_failure(operation::read, r.error);
    return {};
  }
}

// Lets OpenSSL find out what comes next; plaintext stays where it is.
engine::call_result engine::peek() {
  if (reads_through_job()) return run_job_read();
  prepare_read_buffer();
  std::byte one{};
  std::size_t n = 0;
  const call_result r = call(operation::read, [&] { return SSL_peek_ex(ssl_.get(), &one, 1, &n); });
  OPENSSL_cleanse(&one, 1);
  return r;
}

engine::call_result engine::open_some(mutable_buffer to, std::size_t& opened) {
  if (reads_through_job()) {
    if (const call_result r = run_job_read(); r.what != outcome::ok) return r;
    opened = std::min(to.size(), job_in_.size());
    std::copy_n(job_in_.data(), opened, to.data());
    job_in_.consume(opened);
    return {};
  }
  prepare_read_buffer();
  return call(operation::read, [&] { return SSL_read_ex(ssl_.get(), to.data(), to.size(), &opened); });
}

// ---- write ----

step engine::write(transport& t, std::span<const const_buffer> from) {
  const std::size_t total = total_size(from);
  if (total == 0) return {};
  const transport_binding bound(*this, t);
  if (failing_) return deliver_failure();
  if (const std::error_code ec = ready_for(operation::write)) return {suspend::none, 0, ec};
  if (has_abandoned_work()) {
    if (const call_result r = finish_abandoned_work(); r.what != outcome::ok)
      return finish_call(operation::write, r);
    // If that was a shutdown, it is too late to write.
    if (const std::error_code ec = ready_for(operation::write)) return {suspend::none, 0, ec};
  }

  const std::byte* address = cursor(from, 0).piece().data();
  if (write_total_ == 0) {
    // The owner of that job could not go on with it if a write began now.
    if (job_owner_ == operation::shutdown) return stop(suspend::want_turn);
    write_address_ = address;
    write_sealed_ = 0;
  } else if (!modes_.contains(mode::accept_moving_write_buffer) &&
             (address != write_address_ || total != write_total_)) {
    return {suspend::none, 0, error::write_buffer_moved};
  } else if (total < unfinished_write()) {
    return {suspend::none, 0, error::write_retry_too_short};
  }
  write_total_ = total;
  if (detail::record_sizer* const s = sizer())
    s->write_at(detail::record_sizer::clock::now(), write_sealed_ != 0);

  const bool partial = modes_.contains(mode::enable_partial_write);
  const bool waited = write_sealed_ != 0; // some of it is sealed, and the step before this one stopped
  push_spill();
  detail::held_record held;
  for (;;) {
    if (write_error_) {
      cancel_write(); // nobody repeats it: whoever comes next ends its paused job
      return finish_failed(operation::write, write_error_);
    }
    if (!spill_.empty()) return stop(suspend::want_write);
    const bool enough = partial && write_sealed_ != 0 && (waited || write_sealed_ >= batch_limit_) &&
                        job_owner_ != operation::write; // a paused record belongs to this write
    if (write_sealed_ == total || enough) {
      write_total_ = 0;
      return {suspend::none, write_sealed_, {}};
    }
    std::size_t sealed = 0;
    const call_result r = seal_some(from, held, sealed);
    if (r.what != outcome::ok && r.what != outcome::again) {
      send_held();
      return finish_call(operation::write, r);
    }
    if (detail::record_sizer* const s = sizer(); s != nullptr && sealed != 0) s->sealed();
    write_sealed_ += sealed;
    stats_.plain_written += sealed;
  }
}

// Seals one record of the unfinished write. OpenSSL cannot keep a pointer into `from`: its BIO takes the
// whole record at once, and a job, which may be paused, is given memory of ours.
engine::call_result engine::seal_some(std::span<const const_buffer> from, detail::held_record& held,
                                      std::size_t& sealed) {
  const auto seal = [&](const_buffer record) {
    const std::size_t after = write_sealed_ + record.size();
    more_follows_ =
        after < write_total_ && (after < batch_limit_ || !modes_.contains(mode::enable_partial_write));
    const call_result r = call(
        operation::write, [&] { return SSL_write_ex(ssl_.get(), record.data(), record.size(), &sealed); });
    more_follows_ = false;
    if (r.what == outcome::ok && sealed < record.size())
      record_limit_ = std::min(record_limit_, static_cast<std::uint32_t>(sealed));
    return r;
  };
  const auto seal_in_job = [&] {
    const std::size_t before = job_out_.size();
    const call_result r = run_job_write();
    sealed = before - job_out_.size();
    if (r.what == outcome::ok) job_out_.consume(job_out_.size()); // the rest is gathered again
    return r;
  };
  if (job_owner_ == operation::write) return seal_in_job();
  cursor at(from, write_sealed_);
  std::uint32_t most = record_limit_;
  if (const detail::record_sizer* const s = sizer()) most = s->limit(most);
  std::size_t want = std::min<std::size_t>(write_total_ - write_sealed_, most);
  if (modes_.contains(mode::enable_partial_write)) want = std::min(want, batch_limit_ - write_sealed_);
  if (job_scope_covers(operation::write)) {
    if (!job_out_.make())
      return {outcome::failed, suspend::none, std::make_error_code(std::errc::not_enough_memory)};
    job_out_.set_filled(at.copy_to(job_out_.block().first(want)));
    return seal_in_job();
  }
  if (at.piece().size() < want && want == most && sizer() == nullptr) {
    if (const std::size_t n = short_record_first(from, most); n != 0) {
      want = n;
      held_ = &held;
    }
  }
  if (at.piece().size() >= want) return seal(at.piece().first(want));
  const mutable_buffer record = scratch().first(want);
  at.copy_to(record);
  const call_result r = seal(record);
  OPENSSL_cleanse(record.data(), record.size());
  return r;
}

// A header before a full record makes two records either way. If the short one goes first, the other need not
// be put together, and both leave in one move. Its length then; 0 if there is nothing to gain.
std::size_t engine::short_record_first(std::span<const const_buffer> from, std::size_t most) const noexcept {
  std::size_t left = write_total_ - write_sealed_;
  if (modes_.contains(mode::enable_partial_write)) left = std::min(left, batch_limit_ - write_sealed_);
  const std::size_t n = left % most;
  if (n == 0 || n > detail::held_record::most_plain) return 0;
  const cursor next(from, write_sealed_ + n); // not the end: `left` is no less than `most`
  return next.inside == 0 && next.piece().size() >= most ? n : 0;
}

std::size_t engine::cancel_write() noexcept {
  if (write_total_ == 0) return 0;
  write_total_ = 0;
  abandon_job_of(operation::write);
  if (job_owner_ != operation::write) return write_sealed_;
  write_committed_ = true; // OpenSSL has these bytes and cannot give them back
  stats_.plain_written += job_out_.size();
  return write_sealed_ + job_out_.size();
}

// ---- flush ----

step engine::flush(transport& t) {
  const transport_binding bound(*this, t);
  push_spill();
  if (write_error_) return {suspend::none, 0, write_error_};
  return spill_.empty() ? step{} : stop(suspend::want_write);
}

step engine::wait_writable(transport& t) {
  if (detail::before_open(state_.now())) return {suspend::none, 0, error::handshake_needed};
  const step s = flush(t);
  return s.complete() ? step{} : s; // an error is what a write would report, without waiting
}

void engine::drop_output() noexcept {
  if (spill_.empty()) return;
  spill_.clear();
  if (!write_error_) write_error_ = std::make_error_code(std::errc::timed_out);
}

void engine::output_lost(std::error_code ec, operation told) noexcept {
  if (!write_error_) write_error_ = ec;
  spill_.clear();
  if (told != operation::none) record_failure(told, write_error_);
}

// The record that it was to leave with does not come.
void engine::send_held() noexcept {
  if (held_ == nullptr) return;
  const const_buffer record = std::exchange(held_, nullptr)->take();
  std::size_t written = 0;
  if (!record.empty())
    bio_bridge::write(SSL_get_wbio(ssl_.get()), reinterpret_cast<const char*>(record.data()), record.size(),
                      &written);
}

// Moves held-back ciphertext to the transport until it would block.
void engine::push_spill() noexcept {
  while (!spill_.empty() && transport_ != nullptr) {
    ++stats_.transport_writes;
    const const_buffer waiting = spill_.data();
    const transfer t = transport_->write(waiting);
    if (t.what == transfer::status::error) {
      write_error_ = t.error;
      spill_.clear();
      return;
    }
    if (t.what != transfer::status::bytes) return;
    stats_.cipher_written += t.n;
    spill_.consume(t.n);
    if (t.n < waiting.size()) return;
  }
}

} // namespace tlsmode
