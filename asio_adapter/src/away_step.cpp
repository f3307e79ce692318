// SPDX-License-Identifier: BSL-1.0
// The journey of an engine step: what depends neither on the operation nor on the next layer.
#include <tlsmode/asio/detail/away_step.hpp>

#include <array>
#include <chrono>
#include <future>
#include <thread>
#include <utility>

namespace tlsmode::detail {
namespace {

// What the engine reads on a job thread was fed to it; what it writes waits in the engine until the step is
// back.
class no_transport final : public transport {
 public:
  transfer read(mutable_buffer) noexcept override { return transfer::blocked(); }
  transfer write(const_buffer) noexcept override { return transfer::blocked(); }
  [[nodiscard]] bool drained() const noexcept override { return true; }
};

// A record, and something of the next one.
constexpr std::size_t most_fed = 17 * 1024;

class resetting final : public job_thread::task {
 public:
  explicit resetting(engine& e) noexcept : engine_(e) {}
  std::error_code wait() { return result_.get_future().get(); }

 private:
  void run() noexcept override { result_.set_value(engine_.reset()); }
  engine& engine_;
  std::promise<std::error_code> result_;
};

} // namespace

void away_step::prepare(away_work& w, std::function<void()> tell) {
  const std::lock_guard lock(mutex_);
  back_.set_post(std::move(tell));
  work_ = &w;
  started_ = over_ = false;
}

void away_step::start(const job_thread& home) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (work_ == nullptr) return;
    started_ = true;
    if (std::exchange(queued_, true)) return; // one that was withdrawn has not been there yet
  }
  if (home.post(shared_from_this())) return;
  {
    const std::lock_guard lock(mutex_);
    queued_ = false;
    work_ = nullptr;
    result_ = {suspend::none, 0, error::job_threads_stopped};
    over_ = true;
  }
  tell();
}

void away_step::run() noexcept {
  {
    const std::lock_guard lock(mutex_);
    queued_ = false;
    if (work_ == nullptr || !started_) return;
    try {
      no_transport nowhere;
      result_ = work_->run(nowhere);
    } catch (...) {
      thrown_ = std::current_exception();
    }
    work_ = nullptr;
    over_ = true;
  }
  tell();
}

// Whoever waits for the step would do so for ever if it were not told, so that is not given up before they
// do.
void away_step::tell() noexcept {
  for (;;) {
    try {
      return back_.raise();
    } catch (...) { // there is no memory
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

step away_step::take() {
  const std::lock_guard lock(mutex_);
  over_ = false;
  back_.set_post({});
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  return result_;
}

void away_step::withdraw() noexcept {
  {
    const std::lock_guard lock(mutex_);
    work_ = nullptr;
    over_ = false;
    thrown_ = nullptr;
  }
  back_.set_post({});
}

bool feed_from(transport& from, engine& e) noexcept {
  std::array<std::byte, most_fed> room; // NOLINT(cppcoreguidelines-pro-type-member-init): filled by read()
  for (std::size_t held = e.unread_early().size(); held < most_fed;) {
    if (from.drained()) return true;
    const transfer t = from.read(std::span(room).first(most_fed - held));
    switch (t.what) {
    case transfer::status::bytes:
      if (!e.feed(std::span(room).first(t.n))) {
        e.feed_end(std::make_error_code(std::errc::not_enough_memory));
        return true;
      }
      held += t.n;
      break;
    case transfer::status::would_block: return true;
    case transfer::status::eof: e.feed_end(); return true;
    case transfer::status::error: e.feed_end(t.error); return true;
    }
  }
  return false;
}

std::error_code reset_on(const job_thread& home, engine& e) {
  if (!e.job_elsewhere()) return e.reset();
  const auto task = std::make_shared<resetting>(e);
  return home.post(task) ? task->wait() : e.reset();
}

} // namespace tlsmode::detail
