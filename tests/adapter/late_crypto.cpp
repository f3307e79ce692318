// SPDX-License-Identifier: BSL-1.0
// Crypto that is ready late, over real sockets: in every record and signature it pauses, and says from
// another thread, by a descriptor, by the callback, or not at all, that it is ready.
#include "late_crypto.hpp"

#include "asio_fixture.hpp"

#include <tlsmode/stats.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>

BOOST_AUTO_TEST_SUITE(late)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

net::ssl::context late_server(int version) {
  late_crypto::install();
  net::ssl::context ctx = server_context(version);
  BIO* const pem = BIO_new_mem_buf(localhost().key.data(), static_cast<int>(localhost().key.size()));
  EVP_PKEY* const plain = PEM_read_bio_PrivateKey(pem, nullptr, nullptr, nullptr);
  EVP_PKEY* const key = late_crypto::behind_device(plain);
  BOOST_REQUIRE(SSL_CTX_use_PrivateKey(ctx.native_handle(), key) == 1);
  EVP_PKEY_free(key);
  EVP_PKEY_free(plain);
  BIO_free(pem);
  return ctx;
}

net::ssl::context late_client(int version) {
  late_crypto::install();
  return client_context(version);
}

// Every operation of both streams is a job; a write is all of it.
struct session : both_ours {
  explicit session(int version = TLS1_3_VERSION) : both_ours(late_client(version), late_server(version)) {
    for (tls_stream* s : {&client, &server}) {
      s->set_mode(mode::async);
      s->set_placement(placement::inline_);
      s->set_job_scope(job_scope::all);
      s->clear_mode(mode::enable_partial_write);
    }
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_whole_session) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const says how : all_ways) {
      BOOST_TEST_CONTEXT("version " << version << ", way " << static_cast<int>(how)) {
        const late_crypto device(how);
        session p(version);
        int before = 0;
        const auto check_paused = [&](const char* what, int times) {
          BOOST_TEST(device.operations() >= before + times, what);
          before = device.operations();
        };
        p.handshake();
        BOOST_TEST(device.signatures() == 1);
        check_paused("handshake", 4);
        const std::string text = random_bytes(40'000, 1);
        const operation write = start_write(p.client, net::buffer(text));
        receiver in(p.server);
        in.start(text.size());
        run_until(p.io, [&] { return write.done() && in.done(); });
        BOOST_TEST(write.bytes() == text.size());
        BOOST_TEST((in.data() == text));
        check_paused("write and read", 6);
        const operation bye = start_shutdown(p.client);
        const operation bye_too = start_shutdown(p.server);
        run_until(p.io, [&] { return bye.done() && bye_too.done(); });
        BOOST_TEST(bye.ec() == error_code());
        BOOST_TEST(bye_too.ec() == error_code());
        check_paused("shutdown", 2);
        run_out(p.io);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_handshake_waits_for_the_word_and_for_nothing_else) {
  for (const says how : {says::by_descriptor, says::by_callback}) {
    const late_crypto device(how);
    session p;
    p.handshake();
    BOOST_TEST(device.operations() >= 5);
    BOOST_TEST(device.early() == 0);
  }
}

// All at once on one stream: whoever is paused, the others get their turn.
BOOST_AUTO_TEST_CASE(a_read_a_write_and_a_shutdown_at_once) {
  for (const says how : all_ways) {
    BOOST_TEST_CONTEXT("way " << static_cast<int>(how)) {
      const late_crypto device(how);
      session p;
      p.handshake();
      const std::string text = random_bytes(40'000, 1);
      const std::string answer = random_bytes(40'000, 2);
      receiver at_client(p.client);
      at_client.start(answer.size());
      const operation write = start_write(p.client, net::buffer(text));
      const operation bye = start_shutdown_form(p.client, shutdown_form::send_only);
      receiver in(p.server);
      in.start(text.size() + 1); // and the end
      const operation back = start_write(p.server, net::buffer(answer));
      run_until(p.io,
                [&] { return write.done() && bye.done() && back.done() && in.done() && at_client.done(); });
      BOOST_TEST(write.bytes() == text.size());
      BOOST_TEST((in.data() == text));
      BOOST_TEST(in.ec() == net::error::eof);
      BOOST_TEST((at_client.data() == answer));
      BOOST_TEST(bye.ec() == error_code());
    }
  }
}

BOOST_AUTO_TEST_CASE(synchronous_operations) {
  for (const says how : all_ways) {
    const late_crypto device(how);
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
    BOOST_TEST(net::write(p.client, net::buffer(text), ec) == text.size());
    p.client.shutdown(ec);
    server.join();
    BOOST_TEST(ec == error_code());
    BOOST_TEST(server_ec == error_code());
    BOOST_TEST((got == text));
    BOOST_TEST(!guard.fired());
  }
}

BOOST_AUTO_TEST_CASE(streams_that_go_away_end_their_jobs) {
  const std::uint64_t given_up = abandoned_jobs();
  for (const says how : all_ways) {
    for (const int stop : {1, 2, 3, 5, 8, 12}) {
      const late_crypto device(how);
      auto p = std::make_unique<session>();
      const std::string text = random_bytes(40'000, 1);
      receiver in(p->server);
      operation write;
      const operation s = start_handshake(p->server, as_server, [&](error_code ec, std::size_t) {
        if (!ec) in.start(text.size());
      });
      const operation c = start_handshake(p->client, as_client, [&](error_code ec, std::size_t) {
        if (!ec) write = start_write(p->client, net::buffer(text));
      });
      run_until(p->io, [&] { return device.operations() >= stop; });
      { const tls_stream gone(std::move(p->client)); }
      { const tls_stream gone(std::move(p->server)); }
      run_out(p->io);
      BOOST_TEST(c.done());
      BOOST_TEST(s.done());
    }
  }
  BOOST_TEST(abandoned_jobs() == given_up);
}

BOOST_AUTO_TEST_SUITE_END()
