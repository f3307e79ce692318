// SPDX-License-Identifier: BSL-1.0
// tlsmode::stream as a server whose handshakes run on a job thread: the way to suspend where the loop has
// several threads. The loop only moves the bytes.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/flood.hpp"
#include "scenarios/offload.hpp"

#include <tlsmode/asio/stream.hpp>
#include <tlsmode/job_threads.hpp>

namespace bench {
namespace {

struct on_job_thread : boost_asio_tls<tlsmode::stream<boost_asio::socket>> {
  struct context : boost_asio_tls::context {
    explicit context(role side, const tls_parameters& tls = {}) : boost_asio_tls::context(side, tls) {}
    tlsmode::job_threads one_thread{1};
  };

  static connection placed(connection stream, context& settings) {
    stream.set_mode(tlsmode::mode::async); // for handshakes; reads and writes stay on the loop
    stream.set_placement(tlsmode::placement::job_threads);
    stream.set_job_threads(settings.one_thread);
    return stream;
  }
  static connection open(loop& where, context& settings, unique_fd fd) {
    return placed(boost_asio_tls::open(where, settings, std::move(fd)), settings);
  }
  static task<connection> accept(loop& where, context& settings, acceptor& from) {
    co_return placed(co_await boost_asio_tls::accept(where, settings, from), settings);
  }
};

measurement run_on_job_thread(const workload& work) {
  switch (work.kind) {
  case scenario::flood: return run_flood<on_job_thread>(work);
  case scenario::offload: return run_offload<on_job_thread>(work);
  default: throw std::logic_error("no such scenario");
  }
}

} // namespace

const stream_type tlsmode_job_threads_stream{"tlsmode-job-threads", "tlsmode, job thread", run_on_job_thread};

} // namespace bench
