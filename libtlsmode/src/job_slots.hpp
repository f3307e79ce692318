// SPDX-License-Identifier: BSL-1.0
// Connections that wait for a slot in their thread's job pool. OpenSSL says that the pool is full and never
// that it no longer is, so the engine tells: first in, first out. Private to the core.
#ifndef TLSMODE_SRC_JOB_SLOTS_HPP
#define TLSMODE_SRC_JOB_SLOTS_HPP

#include "job_extras.hpp"

#include <list>
#include <memory>
#include <mutex>

namespace tlsmode::detail {

/// One for each thread that ever had a full pool. A connection may leave it on another thread.
class job_slot_queue {
 public:
  /// Queues the connection on this thread, unless it is queued here already: `operation`, a bit, wants a
  /// slot. Throws std::bad_alloc.
  static void wait(const std::shared_ptr<job_extras>& who, unsigned operation);
  /// These operations have had a slot, or do not want one any more. A connection of which none is left goes
  /// out of the queue. Whoever is first then may try.
  static void leave(job_extras& who, unsigned operations = all) noexcept;
  /// True if nobody else is asked before it when a slot is free.
  static bool is_first(const job_extras& who) noexcept;
  /// A job of this thread has ended: whoever has waited longest is called.
  static void slot_freed() noexcept;

 private:
  static constexpr unsigned all = 0xff;
  void call_first() noexcept;
  std::mutex mutex_;
  std::list<std::weak_ptr<job_extras>> waiting_;
};

} // namespace tlsmode::detail

#endif
