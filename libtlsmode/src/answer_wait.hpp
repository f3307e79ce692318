// SPDX-License-Identifier: BSL-1.0
// The asking side of a pending_answer, for code that OpenSSL calls: pausing the job, or blocking, until the
// answer is there. Private to the core.
#ifndef TLSMODE_SRC_ANSWER_WAIT_HPP
#define TLSMODE_SRC_ANSWER_WAIT_HPP

#include "job_extras.hpp"

#include <tlsmode/job.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <system_error>

namespace tlsmode::detail {

/// How waiting for an answer ended.
enum class waited : std::uint8_t {
  answered,
  late,      ///< the deadline passed; whoever answers is told
  cancelled, ///< the operation was cancelled and has been called again: ask anew
  ending     ///< the connection goes away: fail, and do not wait again
};

struct answer_wait {
  /// The extras of the connection whose operation runs on this thread, made if need be; null if it is not one
  /// of ours, or if there is no memory.
  static std::shared_ptr<job_extras> current() noexcept;
  /// Makes the operation that runs on this thread fail with `why`, once OpenSSL has failed. `cause`: what
  /// somebody else said about it.
  static void fail_with(std::error_code why, std::error_code cause = {}) noexcept;
  /// True if the code that asks runs in a job.
  static bool in_job() noexcept;

  /// Before the question is given away: when its answer has to be there, and where it may be worked out.
  static void prepare(pending_answer& q, std::chrono::milliseconds limit) noexcept;
  /// Pauses the current job until there is an answer. Precondition: in_job().
  static waited pause(const std::shared_ptr<pending_answer>& q) noexcept;
  /// Blocks the thread until there is an answer.
  static waited block(pending_answer& q) noexcept;

  /// Between two steps, for callbacks that OpenSSL can call again: remembers what the operation waits for, so
  /// that it is woken, and tells how that stands. `waiting`: not answered yet.
  enum class standing : std::uint8_t { waiting, answered, late, abandoned };
  static standing poll(pending_answer& q) noexcept;
  static void remember(const std::shared_ptr<pending_answer>& q) noexcept;

  /// Nobody waits any more.
  static void abandon(pending_answer& q) noexcept;
};

} // namespace tlsmode::detail

#endif
