// SPDX-License-Identifier: BSL-1.0
// The end of an engine whose job is paused on another thread.
#include "job_extras.hpp"

#include <tlsmode/engine.hpp>
#include <tlsmode/job_threads.hpp>

#include <new>

namespace tlsmode {
namespace {

class destruction final : public job_thread::task {
 public:
  explicit destruction(std::unique_ptr<engine> e) noexcept : engine_(std::move(e)) {}

 private:
  void run() noexcept override { engine_.reset(); }
  std::unique_ptr<engine> engine_;
};

} // namespace

void engine::give_up() noexcept {
  try {
    if (job_paused()) extras(); // where the job finds out
  } catch (...) {               // no memory: it only takes longer
  }
  stop_waiting_for_answers(true);
  if (extras_ && extras_->host) extras_->host->close(); // this thread is the last that knows of its owner
}

void destroy_on(const job_thread& home, std::unique_ptr<engine> e) noexcept {
  e->give_up();
  if (!e->job_elsewhere() || !home) return;
  try {
    // If it is refused, the engine goes away with it, here.
    (void)home.post(std::make_shared<destruction>(std::move(e)));
  } catch (const std::bad_alloc&) {
  }
}

} // namespace tlsmode
