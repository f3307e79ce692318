// SPDX-License-Identifier: BSL-1.0
// All scenarios over one stream type: a stream's .cpp includes this and instantiates run<its adapter>.
#ifndef TLSMODE_BENCH_SCENARIOS_RUN_HPP
#define TLSMODE_BENCH_SCENARIOS_RUN_HPP

#include "bulk.hpp"
#include "first_byte.hpp"
#include "flood.hpp"
#include "handshake.hpp"
#include "idle.hpp"
#include "offload.hpp"
#include "pingpong.hpp"
#include "scale.hpp"
#include "sequence.hpp"

namespace bench {

template <stream_adapter A>
measurement run(const workload& work) {
  switch (work.kind) {
  case scenario::bulk: return run_bulk<A>(work);
  case scenario::pingpong: return run_pingpong<A>(work);
  case scenario::sequence:
    if constexpr (sequence_adapter<A>) return run_sequence<A>(work);
    break;
  case scenario::first_byte: return run_first_byte<A>(work);
  case scenario::scale: return run_scale<A>(work);
  case scenario::handshake: return run_handshake<A>(work);
  case scenario::idle: return run_idle<A>(work);
  case scenario::flood:
    if constexpr (server_adapter<A>) return run_flood<A>(work);
    break;
  case scenario::offload:
    if constexpr (server_adapter<A>) return run_offload<A>(work);
    break;
  }
  throw std::logic_error("no such scenario");
}

} // namespace bench

#endif
