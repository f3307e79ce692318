// SPDX-License-Identifier: BSL-1.0
// Runs a script through our stream and Boost.Asio's in step, and says where they differ. The differences that
// must be are rules with a name; docs/differences.md has their reasons.
#ifndef TLSMODE_TESTS_DIFFERENTIAL_COMPARISON_HPP
#define TLSMODE_TESTS_DIFFERENTIAL_COMPARISON_HPP

#include "script.hpp"

#include <map>
#include <string>

namespace tlsmode::test {

/// The differences that must be, as docs/differences.md names them.
namespace differences {
inline constexpr const char* partial_cancellation = "5: only terminal cancellation";
inline constexpr const char* cancelled_write = "6: a cancelled write";
inline constexpr const char* read_takes_all = "11: a read takes all that is there";
inline constexpr const char* found_behind_bytes = "11: a read finds the failure behind its bytes";
inline constexpr const char* write_takes_all = "11: a write takes all buffers";
inline constexpr const char* failed_connection = "a failed connection is used no more";
inline constexpr const char* last_alert = "the last alert waits for a peer that takes nothing";
inline constexpr const char* data_after_the_end = "data after close_notify is ignored";
inline constexpr const char* two_failures = "a shutdown that fails twice tells of the layer's failure";
} // namespace differences

struct verdict {
  std::string difference;           ///< empty if they agree, or differ by a rule only
  std::map<std::string, int> rules; ///< that were used
  std::size_t steps = 0;            ///< actions compared
  bool to_the_end = false;
};

[[nodiscard]] verdict compare(const script& s);

} // namespace tlsmode::test

#endif
