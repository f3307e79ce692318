// SPDX-License-Identifier: BSL-1.0
// What must be so at the end of a case of the fault sweep, and how a case is run.
#include "sweep_session.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>

namespace tlsmode::test {
namespace {

bool begins_with(std::string_view whole, std::string_view begin) {
  return whole.substr(0, begin.size()) == begin;
}

std::string name_of(const error_code& ec) { return ec.to_string() + " (" + ec.message() + ")"; }

// What a lack of memory may be reported as.
bool tells_of_memory(const error_code& ec) {
  return ec == boost::system::errc::not_enough_memory || ec.category() == net::error::get_ssl_category() ||
         ec == to_boost(error::hook_failed) || ec == to_boost(error::signer_failed) ||
         ec == to_boost(error::openssl_internal) ||
         ec == to_boost(error::session_not_verified); // there was no memory for the proof
}

} // namespace

void sweep_session::check_whole() {
  if (got_ != expected_) say("read other bytes than were sent");
  if (peer_got_ != reported_) say("the peer got other bytes than were written");
  if (tls_->state() != connection_state::closed) say("not closed");
  if (case_.meets == fault::error || case_.meets == fault::reset)
    if (plan().broken()) say("nobody heard of the failure");
  // Without memory a session is not offered, or not taken.
  if (case_.what == scenario::resumption && contexts_.session && !allocation_struck_ && !tls_->resumed())
    say("not resumed");
  if (plan().most_reads > 1 || plan().most_writes > 1) say("two operations of the layer at once");
}

void sweep_session::check_failed() {
  const part p = parts_[at_];
  switch (case_.meets) {
  case fault::error:
  case fault::reset:
    if (ec_ != error_code(plan().error)) say("failed with " + name_of(ec_));
    if (!plan().broken()) say("failed before the layer did: " + name_of(ec_));
    check_again(p, true);
    for (const part other : {part::read, part::write, part::shutdown}) check_again(other, false);
    break;
  case fault::eof:
    if (ec_ != error_code(net::ssl::error::stream_truncated)) say("failed with " + name_of(ec_));
    flush();
    if (peer_got_ != reported_)
      say("the peer did not get what was written: " + std::to_string(peer_got_.size()) + " of " +
          std::to_string(reported_.size()) + " bytes");
    break;
  case fault::allocation:
    if (!tells_of_memory(ec_)) say("failed with " + name_of(ec_));
    break;
  default: say("failed with " + name_of(ec_));
  }
  if (!begins_with(expected_, got_)) say("read bytes that were not sent");
  if (!begins_with(reported_ + std::string(left_), peer_got_))
    say("the peer got bytes that were not written");
  drive([this] { return pending_ == 0; });
  if (pending_ != 0) return say("an operation has not ended");
  if (wrong_.empty()) check_reuse();
}

// After the end of the way from the peer the other way goes on.
void sweep_session::flush() {
  for (int i = 0; i < 1000 && peer_got_.size() != reported_.size(); ++i) {
    drive([&] { return peer_got_.size() == reported_.size(); });
    std::size_t n = 0; // blocking calls have to be made again
    if (case_.how == variant::synchronous) (void)call(part::shutdown, n);
  }
}

// What an operation comes to after the failure.
void sweep_session::check_again(part p, bool must_be_same) {
  if (p == part::update || p == part::over) return;
  again_ = true;
  std::size_t n = 0;
  if (left_.empty()) left_ = text_;
  if (case_.how == variant::synchronous) {
    again_ec_ = call(p, n);
  } else {
    const std::size_t was = at_;
    parts_.push_back(p);
    at_ = parts_.size() - 1;
    start();
    if (drive([this] { return pending_ == 0; }) != drive_end::done)
      say("an operation after the failure is stuck");
    n = again_n_;
    parts_.pop_back();
    at_ = was;
  }
  if (!again_ec_) return say("an operation works after the failure");
  if (n != 0) say("an operation moves bytes after the failure");
  if (must_be_same && again_ec_ != ec_) say("another failure than before: " + name_of(again_ec_));
  again_ = false;
}

void sweep_session::check_destroyed() {
  drive([this] { return pending_ == 0; });
  if (pending_ != 0) return say("an operation of a destroyed stream has not ended");
  if (ec_ && ec_ != net::error::operation_aborted)
    say("a destroyed stream's operation ended with " + name_of(ec_));
  if (!begins_with(reported_ + std::string(left_), peer_got_))
    say("the peer got bytes that were not written");
}

// The same object serves another connection.
void sweep_session::check_reuse() {
  error_code ec;
  // The layer may still be sending what the failed operation left behind.
  drive([&] {
    tls_->reset(ec);
    return ec != to_boost(error::operation_in_progress);
  });
  if (ec) return say("reset: " + name_of(ec));
  peer_.reset();
  drive([this] { return peer_pending_ == 0; });
  auto fresh = faulty_layer::pair(io_.get_executor());
  peer_.emplace(std::move(fresh.second), case_.client ? contexts_.server : contexts_.client);
  peer_->clear_mode(mode::enable_partial_write);
  tls_->next_layer() = std::move(fresh.first);
  plan().chunk = 1024; // what one byte at a time does has been seen
  for (std::string* s : {&reported_, &got_, &expected_, &peer_got_}) s->clear();
  left_ = {};
  ec_ = peer_ec_ = {};
  parts_ = {part::handshake, part::write, part::read, part::shutdown};
  armed_from_ = parts_.size() + 1; // never
  at_ = 0;
  if (case_.what == scenario::read) expected_ = {};
  start_peer();
  if (case_.how == variant::synchronous) {
    start_synchronously();
  } else {
    start();
    if (drive_to_the_end() != drive_end::done) return say("the next connection is stuck");
  }
  if (ec_) return say("the next connection failed: " + name_of(ec_));
  if (got_ != expected_ || peer_got_ != reported_) say("the next connection's bytes are wrong");
}

bool applies(const sweep_case& c) {
  if (c.what == scenario::key_update && c.version != TLS1_3_VERSION) return false;
  const bool memory_only = c.meets == fault::allocation;
  switch (c.how) {
  case variant::plain: return true;
  case variant::synchronous:
    return c.meets == fault::none || c.meets == fault::error || c.meets == fault::reset ||
           c.meets == fault::eof || c.meets == fault::stall;
  case variant::signer: // resumptions are not signed
    return c.what == scenario::client_auth || (c.what == scenario::handshake && !c.client);
  case variant::hooks: // a client that resumes verifies nothing; data asks nobody
    // Boost.Asio 1.81 itself crashes in make_strand() where there is no memory for a mutex of its pool: its
    // strand's destructor needs what is not set yet. sweep_core has hooks that are no coroutines.
    if (memory_only) return false;
    return is_handshake(c.what) && !(c.what == scenario::resumption && c.client);
  case variant::jobs: return !memory_only || is_handshake(c.what) || c.what == scenario::write;
  }
  return false;
}

sweep_result run_case(const sweep_case& c) {
  sweep_contexts& contexts = contexts_for(c);
  if (c.what == scenario::resumption && !contexts.session) {
    sweep_case first = c;
    first.client = true;
    first.meets = fault::none;
    first.how = variant::plain;
    net::io_context io(1);
    set_sweep_loop(&io);
    const auto s = std::make_shared<sweep_session>(io, first, contexts);
    sweep_result r;
    if (s->run(r) || !r.wrong.empty()) return r;
    contexts.session = s->take_session();
  }
  ERR_clear_error();
  sweep_result r;
  auto io = std::make_unique<net::io_context>(1);
  set_sweep_loop(io.get());
  auto s = std::make_shared<sweep_session>(*io, c, contexts);
  (void)s->run(r);
  const std::weak_ptr<sweep_session> life = s;
  s.reset();
  io.reset();
  set_sweep_loop(nullptr);
  if (!life.expired()) r.wrong.emplace_back("a handler was not destroyed");
  ERR_clear_error();
  return r;
}

} // namespace tlsmode::test
