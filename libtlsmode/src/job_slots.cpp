// SPDX-License-Identifier: BSL-1.0
// The queue in front of a thread's job pool.
#include "job_slots.hpp"

namespace tlsmode::detail {
namespace {

std::shared_ptr<job_slot_queue>& of_this_thread() noexcept {
  static thread_local std::shared_ptr<job_slot_queue> queue;
  return queue;
}

} // namespace

void job_slot_queue::wait(const std::shared_ptr<job_extras>& who, unsigned operation) {
  std::shared_ptr<job_slot_queue>& here = of_this_thread();
  if (!here) here = std::make_shared<job_slot_queue>();
  if (who->slots != here) {
    leave(*who);
    const std::lock_guard lock(here->mutex_);
    who->place = here->waiting_.insert(here->waiting_.end(), who);
    who->slots = here;
  }
  who->slot_wanted = static_cast<std::uint8_t>(who->slot_wanted | operation);
}

void job_slot_queue::leave(job_extras& who, unsigned operations) noexcept {
  const std::shared_ptr<job_slot_queue> queue = who.slots;
  if (!queue || (who.slot_wanted & operations) == 0) return;
  who.slot_wanted = static_cast<std::uint8_t>(who.slot_wanted & ~operations);
  if (who.slot_wanted == 0) {
    const std::lock_guard lock(queue->mutex_);
    queue->waiting_.erase(who.place);
    who.slots.reset();
  }
  queue->call_first(); // there may be more than one free slot
}

bool job_slot_queue::is_first(const job_extras& who) noexcept {
  if (!who.slots) return false;
  const std::lock_guard lock(who.slots->mutex_);
  return who.place == who.slots->waiting_.begin();
}

void job_slot_queue::slot_freed() noexcept {
  if (const std::shared_ptr<job_slot_queue>& here = of_this_thread()) here->call_first();
}

// It stays in the queue until it has its slot: somebody else may be faster. Who cannot be called asks again
// by itself.
void job_slot_queue::call_first() noexcept {
  std::shared_ptr<std::function<void()>> callback;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = waiting_.begin(); at != waiting_.end() && !callback; ++at)
      if (const auto who = at->lock()) callback = who->callback;
  }
  if (callback && *callback) try {
      (*callback)();
    } catch (...) { // the connection asks again by itself, if later
    }
}

} // namespace tlsmode::detail
