// SPDX-License-Identifier: BSL-1.0
// Runs a connection of the fault sweep: the parts of a session, one after the other, with the fault armed in
// those that are in question. What must be so afterwards is in sweep_checks.cpp.
#include "sweep_session.hpp"

#include <boost/asio/post.hpp>

#include <openssl/async.h>
#include <openssl/ssl.h>

#include <chrono>
#include <new>

namespace tlsmode::test {

void record_pauser::install(SSL* ssl) {
  SSL_set_msg_callback(ssl, &on_message);
  SSL_set_msg_callback_arg(ssl, this);
}

void record_pauser::on_message(int, int, int content_type, const void*, std::size_t, SSL*, void* self) {
  if (content_type == SSL3_RT_HEADER) static_cast<record_pauser*>(self)->pause();
}

std::shared_ptr<bool> record_pauser::call_later(int (*callback)(void*), void* argument) {
  const no_allocation_fault mine;
  const auto alive = std::make_shared<bool>(true);
  net::post(io_, [alive, callback, argument] {
    if (*alive) callback(argument);
  });
  return alive;
}

void record_pauser::pause() {
  ASYNC_JOB* const job = ASYNC_get_current_job();
  if (job == nullptr) return;
  ASYNC_WAIT_CTX* const waiting = ASYNC_get_wait_ctx(job);
  int (*callback)(void*) = nullptr;
  void* argument = nullptr;
  if (ASYNC_WAIT_CTX_get_callback(waiting, &callback, &argument) != 1 || callback == nullptr) return;
  ASYNC_WAIT_CTX_set_status(waiting, ASYNC_STATUS_OK);
  const auto alive = call_later(callback, argument); // the job may be ended, and its connection with it
  ASYNC_pause_job();
  *alive = false;
}

struct sweep_session::ending {
  using cancellation_slot_type = net::cancellation_slot;
  std::shared_ptr<sweep_session> self;
  void (sweep_session::*then)(error_code, std::size_t);
  net::cancellation_slot slot;
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
  void operator()(error_code ec, std::size_t n = 0) const { ((*self).*then)(ec, n); }
};

sweep_session::ending sweep_session::ends_with(void (sweep_session::*then)(error_code, std::size_t),
                                               bool cancellable) {
  return {shared_from_this(), then, cancellable ? signal_.slot() : net::cancellation_slot()};
}

sweep_session::sweep_session(net::io_context& io, const sweep_case& c, sweep_contexts& contexts)
    : io_(io), case_(c), contexts_(contexts), pauser_(io),
      layers_(faulty_layer::pair(io.get_executor(), 128 * 1024)) {
  using enum part;
  switch (c.what) {
  case scenario::handshake:
  case scenario::client_auth:
  case scenario::resumption: parts_ = {handshake, write, read, shutdown}; break;
  case scenario::write: parts_ = {handshake, write, read, shutdown}, armed_from_ = 1, armed_to_ = 2; break;
  case scenario::read:
    parts_ = {handshake, read, write, read, shutdown}, armed_from_ = 1, armed_to_ = 2;
    break;
  case scenario::key_update:
    parts_ = {handshake, update, write, read, write, read, shutdown}, armed_from_ = 1, armed_to_ = 4;
    break;
  case scenario::shutdown: parts_ = {handshake, write, read, shutdown}, armed_from_ = 3, armed_to_ = 4; break;
  }
  for (std::size_t i = 0; i < (c.chunk < 64 ? 150U : c.chunk < 1024 ? 700U : 19'000U); ++i)
    text_ += static_cast<char>('!' + (i * 7919 + i / 251) % 90);
  for (std::string* s : {&reported_, &got_, &expected_, &peer_got_}) s->reserve(128 * 1024);
  tls_.emplace(std::move(layers_.first), c.client ? contexts.client : contexts.server);
  peer_.emplace(std::move(layers_.second), c.client ? contexts.server : contexts.client);
  for (sweep_stream* s : {&*tls_, &*peer_}) s->clear_mode(mode::enable_partial_write);
  if (c.how == variant::jobs) {
    tls_->set_mode(mode::async);
    tls_->set_job_scope(job_scope::all);
    pauser_.install(tls_->native_handle());
  }
  if (c.what == scenario::resumption && contexts.session) {
    // A copy: OpenSSL spoils the session of a connection that ends badly.
    const session_ptr copy(SSL_SESSION_dup(contexts.session.get()));
    (c.client ? tls_ : peer_)->offer_session(copy.get());
  }
  plan().chunk = c.chunk;
  plan().capacity = c.chunk < 1024 ? 400 : 1500; // less than some writes and some flights of the handshake
  peer_->next_layer().plan().chunk = c.chunk;
}

// ---- the fault ----

void sweep_session::arm() {
  armed_ = true;
  base_ = plan().operations;
  const int at = base_ + static_cast<int>(case_.step);
  switch (case_.meets) {
  case fault::none: break;
  case fault::error: plan().breaks_at = at; break;
  case fault::reset: plan().breaks_at = at, plan().error = net::error::connection_reset; break;
  case fault::eof: plan().breaks_at = at, plan().error = net::error::eof, plan().ends = true; break;
  case fault::stall: plan().stalls_at = at; break;
  case fault::allocation: allocation_.emplace(heap_user::operator_new, case_.step); break;
  default:
    plan().calls_at = at;
    plan().call = [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->act();
    };
  }
}

void sweep_session::act() {
  if (!armed_) return; // posted in the last moment: too late
  acted_ = true;
  switch (case_.meets) {
  case fault::cancel_terminal: return signal_.emit(net::cancellation_type::terminal);
  case fault::cancel_partial: return signal_.emit(net::cancellation_type::partial);
  case fault::cancel_total: return signal_.emit(net::cancellation_type::total);
  case fault::destroy_stream: return tls_.reset();
  default: stop_ = true;
  }
}

bool sweep_session::struck() {
  if (acted_ || allocation_struck_) return true;
  return tls_ && (plan().broken() || plan().stalled());
}

void sweep_session::disarm() {
  armed_ = false;
  if (allocation_) {
    steps_ = allocation_fault::count();
    allocation_struck_ = allocation_fault::struck() && case_.step != 0;
    allocation_.reset();
  } else if (tls_) {
    steps_ = plan().operations - base_;
    plan().calls_at = layer_plan::never;
    if (!plan().broken()) plan().breaks_at = layer_plan::never;
    if (!plan().stalled()) plan().stalls_at = layer_plan::never;
  }
}

// ---- the side that meets it ----

void sweep_session::next_part() {
  const no_allocation_fault mine;
  if (armed_ && at_ == armed_to_) disarm();
  if (!armed_ && at_ == armed_from_ && !again_) arm();
  if (parts_[at_] == part::write && left_.empty()) {
    left_ = text_;
    expected_ += text_;
  }
}

void sweep_session::start() {
  next_part();
  if (parts_[at_] == part::over) return;
  ++pending_;
  const auto type = case_.client ? sweep_stream::client : sweep_stream::server;
  try {
    switch (parts_[at_]) {
    case part::handshake: return tls_->async_handshake(type, ends_with(&sweep_session::ended, true));
    case part::write:
      return tls_->async_write_some(net::buffer(left_), ends_with(&sweep_session::ended, true));
    case part::read: return tls_->async_read_some(net::buffer(room_), ends_with(&sweep_session::ended, true));
    case part::shutdown: return tls_->async_shutdown(ends_with(&sweep_session::ended, true));
    default: break;
    }
  } catch (const std::bad_alloc&) {
    --pending_;
    throw;
  }
  error_code ec;
  std::size_t n = 0;
  ec = call(part::update, n);
  ended(ec, n);
}

error_code sweep_session::call(part p, std::size_t& n) {
  error_code ec;
  switch (p) {
  case part::handshake:
    tls_->handshake(case_.client ? sweep_stream::client : sweep_stream::server, ec);
    break;
  case part::update: tls_->update_keys(true, ec); break;
  case part::write: n = tls_->write_some(net::buffer(left_), ec); break;
  case part::read: n = tls_->read_some(net::buffer(room_), ec); break;
  case part::shutdown: tls_->shutdown(ec); break;
  case part::over: break;
  }
  return ec;
}

void sweep_session::ended(error_code ec, std::size_t n) {
  {
    const no_allocation_fault mine;
    --pending_;
    if (pending_ < 0) say("a handler was called twice");
    if (again_) {
      again_ec_ = ec;
      again_n_ = n;
      return;
    }
    if (!tls_) { // destroyed
      ec_ = ec;
      return;
    }
    const part p = parts_[at_];
    if (p == part::read) got_.append(room_.data(), n);
    if (p == part::write) {
      reported_.append(left_.data(), n);
      left_.remove_prefix(n);
    }
    const bool cancelled = acted_ && ec == net::error::operation_aborted;
    if (cancelled) ++aborted_;
    if (ec && ec != net::error::operation_aborted && n != 0) say("bytes with an error");
    if (ec && !cancelled) {
      ec_ = ec;
      return;
    }
    const bool done = p == part::write  ? left_.empty()
                      : p == part::read ? got_.size() >= expected_.size()
                                        : !ec;
    if (done) ++at_;
    if (at_ == parts_.size()) parts_.push_back(part::over);
  }
  if (case_.how != variant::synchronous) start();
}

void sweep_session::start_synchronously() {
  int idle = 0;
  for (int i = 0; !ec_; ++i) {
    next_part();
    if (parts_[at_] == part::over) return;
    if (i > 200'000) return say("no end to would_block");
    std::size_t n = 0;
    if (const error_code now = call(parts_[at_], n); now != net::error::would_block) {
      ++pending_;
      ended(now, n);
      idle = 0;
      continue;
    }
    if (n != 0) say("bytes with would_block");
    io_.restart();
    if (io_.poll() != 0) {
      idle = 0;
    } else if (++idle > 3) {
      if (!plan().stalled()) return say("a synchronous operation waits for nothing");
      tls_->next_layer().resume();
      acted_ = true;
    }
  }
}

// ---- the peer ----

void sweep_session::start_peer() {
  const no_allocation_fault mine;
  ++peer_pending_;
  peer_->async_handshake(case_.client ? sweep_stream::server : sweep_stream::client,
                         ends_with(&sweep_session::peer_open));
}

void sweep_session::peer_open(error_code ec, std::size_t) {
  const no_allocation_fault mine;
  --peer_pending_;
  if (!peer_ || (peer_ec_ = ec)) return;
  if (case_.what != scenario::read || again_) return peer_reads();
  expected_ += text_;
  ++peer_pending_;
  peer_->async_write_some(net::buffer(text_), ends_with(&sweep_session::peer_has_written));
}

void sweep_session::peer_reads() {
  ++peer_pending_;
  peer_->async_read_some(net::buffer(peer_room_), ends_with(&sweep_session::peer_has_read));
}

void sweep_session::peer_has_read(error_code ec, std::size_t n) {
  const no_allocation_fault mine;
  --peer_pending_;
  if (!peer_) return; // it is being replaced
  ++peer_pending_;
  if (ec == net::error::eof)
    return peer_->async_shutdown(shutdown_form::send_only, ends_with(&sweep_session::peer_has_written));
  if ((peer_ec_ = ec)) {
    --peer_pending_;
    return;
  }
  peer_got_.append(peer_room_.data(), n);
  peer_n_ = n;
  peer_->async_write_some(net::buffer(peer_room_, n), ends_with(&sweep_session::peer_has_written));
}

void sweep_session::peer_has_written(error_code ec, std::size_t n) {
  const no_allocation_fault mine;
  --peer_pending_;
  if (!peer_ || (!ec && n == 0)) return; // replaced; the shutdown
  if (!(peer_ec_ = ec)) peer_reads();
}

// ---- the loop ----

// Everything is in memory: what does not happen soon never will.
sweep_session::drive_end sweep_session::drive(const std::function<bool()>& done) {
  try {
    for (long handlers = 0, idle = 0; !done() && !stop_; ++handlers) {
      if (handlers > 2'000'000) {
        say("no end to the handlers");
        return drive_end::idle;
      }
      io_.restart();
      if (io_.poll_one() != 0) {
        idle = 0;
      } else {
        if (++idle > 7) return drive_end::idle;
        const no_allocation_fault mine;
        io_.restart();
        if (idle > 3) io_.run_one_for(std::chrono::milliseconds(1)); // a clock may be waited for
      }
    }
    return drive_end::done;
  } catch (const std::bad_alloc&) {
    return drive_end::thrown;
  }
}

sweep_session::drive_end sweep_session::drive_to_the_end() {
  const auto over = [this] { return ec_ || parts_[at_] == part::over || !tls_; };
  drive_end e = drive(over);
  if (e == drive_end::idle && tls_ && plan().stalled()) {
    tls_->next_layer().resume();
    acted_ = true;
    e = drive(over);
  }
  return e;
}

bool sweep_session::run(sweep_result& r) {
  start_peer();
  drive_end e = drive_end::done;
  if (case_.how == variant::synchronous) {
    start_synchronously();
  } else {
    try {
      start();
      e = drive_to_the_end();
    } catch (const std::bad_alloc&) {
      e = drive_end::thrown;
    }
  }
  r.struck = struck();
  if (armed_) disarm();
  r.struck = r.struck || struck();
  r.steps = steps_;
  r.aborted = aborted_ != 0;
  r.failed = bool(ec_) || e == drive_end::thrown;
  const bool thrown = e == drive_end::thrown;
  if (thrown && !allocation_struck_) say("an exception for no reason");
  const bool of_the_peer = allocation_struck_ && (thrown || peer_ec_); // it, or the layer, met the fault
  if (!stop_ && !of_the_peer) {
    if (!tls_)
      check_destroyed();
    else if (ec_)
      check_failed();
    else if (e == drive_end::idle)
      say("stuck");
    else
      check_whole();
  }
  if (peer_ec_ && !r.failed && tls_ && !stop_ && !of_the_peer) say("the peer failed: " + peer_ec_.message());
  r.wrong = std::move(wrong_);
  return stop_;
}

} // namespace tlsmode::test
