// SPDX-License-Identifier: BSL-1.0
// Where do handlers run? The completion handler and every handler in between on the executor associated with
// the completion handler, whatever the operation waited for; and on the stream's own if there is none.
#include "asio_layered.hpp"
#include "job_pauser.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>

BOOST_AUTO_TEST_SUITE(executors)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

// An executor that counts what it runs and knows whether it is running something.
class counting_executor {
 public:
  struct counts {
    int executed = 0;
    int inside = 0;
  };
  counting_executor(net::io_context& io, counts& c) noexcept : io_(&io), counts_(&c) {}

  net::execution_context& query(net::execution::context_t) const noexcept { return *io_; }
  static constexpr net::execution::blocking_t::never_t query(net::execution::blocking_t) noexcept {
    return {};
  }
  template <class Function>
  void execute(Function f) const {
    net::post(*io_, [c = counts_, g = std::move(f)]() mutable {
      ++c->executed;
      ++c->inside;
      std::move(g)();
      --c->inside;
    });
  }
  [[maybe_unused]] friend bool operator==(const counting_executor& a, const counting_executor& b) noexcept {
    return a.io_ == b.io_ && a.counts_ == b.counts_;
  }

 private:
  net::io_context* io_;
  counts* counts_;
};
static_assert(net::execution::is_executor<counting_executor>::value);

// Set while the code that starts operations runs: the first step of an operation runs inside it.
bool initiating = false;
int outside = 0; // steps that ran neither there nor in the executor

// A buffer sequence of one buffer that takes part in every step of the operation, and looks where it is.
template <class Buffer>
struct watching_buffers {
  using value_type = Buffer;
  using const_iterator = const Buffer*;
  Buffer buffer;
  counting_executor::counts* counts;
  const_iterator begin() const {
    if (!initiating && counts->inside == 0) ++outside;
    return &buffer;
  }
  const_iterator end() const { return &buffer + 1; }
};

// Starts operations on a counting executor and looks where their handlers run.
class watch {
 public:
  explicit watch(net::io_context& io) : io_(io) { outside = 0; }
  template <class Start>
  operation start(Start how) {
    return start_on(counting_executor(io_, counts), how);
  }
  // The same, on an executor of the type that streams have.
  template <class Start>
  operation start_erased(Start how) {
    return start_on(net::any_io_executor(counting_executor(io_, counts)), how);
  }
  // Checks that the operation, which had to wait, did so on the executor.
  void check(const operation& op, int least, error_code ec = {}) {
    run_until(io_, [&] { return op.done(); });
    BOOST_TEST(op.ec() == ec);
    check_handlers(least);
  }
  void check_handlers(int least) {
    BOOST_TEST(inside_at_end == 1, "the completion handler runs on its executor");
    BOOST_TEST(counts.executed >= least, "so does every handler in between");
    BOOST_TEST(outside == 0);
    counts.executed = inside_at_end = 0;
  }
  // Every step of a handshake looks where it is.
  void look_at_steps_of(SSL* ssl) {
    looked_at = &counts;
    SSL_set_info_callback(ssl, [](const SSL*, int, int) {
      if (!initiating && looked_at->inside == 0) ++outside;
    });
  }
  counting_executor::counts counts;
  int inside_at_end = 0;

 private:
  template <class Executor, class Start>
  operation start_on(const Executor& ex, Start how) {
    operation op;
    initiating = true;
    how(net::bind_executor(ex, op.make_handler([this](auto, auto) { inside_at_end = counts.inside; })));
    initiating = false;
    return op;
  }

  static inline counting_executor::counts* looked_at = nullptr;
  net::io_context& io_;
};

template <class Stream>
struct watched_client : tls_pair<Stream, asio_stream>, watch {
  watched_client() : tls_pair<Stream, asio_stream>(pair_options{TLS1_3_VERSION, tiny}), watch(this->io) {}
};
template <class Stream>
struct watched_server : tls_pair<asio_stream, Stream>, watch {
  watched_server() : watch(this->io) {}
};

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(every_handler_of_every_operation_runs_on_the_associated_executor, Stream,
                              both_channels) {
  watched_client<Stream> p;
  p.look_at_steps_of(p.client.native_handle());
  const operation c = p.start([&](auto handler) { p.client.async_handshake(as_client, std::move(handler)); });
  const operation s = start_handshake(p.server, as_server);
  p.check(c, 1);
  run_until(p.io, [&] { return s.done(); });
  SSL_set_info_callback(p.client.native_handle(), nullptr);

  const std::string text = random_bytes(100000, 1);
  p.client.clear_mode(mode::enable_partial_write); // so that it has to wait several times
  const watching_buffers<net::const_buffer> from{net::buffer(text), &p.counts};
  const operation write = p.start([&](auto h) { p.client.async_write_some(from, std::move(h)); });
  const operation second = p.start([&](auto h) { p.client.async_write_some(from, std::move(h)); });
  receiver in(p.server);
  in.start(2 * text.size());
  run_until(p.io, [&] { return in.done() && second.done(); });
  BOOST_TEST((in.data() == text + text));
  BOOST_TEST(second.good());
  p.check(write, 4);

  std::array<char, 10> room{};
  const watching_buffers<net::mutable_buffer> to{net::buffer(room), &p.counts};
  const operation read = p.start([&](auto h) { p.client.async_read_some(to, std::move(h)); });
  settle(p.io);
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  p.check(read, 1);

  const operation bye = p.start([&](auto h) { p.client.async_shutdown(std::move(h)); });
  settle(p.io);
  const operation peer = start_shutdown(p.server);
  p.check(bye, 1);
  run_until(p.io, [&] { return peer.done(); });

  // Complete at once: posted to the executor.
  const operation late = p.start([&](auto h) { p.client.async_write_some(from, std::move(h)); });
  run_until(p.io, [&] { return late.done(); });
  BOOST_TEST(late.ec() == tlsmode::error::write_after_shutdown);
  BOOST_TEST(p.inside_at_end == 1);
  BOOST_TEST(p.counts.executed == 1);
  for (const char* name :
       {"handshake", "write", "write behind a write", "read", "shutdown", "complete at once"})
    conforms("executors", name, channel_name<Stream>);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(so_does_what_has_an_executor_of_the_streams_type, Stream, both_channels) {
  watched_client<Stream> p;
  p.handshake();
  std::array<char, 10> room{};
  const watching_buffers<net::mutable_buffer> to{net::buffer(room), &p.counts};
  const operation read = p.start_erased([&](auto h) { p.client.async_read_some(to, std::move(h)); });
  settle(p.io);
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  p.check(read, 1);
}

// A handshake that began elsewhere and waits for a job; the other direction waits for readiness.
BOOST_AUTO_TEST_CASE_TEMPLATE(so_does_what_waits_for_a_job, Stream, both_channels) {
  for (const bool calls_back : {false, true}) {
    watched_server<Stream> p;
    job_pauser crypto(p.server.native_handle());
    crypto.arm(job_pauser::point::certificate);
    if (calls_back) crypto.promise_callback(); // else the job is asked again and again
    p.server.set_mode(mode::async);
    p.server.set_placement(placement::inline_);
    p.look_at_steps_of(p.server.native_handle());
    const operation c = start_handshake(p.client, as_client);
    p.io.restart();
    p.io.poll();
    wait_for_bytes(socket_of(p.server));
    std::array<char, 2000> hello{};
    const std::size_t size = socket_of(p.server).read_some(net::buffer(hello));
    const operation s =
        p.start([&](auto h) { p.server.async_handshake(as_server, net::buffer(hello, size), std::move(h)); });
    run_until(p.io, [&] { return crypto.pauses() != 0; });
    BOOST_TEST(!s.done());
    crypto.release();
    if (calls_back) crypto.call_back();
    p.check(s, 2);
    SSL_set_info_callback(p.server.native_handle(), nullptr);
    run_until(p.io, [&] { return c.done(); });
  }
  conforms("executors", "handshake that has begun, as a job", channel_name<Stream>);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(so_does_what_waits_for_readiness, Stream, both_channels) {
  watched_client<Stream> p;
  p.handshake();
  const operation readable =
      p.start([&](auto h) { p.client.async_wait(net::socket_base::wait_read, std::move(h)); });
  settle(p.io);
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  p.check(readable, 1);
  p.client.clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(1 << 20, 1);
  const operation write = start_write(p.client, net::buffer(text));
  const operation writable =
      p.start([&](auto h) { p.client.async_wait(net::socket_base::wait_write, std::move(h)); });
  settle(p.io);
  BOOST_TEST(!writable.done());
  receiver in(p.server);
  in.start(text.size());
  p.check(writable, 1);
  run_until(p.io, [&] { return write.done() && reply.done() && in.done(); });
  conforms("executors", "wait for reading", channel_name<Stream>);
  conforms("executors", "wait for writing", channel_name<Stream>);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(so_does_what_is_cancelled_wherever_it_waits, Stream, both_channels) {
  watched_client<Stream> p;
  p.handshake();
  std::array<char, 10> room{};
  const auto read = [&] {
    return p.start([&](auto h) {
      p.client.async_read_some(watching_buffers<net::mutable_buffer>{net::buffer(room), &p.counts},
                               std::move(h));
    });
  };
  operation first = read();  // waits for bytes
  operation second = read(); // waits for its turn
  settle(p.io);
  second.cancel();
  p.check(second, 1, net::error::operation_aborted);
  first.cancel();
  p.check(first, 1, net::error::operation_aborted);
  conforms("executors", "cancelled read", channel_name<Stream>);
  conforms("executors", "cancelled read behind a read", channel_name<Stream>);
}

// The connection has failed, and the peer takes no alert.
BOOST_AUTO_TEST_CASE_TEMPLATE(so_does_what_waits_for_the_last_alert, Stream, both_channels) {
  watched_client<Stream> p;
  p.handshake();
  p.client.clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(1 << 20, 1);
  operation write = start_write(p.client, net::buffer(text));
  std::array<char, 10> room{};
  operation read = p.start([&](auto h) {
    p.client.async_read_some(watching_buffers<net::mutable_buffer>{net::buffer(room), &p.counts},
                             std::move(h));
  });
  settle(p.io);
  const std::string_view junk = "this is no TLS record, it is text";
  BOOST_REQUIRE(p.server.next_layer().write_some(net::buffer(junk)) == junk.size());
  run_until(p.io, [&] { return p.client.state() == connection_state::failed; });
  settle(p.io);
  BOOST_TEST(!read.done());
  read.cancel();
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST((read.ec().category() == net::error::get_ssl_category()));
  p.check_handlers(2);
  write.cancel();
  run_until(p.io, [&] { return write.done(); });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_handlers_may_belong_to_another_io_context, Stream, both_channels) {
  open_pair<tls_pair<Stream, asio_stream>> p({TLS1_3_VERSION, tiny});
  net::io_context other;
  std::array<char, 10> room{};
  const auto read = [&] {
    operation op;
    p.client.async_read_some(net::buffer(room), net::bind_executor(other.get_executor(), op.make_handler()));
    return op;
  };
  // Runs both by turns; only the turns of `other` may bring the operation on.
  const auto finish = [&](const operation& op) {
    for (int i = 0; i < 10000 && !op.done(); ++i) {
      const auto so_far = p.client.stats().plain_read;
      settle(p.io);
      BOOST_TEST(!op.done());
      BOOST_TEST(p.client.stats().plain_read == so_far);
      other.restart();
      other.poll();
    }
    return op.bytes();
  };
  const operation waiting = read();
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  BOOST_TEST(finish(waiting) == 5U);
  run_until(p.io, [&] { return reply.done(); });
  const operation more = start_write(p.server, net::buffer("0123456789abcdef", 16));
  BOOST_TEST(finish(read()) == 10U);
  const operation at_once = read(); // complete, but for its handler
  BOOST_TEST(finish(at_once) == 6U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(without_an_association_handlers_run_on_the_streams_own_executor, Stream,
                              both_channels) {
  net::io_context io;
  const auto strand = net::make_strand(io);
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(strand, io.get_executor());
  Stream client(std::move(sockets.first), client_settings);
  asio_stream server(std::move(sockets.second), server_settings);
  BOOST_TEST((client.get_executor() == net::any_io_executor(strand)));
  bool on_strand = false;
  const auto look = [&](auto, auto) { on_strand = strand.running_in_this_thread(); };
  const operation c = start_handshake(client, as_client, look);
  const operation s = start_handshake(server, as_server);
  run_until(io, [&] { return c.done() && s.done(); });
  BOOST_TEST(on_strand);
  on_strand = false;
  const operation write = start_write(client, net::buffer("hello", 5), look);
  run_until(io, [&] { return write.done(); });
  BOOST_TEST(on_strand);
}

BOOST_AUTO_TEST_SUITE_END()
