// SPDX-License-Identifier: BSL-1.0
// The loop of the adapters on Asio, Boost's or the other one.
#ifndef TLSMODE_BENCH_STREAMS_ASIO_LOOP_HPP
#define TLSMODE_BENCH_STREAMS_ASIO_LOOP_HPP

#include <chrono>

namespace bench {

template <class IoContext>
struct asio_loop {
  struct loop {
    IoContext io{1}; // run by one thread
  };
  static void run(loop& which) {
    which.io.restart();
    which.io.run();
  }
  static void run_for(loop& which, std::chrono::milliseconds time) {
    which.io.restart();
    which.io.run_for(time);
  }
  static void stop(loop& which) { which.io.stop(); }
};

} // namespace bench

#endif
