// SPDX-License-Identifier: BSL-1.0
// An independent check over real sockets: OpenSSL's dasync, which pauses several times in every handshake,
// record and close_notify, and has always called by the time that it pauses.
#include "dasync.hpp"

#include "asio_fixture.hpp"

#include <tlsmode/stats.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(dasync)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

net::ssl::context client_side() {
  net::ssl::context ctx(net::ssl::context::tls_client);
  ctx.add_certificate_authority(net::buffer(rsa_server().certificate));
  ctx.set_verify_mode(net::ssl::verify_peer);
  only_dasync(ctx.native_handle());
  return ctx;
}

net::ssl::context server_side() {
  net::ssl::context ctx(net::ssl::context::tls_server);
  ctx.use_certificate_chain(net::buffer(rsa_server().certificate));
  ctx.use_private_key(net::buffer(rsa_server().key), net::ssl::context::pem);
  only_dasync(ctx.native_handle());
  return ctx;
}

std::uint64_t pauses_of(const tls_stream& s) { return s.stats().suspended_async; }

// Every operation of both streams is a job.
struct session : both_ours {
  session() : both_ours(client_side(), server_side()) {
    for (tls_stream* s : {&client, &server}) {
      s->set_mode(mode::async);
      s->set_placement(placement::inline_);
      s->set_job_scope(job_scope::all);
      s->clear_mode(mode::enable_partial_write); // a write is all of it
    }
  }
  // Both sides have paused since the last time.
  void check_paused(const char* what) {
    BOOST_TEST(pauses_of(client) > seen_client, what);
    BOOST_TEST(pauses_of(server) > seen_server, what);
    seen_client = pauses_of(client);
    seen_server = pauses_of(server);
  }
  std::uint64_t seen_client = 0;
  std::uint64_t seen_server = 0;
};

} // namespace

BOOST_AUTO_TEST_CASE(every_operation_pauses_and_every_byte_arrives) {
  session p;
  p.handshake();
  p.check_paused("handshake");
  const std::string text = random_bytes(40'000, 1);
  const operation write = start_write(p.client, net::buffer(text));
  receiver in(p.server);
  in.start(text.size());
  run_until(p.io, [&] { return in.done() && write.done(); });
  BOOST_TEST(write.bytes() == text.size());
  BOOST_TEST((in.data() == text));
  p.check_paused("write and read");
  const operation bye = start_shutdown(p.client);
  const operation bye_too = start_shutdown(p.server);
  run_until(p.io, [&] { return bye.done() && bye_too.done(); });
  BOOST_TEST(bye.ec() == error_code());
  BOOST_TEST(bye_too.ec() == error_code());
  p.check_paused("shutdown");
}

BOOST_AUTO_TEST_CASE(reads_and_writes_of_both_sides_at_once) {
  session p;
  p.handshake();
  const std::string text = random_bytes(300'000, 1);
  const std::string back_text = random_bytes(300'000, 2);
  sender out(p.client, text);
  receiver in(p.server);
  sender back(p.server, back_text);
  receiver at_client(p.client);
  out.start();
  in.start(text.size());
  back.start();
  at_client.start(back_text.size());
  run_until(p.io, [&] { return out.done() && in.done() && back.done() && at_client.done(); });
  BOOST_TEST((in.data() == text));
  BOOST_TEST((at_client.data() == back_text));
  p.check_paused("transfer");
}

// A read and a shutdown are outstanding while the records of a write pause.
BOOST_AUTO_TEST_CASE(a_read_and_a_shutdown_wait_for_their_turn) {
  session p;
  p.handshake();
  const std::string text = random_bytes(40'000, 1);
  std::array<char, 100> room{};
  const operation read = start_read(p.client, net::buffer(room));
  const operation write = start_write(p.client, net::buffer(text));
  const operation bye = start_shutdown(p.client);
  receiver in(p.server);
  in.start(text.size() + 1); // and the end
  run_until(p.io, [&] { return write.done() && in.done(); });
  BOOST_TEST(write.bytes() == text.size());
  BOOST_TEST((in.data() == text));
  BOOST_TEST(in.ec() == net::error::eof);
  const operation bye_too = start_shutdown(p.server);
  run_until(p.io, [&] { return read.done() && bye.done() && bye_too.done(); });
  BOOST_TEST(read.ec() == net::error::eof);
  BOOST_TEST(bye.ec() == error_code());
  BOOST_TEST(bye_too.ec() == error_code());
}

BOOST_AUTO_TEST_CASE(synchronous_operations) {
  session p;
  const watchdog guard({p.client.lowest_layer().native_handle(), p.server.lowest_layer().native_handle()});
  const std::string text = random_bytes(40'000, 1);
  std::string got(text.size(), '\0');
  error_code server_ec;
  std::thread server([&] {
    p.server.handshake(as_server, server_ec);
    if (!server_ec) net::read(p.server, net::buffer(got), server_ec);
    if (!server_ec) p.server.shutdown(server_ec);
  });
  error_code ec;
  p.client.handshake(as_client, ec);
  BOOST_TEST(ec == error_code());
  BOOST_TEST(net::write(p.client, net::buffer(text), ec) == text.size());
  p.client.shutdown(ec);
  server.join();
  BOOST_TEST(ec == error_code());
  BOOST_TEST(server_ec == error_code());
  BOOST_TEST((got == text));
  BOOST_TEST(!guard.fired());
  p.check_paused("session");
}

BOOST_AUTO_TEST_CASE(streams_that_are_destroyed_at_any_pause_end_their_jobs) {
  const std::uint64_t given_up = abandoned_jobs();
  int paused = 0;
  for (std::uint64_t stop = 1; stop < 60; stop += 3) {
    auto p = std::make_unique<session>();
    const std::string text = random_bytes(40'000, 1);
    receiver in(p->server);
    const operation s = start_handshake(p->server, as_server, [&](error_code ec, std::size_t) {
      if (!ec) in.start(text.size());
    });
    operation write;
    operation bye;
    const operation c = start_handshake(p->client, as_client, [&](error_code ec, std::size_t) {
      if (ec) return;
      write = start_write(p->client, net::buffer(text));
      bye = start_shutdown(p->client);
    });
    run_until(p->io, [&] {
      return (SSL_waiting_for_async(p->client.native_handle()) == 1 && pauses_of(p->client) >= stop) ||
             (write.done() && in.done());
    });
    paused += SSL_waiting_for_async(p->client.native_handle());
    { const tls_stream gone(std::move(p->client)); }
    { const tls_stream gone(std::move(p->server)); }
    run_out(p->io);
    BOOST_TEST(c.done());
    BOOST_TEST(s.done());
  }
  BOOST_TEST(abandoned_jobs() == given_up);
  BOOST_TEST(paused >= 5, "or the test shows nothing");
}

BOOST_AUTO_TEST_SUITE_END()
