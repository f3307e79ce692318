// SPDX-License-Identifier: BSL-1.0
// tlsmode::stream over a TCP socket in each of its configurations. They are one type of stream, and so one
// adapter: what differs is said to each context and each stream when it is new. The stream as it comes
// (tlsmode.cpp) has an adapter like the baseline's, which asks nothing.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/run.hpp"

#include <tlsmode/asio/stream.hpp>
#include <tlsmode/job_threads.hpp>
#include <tlsmode/signer.hpp>

#include <memory>
#include <optional>
#include <system_error>

namespace bench {
namespace {

using stream = tlsmode::stream<boost_asio::socket>;

// The one thread that a server has besides its loop's.
enum class helper : std::uint8_t {
  none,
  signer,    // makes the signatures; handshakes are suspended meanwhile, and the loop goes on
  job_thread // runs the handshakes, and the loop only moves the bytes; reads and writes stay on the loop
};

struct configuration {
  helper of_server = helper::none;
  void (*prepare)(stream&) = nullptr; // each stream, at both ends
};

struct configured : boost_asio_tls<stream> {
  // The configuration of every connection made from now on. Samples are taken one after the other.
  static inline const configuration* current = nullptr;

  struct context : boost_asio_tls::context {
    explicit context(role side, const tls_parameters& tls = {}) : boost_asio_tls::context(side, tls) {
      if (side == role::client) return;
      if (current->of_server == helper::job_thread) one_thread.emplace(std::size_t{1});
      if (current->of_server != helper::signer) return;
      SSL_CTX* const native = value.native_handle();
      const auto signer =
          std::make_shared<tlsmode::thread_pool_signer>(tlsmode::private_key_of(native), std::size_t{1});
      if (const auto error = tlsmode::use_signer(native, signer))
        throw std::system_error(error, "use_signer");
    }
    void prepare(stream& fresh) {
      if (current->prepare != nullptr) current->prepare(fresh);
      if (!one_thread) return;
      fresh.set_mode(tlsmode::mode::async);
      fresh.set_placement(tlsmode::placement::job_threads);
      fresh.set_job_threads(*one_thread);
    }
    std::optional<tlsmode::job_threads> one_thread;
  };

  static connection open(loop& where, context& settings, unique_fd fd) {
    connection fresh(adopt(where, std::move(fd)), settings.value);
    settings.prepare(fresh);
    return fresh;
  }
  static task<connection> accept(loop& where, context& settings, acceptor& from) {
    connection fresh = co_await boost_asio_tls::accept(where, settings, from);
    settings.prepare(fresh);
    co_return fresh;
  }
};

template <const configuration& which>
measurement run_as(const workload& work) {
  configured::current = &which;
  return run<configured>(work);
}

constexpr configuration with_signer{helper::signer};
constexpr configuration with_job_thread{helper::job_thread};
constexpr configuration in_jobs{helper::none, [](stream& fresh) { fresh.set_mode(tlsmode::mode::async); }};
constexpr configuration with_record_sizing{
    helper::none, [](stream& fresh) { fresh.set_record_sizing(tlsmode::record_sizing()); }};
constexpr configuration with_kept_buffers{helper::none, [](stream& fresh) { fresh.set_keep_buffers(true); }};

} // namespace

const stream_type tlsmode_signer_stream{"tlsmode-signer", "tlsmode, signer thread", run_as<with_signer>};
const stream_type tlsmode_job_threads_stream{"tlsmode-job-threads", "tlsmode, job thread",
                                             run_as<with_job_thread>};
const stream_type tlsmode_async_stream{"tlsmode-async", "tlsmode, mode::async", run_as<in_jobs>};
const stream_type tlsmode_record_sizing_stream{"tlsmode-record-sizing", "tlsmode, record sizing",
                                               run_as<with_record_sizing>};
const stream_type tlsmode_kept_buffers_stream{"tlsmode-kept-buffers", "tlsmode, buffers kept",
                                              run_as<with_kept_buffers>};

} // namespace bench
