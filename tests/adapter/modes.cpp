// SPDX-License-Identifier: BSL-1.0
// Does a stream behave as the modes say that it is set to? (Jobs have a suite of their own.)
#define BOOST_TEST_MODULE adapter_modes
#include "asio_fixture.hpp"

#include <tlsmode/context.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>

BOOST_AUTO_TEST_SUITE(modes)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr mode all_modes[] = {mode::enable_partial_write, mode::accept_moving_write_buffer, mode::auto_retry,
                              mode::release_buffers,      mode::send_fallback_scsv,         mode::async};

template <class Pair>
void check_session(Pair& p) {
  const std::string text = random_bytes(100000, 1);
  sender out(p.client, text);
  receiver in(p.server);
  sender back(p.server, text);
  receiver at_client(p.client);
  out.start();
  in.start(text.size());
  back.start();
  at_client.start(text.size());
  run_until(p.io, [&] { return out.done() && in.done() && back.done() && at_client.done(); });
  BOOST_TEST((in.data() == text));
  BOOST_TEST((at_client.data() == text));
  const operation bye = start_shutdown(p.client);
  const operation bye_too = start_shutdown(p.server);
  run_until(p.io, [&] { return bye.done() && bye_too.done(); });
  BOOST_TEST(bye.ec() == error_code());
}

} // namespace

BOOST_AUTO_TEST_CASE(modes_add_up_and_can_be_taken_out) {
  both_ours p;
  tls_stream& s = p.client;
  BOOST_TEST((s.mode() == (mode::enable_partial_write | mode::accept_moving_write_buffer | mode::auto_retry)),
             "as with boost::asio::ssl::stream");
  s.clear_mode(s.mode());
  BOOST_TEST(s.mode().empty());
  mode_set expected;
  for (const mode m : all_modes) {
    expected |= m;
    BOOST_TEST((s.set_mode(m) == expected));
    BOOST_TEST((s.mode() == expected));
  }
  for (const mode m : all_modes) {
    expected -= m;
    BOOST_TEST((s.clear_mode(m) == expected));
  }
  BOOST_TEST((s.set_mode(*parse_modes("async,release_buffers")) == (mode::async | mode::release_buffers)));
}

BOOST_AUTO_TEST_CASE(modes_of_the_context_are_where_a_stream_begins) {
  net::io_context io;
  net::ssl::context settings = client_context(TLS1_3_VERSION);
  SSL_CTX_set_mode(settings.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_clear_mode(settings.native_handle(), SSL_MODE_AUTO_RETRY);
  const tls_stream drop_in(tcp_socket(io), settings);
  BOOST_TEST((drop_in.mode() ==
              (mode::release_buffers | mode::enable_partial_write | mode::accept_moving_write_buffer)));
  context own = context::client();
  own.clear_mode(own.mode());
  own.set_mode(mode::auto_retry);
  const tls_stream ours(tcp_socket(io), own);
  BOOST_TEST((ours.mode() == mode_set(mode::auto_retry)), "exactly the context's");
}

BOOST_AUTO_TEST_CASE(without_partial_writes_a_write_completes_with_everything) {
  for (const std::size_t buffers : {1U, 3U, 64U, 65U, 100U, 200U}) {
    for (const std::size_t each : {1U, 100U, 5000U}) {
      open_pair<our_client> p({TLS1_3_VERSION, tiny});
      p.client.clear_mode(mode::enable_partial_write);
      const std::string text = random_bytes(buffers * each, 1);
      std::vector<net::const_buffer> sequence;
      for (std::size_t i = 0; i < buffers; ++i) {
        sequence.push_back(net::buffer(text.data() + i * each, each));
        if (i % 7 == 0) sequence.emplace_back(); // empty ones do not count
      }
      operation write;
      p.client.async_write_some(sequence, write.make_handler());
      receiver in(p.server);
      in.start(text.size());
      run_until(p.io, [&] { return write.done() && in.done(); });
      BOOST_TEST(write.ec() == error_code());
      BOOST_TEST(write.bytes() == text.size());
      BOOST_TEST((in.data() == text));
    }
  }
}

// Between two parts of such a write nobody gets in, and cancelling it counts the parts that are gone.
BOOST_AUTO_TEST_CASE(a_write_in_parts_is_one_write) {
  open_pair<our_client> p({TLS1_3_VERSION, tiny});
  p.client.clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(200 * 1000, 1);
  std::vector<net::const_buffer> sequence;
  for (std::size_t i = 0; i < 200; ++i) sequence.push_back(net::buffer(text.data() + i * 1000, 1000));
  operation write;
  p.client.async_write_some(sequence, write.make_handler());
  const operation second = start_write(p.client, net::buffer("second", 6));
  receiver in(p.server);
  in.start(100 * 1000); // the first part and some of the second one
  run_until(p.io, [&] { return in.done(); });
  BOOST_TEST(!write.done());
  BOOST_TEST(!second.done());
  write.cancel(net::cancellation_type::total);
  settle(p.io);
  BOOST_TEST(!write.done());
  write.cancel();
  run_until(p.io, [&] { return write.done(); });
  BOOST_TEST(write.aborted());
  BOOST_TEST(write.bytes() >= 100 * 1000U);
  BOOST_TEST(write.bytes() < text.size());
  in.start(write.bytes() + 6);
  run_until(p.io, [&] { return in.done() && second.done(); });
  BOOST_TEST((in.data().substr(0, write.bytes()) == text.substr(0, write.bytes())));
  BOOST_TEST(in.data().substr(write.bytes()) == "second");
}

BOOST_AUTO_TEST_CASE(with_partial_writes_a_blocked_write_completes_with_what_is_sealed) {
  open_pair<our_client> p({TLS1_3_VERSION, tiny});
  const std::string text = random_bytes(1 << 20, 1);
  const operation write = start_write(p.client, net::buffer(text));
  receiver in(p.server);
  in.start();
  run_until(p.io, [&] { return write.done(); });
  BOOST_TEST(write.bytes() > 0U);
  BOOST_TEST(write.bytes() < text.size());
  run_until(p.io, [&] { return in.data().size() >= write.bytes(); });
  settle(p.io);
  BOOST_TEST((in.data() == text.substr(0, write.bytes())));
}

// The record buffers come and go, reads go on after records without data or stop at them: no difference
// to the bytes.
BOOST_AUTO_TEST_CASE(every_combination_of_the_data_modes_transfers_exactly) {
  for (unsigned bits = 0; bits < 16; ++bits) {
    our_client p({bits % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION, tiny});
    p.client.clear_mode(p.client.mode());
    for (unsigned i = 0; i < 4; ++i)
      if ((bits & (1U << i)) != 0) p.client.set_mode(all_modes[i]);
    p.handshake();
    check_session(p);
  }
}

BOOST_AUTO_TEST_CASE(mode_async_without_asynchronous_crypto_changes_nothing) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    both_ours p({version});
    p.client.set_mode(mode::async);
    p.server.set_mode(mode::async);
    p.handshake();
    check_session(p);
    BOOST_TEST(p.client.stats().suspended_async == 0U);
  }
}

BOOST_AUTO_TEST_CASE(fallback_scsv_is_for_clients_that_fall_back) {
  for (const bool lowered : {false, true}) {
    net::ssl::context any_version(net::ssl::context::tls_server);
    any_version.use_certificate_chain(net::buffer(localhost().certificate));
    any_version.use_private_key(net::buffer(localhost().key), net::ssl::context::pem);
    net::ssl::context client_settings(net::ssl::context::tls_client);
    if (lowered) SSL_CTX_set_max_proto_version(client_settings.native_handle(), TLS1_2_VERSION);
    both_ours p(std::move(client_settings), std::move(any_version));
    p.client.set_mode(mode::send_fallback_scsv);
    const operation c = start_handshake(p.client, as_client);
    run_until(p.io, [&] { return c.done() || lowered; });
    if (!lowered) {
      BOOST_TEST(c.ec() == tlsmode::error::fallback_scsv_misuse);
      BOOST_TEST(p.client.stats().cipher_written == 0U);
      continue;
    }
    const operation s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return c.done() && s.done(); });
    BOOST_TEST(c.ec().message().find("inappropriate fallback") != std::string::npos,
               "the server could do better: " << c.ec().message());
  }
  both_ours p;
  p.server.set_mode(mode::send_fallback_scsv);
  const operation s = start_handshake(p.server, as_server);
  run_until(p.io, [&] { return s.done(); });
  BOOST_TEST(s.ec() == tlsmode::error::fallback_scsv_misuse);
}

BOOST_AUTO_TEST_SUITE_END()
