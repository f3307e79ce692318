// SPDX-License-Identifier: BSL-1.0
// Can an operation be cancelled, or lose its stream and its io_context, while it waits for something that is
// no socket: a callback that wants to be asked again, a free job, an alert, another operation's turn? Does
// io_context::run() stay for it?
#define BOOST_TEST_MODULE adapter_suspensions
#include "asio_layered.hpp"
#include "asio_pausing.hpp"
#include "asio_session.hpp"

#include <tlsmode/stats.hpp>

#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/async.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

enum class asking { client_hello, certificate, verification };
constexpr asking all_of_them[] = {asking::client_hello, asking::certificate, asking::verification};
constexpr const char* point_names[] = {"handshake, for a ClientHello callback",
                                       "handshake, for a certificate callback",
                                       "handshake, for a verify callback"};
constexpr net::cancellation_type types[] = {net::cancellation_type::terminal, net::cancellation_type::partial,
                                            net::cancellation_type::total};

// Callbacks of OpenSSL that ask to be called again until `ready`.
struct slow_callbacks {
  bool ready = false;
  int asked = 0;

  [[nodiscard]] bool not_yet() {
    ++asked;
    return !ready;
  }
  void install(asking what, SSL_CTX* ctx) {
    switch (what) {
    case asking::client_hello:
      SSL_CTX_set_client_hello_cb(
          ctx,
          [](SSL*, int*, void* self) {
            return static_cast<slow_callbacks*>(self)->not_yet() ? SSL_CLIENT_HELLO_RETRY
                                                                 : SSL_CLIENT_HELLO_SUCCESS;
          },
          this);
      break;
    case asking::certificate:
      SSL_CTX_set_cert_cb(
          ctx, [](SSL*, void* self) { return static_cast<slow_callbacks*>(self)->not_yet() ? -1 : 1; }, this);
      break;
    case asking::verification:
      SSL_CTX_set_cert_verify_callback(
          ctx,
          [](X509_STORE_CTX* store, void* self) {
            const int index = SSL_get_ex_data_X509_STORE_CTX_idx();
            auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, index));
            if (static_cast<slow_callbacks*>(self)->not_yet())
              return static_cast<int>(SSL_set_retry_verify(ssl));
            return X509_verify_cert(store);
          },
          this);
      break;
    }
  }
};

// One side of ours with a slow callback, which is asked twice at least: so it waits.
template <class Stream>
struct slow_pair {
  explicit slow_pair(asking what) : is_client(what == asking::verification) {
    callbacks.install(what, (is_client ? for_client : for_server).native_handle());
    auto sockets = tcp_pair(io->get_executor(), io->get_executor());
    ours = std::make_shared<Stream>(std::move(is_client ? sockets.first : sockets.second),
                                    is_client ? for_client : for_server);
    peer = std::make_unique<asio_stream>(std::move(is_client ? sockets.second : sockets.first),
                                         is_client ? for_server : for_client);
    theirs = start_handshake(*peer, is_client ? as_server : as_client);
  }
  operation start(operation::callback then = {}) {
    return start_handshake(*ours, is_client ? as_client : as_server, std::move(then));
  }
  void run_to_the_wait() {
    const int before = callbacks.asked;
    run_until(*io, [&] { return callbacks.asked >= before + 2; });
  }
  bool is_client;
  slow_callbacks callbacks;
  std::unique_ptr<net::io_context> io = std::make_unique<net::io_context>();
  net::ssl::context for_client = client_context(TLS1_3_VERSION);
  net::ssl::context for_server = server_context(TLS1_3_VERSION);
  std::shared_ptr<Stream> ours;
  std::unique_ptr<asio_stream> peer;
  operation theirs;
};

} // namespace

BOOST_AUTO_TEST_SUITE(suspended_for_a_callback)

BOOST_AUTO_TEST_CASE_TEMPLATE(the_handshake_is_cancelled_and_gone_on_with, Stream, both_channels) {
  for (const asking what : all_of_them) {
    slow_pair<Stream> p(what);
    for (const auto type : types) {
      operation op = p.start();
      p.run_to_the_wait();
      BOOST_TEST(!op.done());
      op.cancel(type);
      if (type == net::cancellation_type::total) {
        p.run_to_the_wait();
        BOOST_TEST(!op.done(), "bytes have gone both ways");
        op.cancel();
      }
      run_until(*p.io, [&] { return op.done(); });
      BOOST_TEST(op.aborted());
      BOOST_TEST(op.calls() == 1);
      const int asked = p.callbacks.asked;
      settle(*p.io);
      BOOST_TEST(p.callbacks.asked == asked, "nobody asks any more");
      conforms("cancellation", point_names[static_cast<std::size_t>(what)], name_of(type));
    }
    const operation op = p.start();
    p.run_to_the_wait();
    p.callbacks.ready = true;
    run_until(*p.io, [&] { return op.done() && p.theirs.done(); });
    BOOST_TEST(op.ec() == error_code());
    BOOST_TEST(p.theirs.ec() == error_code());
    check_session(*p.io, *p.ours, *p.peer);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_time_limit_ends_the_wait, Stream, both_channels) {
  for (const asking what : all_of_them) {
    slow_pair<Stream> p(what);
    p.ours->expires_after(std::chrono::milliseconds(20));
    const operation op = p.start();
    run_until(*p.io, [&] { return op.done(); });
    BOOST_TEST(op.ec() == net::error::timed_out);
    p.ours->expires_never();
    p.callbacks.ready = true;
    const operation again = p.start();
    run_until(*p.io, [&] { return again.done(); });
    BOOST_TEST(again.ec() == error_code());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_loop_stays, Stream, both_channels) {
  for (const asking what : all_of_them) {
    slow_pair<Stream> p(what);
    const operation op = p.start();
    p.run_to_the_wait();
    p.peer->lowest_layer().close(); // from now on nobody waits but the operation
    run_until(*p.io, [&] { return p.theirs.done(); });
    p.peer.reset();
    for (int i = 0; i < 3; ++i) {
      p.run_to_the_wait(); // fails if the loop runs out of work
      p.io->poll();
      BOOST_TEST(!p.io->stopped());
    }
    p.callbacks.ready = true;
    run_out(*p.io);
    BOOST_TEST(op.calls() == 1);
    BOOST_TEST((p.is_client || op.ec()), "the peer has gone");
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_stream_is_destroyed, Stream, both_channels) {
  for (const asking what : all_of_them) {
    slow_pair<Stream> p(what);
    const operation op = p.start();
    p.run_to_the_wait();
    p.ours.reset();
    run_until(*p.io, [&] { return op.done(); });
    BOOST_TEST(op.aborted());
  }
}

// The stream belongs to its handler.
BOOST_AUTO_TEST_CASE_TEMPLATE(the_io_context_is_destroyed, Stream, both_channels) {
  for (const asking what : all_of_them) {
    slow_pair<Stream> p(what);
    const std::weak_ptr<Stream> watch = p.ours;
    {
      const operation op = p.start([owner = p.ours](auto, auto) {});
      p.run_to_the_wait();
      p.ours.reset();
      p.peer.reset();
      BOOST_TEST(!watch.expired());
      p.io.reset();
      BOOST_TEST(op.calls() == 0);
      BOOST_TEST(watch.expired());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(suspended_for_a_job)

BOOST_AUTO_TEST_CASE_TEMPLATE(the_io_context_is_destroyed_during_the_pause, Stream, both_channels) {
  const auto before = abandoned_jobs();
  for (const waking way : {waking::callback, waking::descriptor, waking::nothing}) {
    pausing key(way);
    net::ssl::context for_client = client_context(TLS1_3_VERSION);
    net::ssl::context for_server = server_context(TLS1_3_VERSION);
    auto io = std::make_unique<net::io_context>();
    auto sockets = tcp_pair(io->get_executor(), io->get_executor());
    auto client = std::make_unique<asio_stream>(std::move(sockets.first), for_client);
    auto server = std::make_shared<Stream>(std::move(sockets.second), for_server);
    const std::weak_ptr<Stream> watch = server;
    key.install(server->native_handle());
    server->set_mode(mode::async);
    server->set_placement(placement::inline_);
    {
      const operation c = start_handshake(*client, as_client);
      const operation s = start_handshake(*server, as_server, [server](auto, auto) {});
      run_until(*io, [&] { return key.pauses() == 1; });
      settle(*io);
      key.release_now();
      server.reset();
      client.reset();
      BOOST_TEST(!watch.expired());
      io.reset();
      BOOST_TEST(s.calls() == 0);
    }
    BOOST_TEST(watch.expired());
    BOOST_TEST(key.resumes() >= 1, "the job was run to its end");
  }
  BOOST_TEST(abandoned_jobs() == before);
}

// A thread whose pool holds one job, which another connection has.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_handshake_that_waits_for_a_free_job_is_cancelled, Stream, both_channels) {
  std::exception_ptr thrown;
  std::thread([&] {
    try {
      if (ASYNC_init_thread(1, 1) != 1) throw std::runtime_error("ASYNC_init_thread");
      pausing key(waking::descriptor);
      tls_pair<asio_stream, Stream> first;
      key.install(first.server.native_handle());
      first.server.set_mode(mode::async);
      first.server.set_placement(placement::inline_);
      const operation c = start_handshake(first.client, as_client);
      const operation s = start_handshake(first.server, as_server);
      run_until(first.io, [&] { return key.pauses() == 1; });

      tls_pair<asio_stream, Stream> second;
      second.server.set_mode(mode::async);
      second.server.set_placement(placement::inline_);
      const operation second_client = start_handshake(second.client, as_client);
      for (const auto type : types) {
        operation op = start_handshake(second.server, as_server);
        const auto waits = second.server.stats().suspended_async;
        run_until(second.io, [&] { return second.server.stats().suspended_async > waits; });
        op.cancel(type);
        if (type == net::cancellation_type::total) op.cancel(net::cancellation_type::partial);
        run_until(second.io, [&] { return op.done(); });
        BOOST_TEST(op.aborted());
        conforms("cancellation", "handshake, for a free job", name_of(type));
      }
      key.release();
      run_until(first.io, [&] { return c.done() && s.done(); });
      BOOST_TEST(s.ec() == error_code());
      const operation again = start_handshake(second.server, as_server);
      run_until(second.io, [&] { return again.done() && second_client.done(); });
      BOOST_TEST(again.ec() == error_code());
    } catch (...) {
      thrown = std::current_exception();
    }
    ASYNC_cleanup_thread();
  }).join();
  if (thrown) std::rethrow_exception(thrown);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(suspended_behind_others)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_handshake_behind_another_one_is_cancelled, Stream, both_channels) {
  for (const auto type : types) {
    tls_pair<Stream, asio_stream> p;
    const operation first = start_handshake(p.client, as_client);
    operation second = start_handshake(p.client, as_client);
    const operation third = start_handshake(p.client, as_client);
    settle(p.io);
    second.cancel(type);
    run_until(p.io, [&] { return second.done(); });
    BOOST_TEST(second.aborted());
    BOOST_TEST(!first.done());
    const operation s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return first.done() && third.done() && s.done(); });
    BOOST_TEST(first.ec() == error_code());
    BOOST_TEST(third.ec() == error_code());
    check_session(p.io, p.client, p.server);
    conforms("cancellation", "handshake, behind a handshake", name_of(type));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_handshake_goes_on_with_the_one_before_it, Stream, both_channels) {
  tls_pair<Stream, asio_stream> p;
  operation first = start_handshake(p.client, as_client);
  const operation second = start_handshake(p.client, as_client);
  settle(p.io);
  first.cancel();
  run_until(p.io, [&] { return first.done(); });
  BOOST_TEST(first.aborted());
  BOOST_TEST(!second.done());
  const operation s = start_handshake(p.server, as_server);
  run_until(p.io, [&] { return second.done() && s.done(); });
  BOOST_TEST(second.ec() == error_code());
  check_session(p.io, p.client, p.server);
}

// The connection has failed, and the peer takes nothing: no alert either. Whoever does not want to wait for
// that hears at once why it failed.
BOOST_AUTO_TEST_CASE_TEMPLATE(operations_that_wait_for_the_last_alert_are_cancelled, Stream, both_channels) {
  for (const auto type :
       {net::cancellation_type::terminal, net::cancellation_type::partial, net::cancellation_type::total}) {
    open_pair<tls_pair<Stream, asio_stream>> p({TLS1_3_VERSION, tiny});
    p.client.clear_mode(mode::enable_partial_write);
    const std::string text = random_bytes(1 << 20, 6);
    operation write = start_write(p.client, net::buffer(text)); // fills the way to the peer
    std::array<char, 10> room{};
    operation read = start_read(p.client, net::buffer(room));
    settle(p.io);
    net::write(p.server.next_layer(), net::buffer("this is no TLS record, it is text"));
    run_until(p.io, [&] { return p.client.state() == connection_state::failed; });
    settle(p.io);
    BOOST_TEST(!read.done());
    read.cancel(type);
    write.cancel(type);
    settle(p.io);
    BOOST_TEST(read.done());
    BOOST_TEST(write.done() == (type != net::cancellation_type::total)); // it has sealed bytes
    write.cancel();
    settle(p.io);
    BOOST_TEST((read.ec().category() == net::error::get_ssl_category()));
    BOOST_TEST((error_code(to_boost(p.client.last_failure().code)) == read.ec()));
    BOOST_TEST(bool(write.ec()));
    run_out(p.io);
    conforms("cancellation", "read, for the last alert", name_of(type));
  }
}

BOOST_AUTO_TEST_SUITE_END()
