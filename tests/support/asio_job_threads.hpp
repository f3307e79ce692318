// SPDX-License-Identifier: BSL-1.0
// Streams whose steps run on job threads: pairs of them, and a callback of OpenSSL that keeps a step there
// for as long as a test wants.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_JOB_THREADS_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_JOB_THREADS_HPP

#include "asio_fixture.hpp"
#include "asio_pausing.hpp"

#include <tlsmode/job_threads.hpp>

#include <openssl/ssl.h>

#include <atomic>
#include <future>
#include <thread>

namespace tlsmode::test {

/// Keeps a server's step in its certificate callback: not paused, simply busy. Opened at most once.
class gate {
 public:
  explicit gate(SSL* server) {
    SSL_set_cert_cb(
        server,
        [](SSL*, void* self) {
          static_cast<gate*>(self)->pass();
          return 1;
        },
        this);
  }
  ~gate() { open(); }
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  [[nodiscard]] bool reached() const noexcept { return reached_; }
  /// Where the callback ran; valid once reached.
  [[nodiscard]] std::thread::id thread() const noexcept { return thread_; }
  void open() {
    if (!opened_.exchange(true)) open_.set_value();
  }

 private:
  void pass() {
    thread_ = std::this_thread::get_id();
    reached_ = true;
    way_.wait();
  }
  std::promise<void> open_;
  std::shared_future<void> way_{open_.get_future().share()};
  std::atomic<bool> opened_{false};
  std::atomic<bool> reached_{false};
  std::thread::id thread_;
};

/// A server of ours with a job thread of its own; the client is Boost.Asio's. The thread ends before what the
/// steps there may use.
template <class Pair>
struct on_job_thread : Pair {
  explicit on_job_thread(int version = TLS1_3_VERSION) : Pair(pair_options{version}) {
    this->server.set_mode(mode::async);
    this->server.set_placement(placement::job_threads);
    this->server.set_job_threads(pool);
  }
  void start() {
    c = start_handshake(this->client, as_client);
    s = start_handshake(this->server, as_server);
  }
  /// Both sides, to the end.
  void finish() {
    run_until(this->io, [&] { return c.done() && s.done(); });
  }
  job_threads pool{1};
  operation c;
  operation s;
};

} // namespace tlsmode::test

#endif
