// SPDX-License-Identifier: BSL-1.0
// The engine's dealings with OpenSSL's jobs: memory that a paused job may see, jobs that nobody waits for any
// more, and ending a job before its connection goes away.
#include "answer_wait.hpp"
#include "engine_call.hpp"
#include "job_slots.hpp"
#include "thread_number.hpp"

#include <openssl/async.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

namespace tlsmode {
namespace {

static_assert(detail::job_buffer::capacity == SSL3_RT_MAX_PLAIN_LENGTH);

// How often a job is resumed at most to make it end. Whoever pauses a job may wait for something that never
// comes, and a destructor cannot wait.
constexpr int end_attempts = 64;

std::atomic<std::uint64_t> abandoned{0};

// What had to be left alone stays reachable from here, so that who looks for leaks finds only the others.
void leave_alone(SSL* ssl) noexcept {
  try {
    static std::mutex mutex;
    static auto& all = *new std::vector<SSL*>; // never destroyed
    const std::lock_guard lock(mutex);
    all.push_back(ssl);
  } catch (...) { // no memory: nobody will find it
  }
}

int call_back(void* callback) noexcept {
  // A copy keeps the function alive even if the connection goes away during the call.
  const auto f = *static_cast<std::shared_ptr<std::function<void()>>*>(callback);
  try {
    (*f)();
  } catch (...) {
    return 0;
  }
  return 1;
}

void free_callback(void*, void* callback, CRYPTO_EX_DATA*, int, long, void*) noexcept {
  delete static_cast<std::shared_ptr<std::function<void()>>*>(callback);
}

// Where an SSL keeps the function that a paused job may call, for as long as the SSL lives.
int callback_index() noexcept {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_callback);
  return index;
}

} // namespace

std::uint64_t abandoned_jobs() noexcept { return abandoned.load(std::memory_order_relaxed); }

const std::shared_ptr<detail::job_extras>& engine::extras() {
  if (!extras_) extras_ = std::make_shared<detail::job_extras>();
  return extras_;
}

void engine::set_answer_host(std::shared_ptr<answer_host> host) { extras()->host = std::move(host); }

bool engine::answer_awaited() const noexcept { return extras_ && extras_->awaited; }

std::optional<std::chrono::steady_clock::time_point> engine::answer_deadline() const noexcept {
  if (!answer_awaited() || extras_->awaited->deadline() == pending_answer::no_deadline) return std::nullopt;
  return extras_->awaited->deadline();
}

bool engine::slot_awaited() const noexcept { return extras_ && extras_->slots; }
bool engine::first_for_slot() const noexcept { return extras_ && detail::job_slot_queue::is_first(*extras_); }

// OpenSSL will not say when there is one; without memory to queue the caller has to ask again by itself.
engine::call_result engine::wait_for_slot(operation who) noexcept {
  try {
    detail::job_slot_queue::wait(extras(), 1u << static_cast<unsigned>(who));
  } catch (...) {
  }
  return {outcome::stopped, suspend::want_async_job, {}};
}

void engine::leave_slot_queue() noexcept {
  if (extras_) detail::job_slot_queue::leave(*extras_);
}

void engine::leave_slot_queue(operation who) noexcept {
  if (extras_) detail::job_slot_queue::leave(*extras_, 1u << static_cast<unsigned>(who));
}

void engine::job_has_ended() noexcept { detail::job_slot_queue::slot_freed(); }

void engine::stop_waiting_for_answers(bool ending) noexcept {
  if (!extras_) return;
  extras_->ending = ending;
  detail::job_slot_queue::leave(*extras_);
  if (extras_->awaited) detail::answer_wait::abandon(*extras_->awaited);
}

void engine::cancel_handshake() noexcept {
  if (!detail::before_open(state_.now())) return;
  stop_waiting_for_answers(false);
  if (job_owner_ == operation::none && extras_) extras_->awaited.reset();
}

void engine::set_job_callback(std::shared_ptr<std::function<void()>> callback) {
  extras()->callback = callback;
  auto held = std::make_unique<std::shared_ptr<std::function<void()>>>(std::move(callback));
  void* const raw = held.get();
  delete static_cast<std::shared_ptr<std::function<void()>>*>(SSL_get_ex_data(ssl_.get(), callback_index()));
  if (SSL_set_ex_data(ssl_.get(), callback_index(), raw) != 1) {
    SSL_set_ex_data(ssl_.get(), callback_index(), nullptr);
    return;
  }
  (void)held.release();
  SSL_set_async_callback(ssl_.get(), [](SSL*, void* arg) { return call_back(arg); });
  SSL_set_async_callback_arg(ssl_.get(), raw);
}

// Nor inside another connection's job: OpenSSL would not go on with the paused one but enter the handshake in
// the middle.
bool engine::job_elsewhere() const noexcept {
  return job_owner_ != operation::none &&
         (job_thread_ != detail::thread_number() || ASYNC_get_current_job() != nullptr);
}

bool engine::may_pause() const noexcept {
  if (!modes_.contains(mode::async)) return false;
  return job_scope_ == job_scope::all || detail::before_open(state_.now());
}

std::vector<int> engine::job_descriptors() const {
  if (job_owner_ == operation::none) return {};
  std::size_t n = 0; // OpenSSL leaves it alone before the first job
  if (SSL_get_all_async_fds(ssl_.get(), nullptr, &n) != 1 || n == 0) return {};
  std::vector<int> fds(n);
  if (SSL_get_all_async_fds(ssl_.get(), fds.data(), &n) != 1) return {};
  fds.resize(n);
  return fds;
}

bool engine::job_calls_back() const noexcept {
  int status = ASYNC_STATUS_UNSUPPORTED;
  return job_owner_ != operation::none && SSL_get_async_status(ssl_.get(), &status) == 1 &&
         status == ASYNC_STATUS_OK;
}

bool engine::job_scope_covers(operation who) const noexcept {
  return modes_.contains(mode::async) && (who == operation::handshake || job_scope_ == job_scope::all);
}

detail::job_buffer::~job_buffer() { consume(size()); }

bool detail::job_buffer::make() noexcept {
  if (!memory_) memory_.reset(new (std::nothrow) std::byte[capacity]);
  return memory_ != nullptr;
}

void detail::job_buffer::consume(std::size_t n) noexcept {
  if (n != 0) OPENSSL_cleanse(memory_.get() + begin_, n);
  begin_ += static_cast<std::uint32_t>(n);
  if (begin_ == end_) begin_ = end_ = 0;
}

// True if a read goes through job_in_: it may pause, it is paused, or something is left there from before.
bool engine::reads_through_job() const noexcept {
  return job_scope_covers(operation::read) || !job_in_.empty() || job_owner_ == operation::read;
}

// Lets OpenSSL seal from job_out_.
engine::call_result engine::run_job_write() {
  std::size_t sealed = 0;
  const call_result r = call(
      operation::write, [&] { return SSL_write_ex(ssl_.get(), job_out_.data(), job_out_.size(), &sealed); });
  if (r.what == outcome::ok) job_out_.consume(sealed);
  return r;
}

// Lets OpenSSL read into job_in_, unless something is left there from before.
engine::call_result engine::run_job_read() {
  if (!job_in_.empty()) return {};
  if (!job_in_.make())
    return {outcome::failed, suspend::none, std::make_error_code(std::errc::not_enough_memory)};
  std::size_t opened = 0;
  const call_result r = call(operation::read, [&] {
    const std::span<std::byte> block = job_in_.block();
    return SSL_read_ex(ssl_.get(), block.data(), block.size(), &opened);
  });
  if (r.what == outcome::ok) job_in_.set_filled(opened);
  return r;
}

void engine::abandon_job_of(operation who) noexcept {
  leave_slot_queue(who);
  if (job_owner_ == who) job_abandoned_ = true;
}

// Ends what cancelled operations left behind, so that another operation may enter OpenSSL: the job that they
// paused, and bytes that a write has reported as sealed and OpenSSL has not sealed yet.
engine::call_result engine::finish_abandoned_work() {
  call_result r;
  if (job_owner_ == operation::read) {
    do r = run_job_read();
    while (r.what == outcome::again);
    const bool transport_ended = r.what == outcome::failed && r.error == read_error_;
    if (r.why == suspend::want_read || r.what == outcome::closed || transport_ended)
      r = {}; // the job is over: that is all we want; the next read will find the end again
  } else if (job_owner_ == operation::shutdown) {
    r = send_close_notify();
  }
  while (write_committed_ && (r.what == outcome::ok || r.what == outcome::again)) {
    r = run_job_write();
    write_committed_ = !job_out_.empty();
  }
  job_abandoned_ = job_owner_ != operation::none;
  return r;
}

void engine::resume_job_to_its_end() noexcept {
  try {
    extras(); // a question that comes up only now must learn that nobody will wait
  } catch (...) {
  }
  stop_waiting_for_answers(true);
  const running told(*this, true);
  for (int i = 0; i < end_attempts && SSL_waiting_for_async(ssl_.get()) != 0; ++i) {
    ERR_clear_error();
    // Which call resumes a job makes no difference, but SSL_do_handshake gets as far as that only inside a
    // handshake, and SSL_shutdown only outside of one.
    if (SSL_in_init(ssl_.get()) != 0)
      SSL_do_handshake(ssl_.get());
    else
      SSL_shutdown(ssl_.get());
  }
  ERR_clear_error();
  if (extras_) extras_->ending = false;
  if (SSL_waiting_for_async(ssl_.get()) == 0) job_has_ended();
}

// Before the SSL is freed: a paused job would keep its stack and its slot for ever. Its output goes nowhere.
// If it cannot be ended, the SSL is left alone with all that the job may still touch.
void engine::end_paused_job() noexcept {
  if (job_owner_ == operation::none) return stop_waiting_for_answers(true);
  BIO* sink = BIO_new(BIO_s_null());
  if (sink != nullptr && !job_elsewhere()) {
    SSL_set0_wbio(ssl_.get(), sink);
    sink = nullptr;
    resume_job_to_its_end();
  }
  BIO_free(sink);
  stop_waiting_for_answers(true); // also if nobody could be asked to end
  if (SSL_waiting_for_async(ssl_.get()) == 0) return;
  abandoned.fetch_add(1, std::memory_order_relaxed);
  job_in_.leak();
  job_out_.leak();
  leave_alone(ssl_.release());
}

} // namespace tlsmode
