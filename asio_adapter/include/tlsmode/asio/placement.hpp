// SPDX-License-Identifier: BSL-1.0
// Where the operations of a stream run that may be paused.
#ifndef TLSMODE_ASIO_PLACEMENT_HPP
#define TLSMODE_ASIO_PLACEMENT_HPP

#include <cstdint>

namespace tlsmode {

/// OpenSSL lets a paused job be gone on with only by the thread that started it. See docs/decisions/0007.
enum class placement : std::uint8_t {
  automatic,  ///< inline_ on an execution context that was made for one thread, such as io_context(1); else
              ///< job_threads
  inline_,    ///< where the operation runs: for one io_context per thread. Elsewhere going on with a job is
              ///< refused with error::job_on_other_thread
  job_threads ///< on job threads: right on any strand over any number of threads. Callbacks of OpenSSL, such
              ///< as verify callbacks, hooks that answer at once and notifications then run there too, for
              ///< several connections at a time
};

} // namespace tlsmode

#endif
