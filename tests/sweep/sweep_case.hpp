// SPDX-License-Identifier: BSL-1.0
// One case of the fault sweep over the stream: which operation meets which fault at which step of the layer
// below, and what came of it. Knows no streams, so that those who choose cases compile fast.
#ifndef TLSMODE_TESTS_SWEEP_CASE_HPP
#define TLSMODE_TESTS_SWEEP_CASE_HPP

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace tlsmode::test {

enum class scenario { handshake, client_auth, resumption, write, read, key_update, shutdown };
inline constexpr std::array scenario_names{
    "handshake", "client authentication", "resumption", "write", "read", "KeyUpdate", "shutdown"};
constexpr bool is_handshake(scenario s) { return s <= scenario::resumption; }

/// How the operations run: as they are, with blocking calls, with a signer that answers later, with hooks
/// that are coroutines, with jobs that pause at every record.
enum class variant { plain, synchronous, signer, hooks, jobs };
inline constexpr std::array variant_names{"plain", "synchronous", "with a signer", "with hooks", "with jobs"};

enum class fault {
  none,
  error, ///< the layer fails
  reset,
  eof,   ///< the peer's side ends, without close_notify
  stall, ///< nothing moves, then it goes on
  cancel_terminal,
  cancel_partial,
  cancel_total,
  allocation, ///< an operator new fails; the step is the number of it
  destroy_stream,
  destroy_context
};
inline constexpr std::array fault_names{"none",       "error",     "reset",        "eof",
                                        "stall",      "terminal",  "partial",      "total",
                                        "allocation", "destroyed", "no io_context"};

struct sweep_case {
  scenario what = scenario::handshake;
  variant how = variant::plain;
  int version = 0;
  bool client = true;       ///< the side that meets the fault
  std::size_t chunk = 1024; ///< most bytes that the layer moves at once
  fault meets = fault::none;
  long step = 0; ///< from 1: the operation of the layer
};

struct sweep_result {
  bool struck = false;            ///< the fault has
  bool aborted = false;           ///< the operation was, by a cancellation
  bool failed = false;            ///< the operation did
  long steps = 0;                 ///< operations of the layer, or allocations, up to the end
  std::vector<std::string> wrong; ///< what is not as it must be
};

/// True if there is such a case.
bool applies(const sweep_case& c);
/// Runs it with fresh streams.
sweep_result run_case(const sweep_case& c);

} // namespace tlsmode::test

#endif
