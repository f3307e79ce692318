// SPDX-License-Identifier: BSL-1.0
// The BIO between OpenSSL and the engine's transport.
//
// It never refuses a write: what the transport does not take goes to the spill, in order. So OpenSSL never
// holds a half-sent record, a sealed byte is never sealed again, and alerts and close_notify always leave
// OpenSSL (docs/decisions/0001). Memory stays bounded because the engine seals application data only while
// the spill is empty, and because reading, which can make OpenSSL answer, is held while the spill is long;
// what OpenSSL has read ahead by then is the rest of the bound.
//
// The tickets of a handshake, which OpenSSL sends one by one, are kept there too: the step sends them at its
// end. A short record before full ones is held, not there but with the step, until the next one comes.
#include "bio.hpp"

#include "held_record.hpp"
#include "openssl_handle.hpp"

#include <tlsmode/engine.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

namespace tlsmode {
namespace {

// Reading is held while more than this many bytes wait for the peer: answers to a flood of KeyUpdates, say.
constexpr std::size_t spill_gate = 32 * 1024;

long control(BIO*, int command, long, void*) noexcept {
  // Unknown commands, among them those of kernel TLS after a failed read, must leave the retry flags alone.
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// Of our BIOs alone; negative if OpenSSL has no number for it.
int type() noexcept {
  static const int ours = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
  return ours;
}

// Makes the method once per process; null if OpenSSL has no memory for it. It is never freed: connections
// may be destroyed after this file's objects, at the end of the program.
const BIO_METHOD* method() noexcept {
  static const BIO_METHOD* const instance = []() noexcept {
    BIO_METHOD* const m = type() < 0 ? nullptr : BIO_meth_new(type(), "tlsmode engine");
    if (m != nullptr) {
      BIO_meth_set_write_ex(m, &bio_bridge::write);
      BIO_meth_set_read_ex(m, &bio_bridge::read);
      BIO_meth_set_ctrl(m, &control);
    }
    return m;
  }();
  return instance;
}

bool sends_tickets(const SSL* ssl) noexcept { return SSL_get_state(ssl) == TLS_ST_SW_SESSION_TICKET; }

} // namespace

BIO* bio_bridge::make(engine& e) noexcept {
  const BIO_METHOD* m = method();
  BIO* b = m == nullptr ? nullptr : BIO_new(m);
  if (b != nullptr) {
    BIO_set_data(b, &e);
    BIO_set_init(b, 1);
  }
  return b;
}

engine* bio_bridge::engine_of(const SSL* ssl) noexcept {
  BIO* const b = SSL_get_rbio(ssl);
  const bool ours = b != nullptr && type() >= 0 && BIO_method_type(b) == type();
  return ours ? static_cast<engine*>(BIO_get_data(b)) : nullptr;
}

void bio_bridge::forget(const SSL* ssl) noexcept {
  if (engine_of(ssl) != nullptr) BIO_set_data(SSL_get_rbio(ssl), nullptr);
}

int bio_bridge::write(BIO* b, const char* data, std::size_t n, std::size_t* written) noexcept {
  BIO_clear_retry_flags(b);
  engine& e = *static_cast<engine*>(BIO_get_data(b));
  *written = n;
  if (e.write_error_) return 1; // nobody will ever take it; the error is reported by the operation
  const_buffer rest(reinterpret_cast<const std::byte*>(data), n);
  if (e.held_ != nullptr && e.held_->keep(rest)) return 1;
  const bool ticket = e.state_.now() == connection_state::handshaking && sends_tickets(e.ssl_.get());
  if (ticket || !e.spill_.empty()) {
    if (e.spill_.append(rest)) {
      if (!ticket) e.stats_.spilled += n; // of tickets the step counts what the transport leaves
      e.stats_.spill_peak = std::max<std::uint64_t>(e.stats_.spill_peak, e.spill_.size());
      return 1;
    }
    e.push_spill(); // no memory: what waits may have only waited for the step's end
    if (e.write_error_) return 1;
  }
  const_buffer first; // goes out before it
  if (e.held_ != nullptr) first = std::exchange(e.held_, nullptr)->take();
  if (e.transport_ != nullptr && e.spill_.empty()) {
    ++e.stats_.transport_writes;
    const transfer t = !first.empty()    ? e.transport_->write_both(first, rest, e.more_follows_)
                       : e.more_follows_ ? e.transport_->write_more(rest)
                                         : e.transport_->write(rest);
    if (t.what == transfer::status::bytes) {
      e.stats_.cipher_written += t.n;
      const std::size_t of_first = std::min(t.n, first.size());
      first = first.subspan(of_first);
      rest = rest.subspan(t.n - of_first);
    } else if (t.what == transfer::status::error) {
      e.write_error_ = t.error;
      return 1;
    }
  }
  if (rest.empty()) return 1;
  if ((!first.empty() && !e.spill_.append(first)) || !e.spill_.append(rest)) {
    // The record is torn and cannot be mended: the connection cannot write any more.
    e.write_error_ = std::make_error_code(std::errc::not_enough_memory);
    e.spill_.clear();
    return 1;
  }
  e.stats_.spilled += first.size() + rest.size();
  e.stats_.spill_peak = std::max<std::uint64_t>(e.stats_.spill_peak, e.spill_.size());
  return 1;
}

int bio_bridge::read(BIO* b, char* data, std::size_t n, std::size_t* got) noexcept {
  BIO_clear_retry_flags(b);
  *got = 0;
  engine& e = *static_cast<engine*>(BIO_get_data(b));
  if (e.spill_.size() > spill_gate) {
    e.read_gated_ = true;
    BIO_set_retry_read(b);
    return 0;
  }
  if (e.early_) {
    *got = e.take_early({reinterpret_cast<std::byte*>(data), n});
    e.stats_.cipher_read += *got;
    return 1;
  }
  if (e.read_error_) return 0;
  transfer t = transfer::blocked();
  if (e.transport_ != nullptr) {
    ++e.stats_.transport_reads;
    t = e.transport_->read({reinterpret_cast<std::byte*>(data), n});
  }
  switch (t.what) {
  case transfer::status::bytes:
    e.stats_.cipher_read += t.n;
    if (t.n > SSL3_RT_MAX_PACKET_SIZE || (t.n == n && n >= 16 * 1024)) e.read_full_ = true;
    *got = t.n;
    return 1;
  case transfer::status::would_block:
    e.read_blocked_ = true;
    BIO_set_retry_read(b);
    return 0;
  case transfer::status::eof: e.read_error_ = error::stream_truncated; return 0;
  case transfer::status::error: e.read_error_ = t.error; return 0;
  }
  return 0;
}

} // namespace tlsmode
