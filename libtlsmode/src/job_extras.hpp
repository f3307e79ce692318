// SPDX-License-Identifier: BSL-1.0
// What an engine keeps for jobs and for questions asked in the middle of its operations. Most connections
// never have it. Shared with the jobs' own stack, which may outlive the engine. Private to the core.
#ifndef TLSMODE_SRC_JOB_EXTRAS_HPP
#define TLSMODE_SRC_JOB_EXTRAS_HPP

#include <tlsmode/engine.hpp>
#include <tlsmode/job.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <system_error>

namespace tlsmode::detail {

class job_slot_queue;
struct hook_progress;

struct job_extras {
  std::shared_ptr<std::function<void()>> callback; // of engine::set_job_callback()
  std::shared_ptr<answer_host> host;
  std::shared_ptr<pending_answer> awaited; // what the operation waits for, in its job or between two steps
  std::shared_ptr<hook_progress> hooks;    // made when a hook was first asked
  std::error_code why;                     // what made OpenSSL fail, if it was not OpenSSL,
  std::error_code cause;                   // and what somebody else said about it
  std::error_code lookup_failed;           // why a session hook gave no answer, which OpenSSL does not mind
  bool ending = false;                     // the connection goes away: nothing is to be waited for

  // While the connection waits for a free slot in a thread's job pool.
  std::uint8_t slot_wanted = 0; // by these operations, a bit for each
  std::shared_ptr<job_slot_queue> slots;
  std::list<std::weak_ptr<job_extras>>::iterator place;
};

} // namespace tlsmode::detail

#endif
