// SPDX-License-Identifier: BSL-1.0
// Every hook that can be waited for, on the side that it is for, as cases of the same test: how to bring a
// connection to ask it, and what to answer.
#ifndef TLSMODE_TESTS_SUPPORT_HOOK_CASES_HPP
#define TLSMODE_TESTS_SUPPORT_HOOK_CASES_HPP

#include "memory_pair.hpp"

#include <tlsmode/hook.hpp>

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace tlsmode::test {

/// One request, whatever its kind.
struct asked_question {
  std::shared_ptr<pending_answer> request;
  std::function<bool()> answer; ///< so that the handshake goes on
  std::function<bool(std::error_code)> fail;
};

/// What the hooks of a test have been asked.
struct asked_questions {
  std::vector<asked_question> open; ///< unless they are answered at once
  int count = 0;
  bool at_once = false;
  bool throws = false;
  std::map<std::string, secret_bytes> sessions; ///< kept for the session hook

  /// A hook that answers each request with what `good` makes of it.
  template <class Request, class Good>
  std::function<void(std::shared_ptr<Request>)> hook(Good good) {
    return [this, good](std::shared_ptr<Request> r) {
      ++count;
      if (throws) throw std::bad_alloc();
      if (at_once) {
        r->answer(good(r->question()));
        return;
      }
      open.push_back({r, [r, good] { return r->answer(good(r->question())); },
                      [r](std::error_code ec) { return r->fail(ec); }});
    };
  }
};

struct hook_case {
  const char* name;
  int version;
  suspend reason; ///< why the handshake stops for it
  bool on_client;
  bool second_connection; ///< it takes a session of an earlier connection
  std::function<void(hooks&, asked_questions&)> install;
};

/// All cases, each with both versions.
std::vector<hook_case> all_hook_cases();

/// Contexts for a case, with its hook, and pairs of connections that come to ask it.
struct hook_rig {
  explicit hook_rig(const hook_case& c, std::chrono::milliseconds time_limit = std::chrono::hours(1));
  hook_rig(const hook_rig&) = delete;
  hook_rig& operator=(const hook_rig&) = delete;

  [[nodiscard]] std::unique_ptr<memory_pair> pair() const;
  /// A pair that has come to ask and stops there; throws if it does not.
  [[nodiscard]] std::unique_ptr<memory_pair> asking_pair();
  [[nodiscard]] endpoint& side_of(memory_pair& p) const { return what.on_client ? p.client : p.server; }

  hook_case what;
  asked_questions asked;
  context client;
  context server;
};

} // namespace tlsmode::test

#endif
