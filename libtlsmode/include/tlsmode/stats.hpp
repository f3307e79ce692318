// SPDX-License-Identifier: BSL-1.0
// Counters of one connection: plain numbers, kept by the engine, read by whoever is curious.
#ifndef TLSMODE_STATS_HPP
#define TLSMODE_STATS_HPP

#include <cstdint>

namespace tlsmode {

/// What happened on one connection so far. All values only grow, `spill_peak` included, until a reset() of
/// the connection, which begins again at zero.
struct stats {
  std::uint64_t plain_read = 0;       ///< plaintext bytes given to the caller
  std::uint64_t plain_written = 0;    ///< plaintext bytes sealed
  std::uint64_t cipher_read = 0;      ///< ciphertext bytes taken from the transport
  std::uint64_t cipher_written = 0;   ///< ciphertext bytes given to the transport
  std::uint64_t transport_reads = 0;  ///< calls of transport::read()
  std::uint64_t transport_writes = 0; ///< calls of its write functions
  std::uint64_t spilled = 0;          ///< ciphertext bytes not taken at once; on job threads all
  std::uint64_t spill_peak = 0;       ///< most bytes held back at one time, tickets of a handshake among them
  std::uint64_t suspended_read = 0;   ///< steps that stopped with want_read
  std::uint64_t suspended_write = 0;  ///< steps that stopped with want_write
  std::uint64_t suspended_async = 0;  ///< steps that stopped with want_async or want_async_job
  std::uint32_t suspended_other = 0;  ///< steps that stopped for any other reason
  std::uint32_t buffers_released = 0; ///< times that OpenSSL's record buffers were freed on going idle
};

/// Paused jobs that could not be ended when their connection was destroyed, because their thread was not the
/// current one or they did not end when asked; counted for the whole process. Each keeps about 33 KB.
[[nodiscard]] std::uint64_t abandoned_jobs() noexcept;

} // namespace tlsmode

#endif
