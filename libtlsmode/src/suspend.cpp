// SPDX-License-Identifier: BSL-1.0
// Names of the reasons to stop.
#include <tlsmode/suspend.hpp>

namespace tlsmode {

std::string_view to_string(suspend why) noexcept {
  switch (why) {
  case suspend::none: return "none";
  case suspend::want_read: return "want_read";
  case suspend::want_write: return "want_write";
  case suspend::want_async: return "want_async";
  case suspend::want_async_job: return "want_async_job";
  case suspend::want_client_hello: return "want_client_hello";
  case suspend::want_certificate: return "want_certificate";
  case suspend::want_verify: return "want_verify";
  case suspend::want_turn: return "want_turn";
  }
  return "?";
}

} // namespace tlsmode
