// SPDX-License-Identifier: BSL-1.0
// Does an exception of a throwing form say all that is known: OpenSSL's reasons, the alert, and why and where
// a certificate was refused?
#include "asio_layered.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <string>
#include <thread>

BOOST_AUTO_TEST_SUITE(error_texts)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What the throwing form throws; it must.
template <class Call>
boost::system::system_error thrown_by(Call&& call) {
  try {
    call();
  } catch (const boost::system::system_error& e) {
    return e;
  }
  throw std::logic_error("nothing was thrown");
}

// Blocking handshakes of both sides, which fail.
template <class Pair>
struct failed_pair : Pair {
  failed_pair() : Pair(client_context(TLS1_3_VERSION), server_context(TLS1_3_VERSION, stranger())) {
    const watchdog dog({socket_of(this->client).native_handle(), socket_of(this->server).native_handle()});
    std::thread peer([&] {
      of_server = thrown_by([&] {
        this->server.handshake(as_server);
        std::array<char, 10> room{};
        this->server.read_some(net::buffer(room)); // with TLS 1.3 a server hears of it late
      });
    });
    of_client = thrown_by([&] { this->client.handshake(as_client); });
    peer.join();
    BOOST_TEST(!dog.fired());
  }
  boost::system::system_error of_client{{}};
  boost::system::system_error of_server{{}};
};

using pairs = std::tuple<both_ours, tls_pair<layered_stream, tls_stream>>;

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(say_why_a_certificate_was_refused, Pair, pairs) {
  failed_pair<Pair> p;
  const std::string what = p.of_client.what();
  BOOST_TEST((p.of_client.code().category() == net::error::get_ssl_category()));
  BOOST_TEST(says(what, "handshake: "), what);
  BOOST_TEST(says(what, X509_verify_cert_error_string(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)), what);
  BOOST_TEST(says(what, "at depth 0"), what);
  BOOST_TEST(says(what, "sent alert " + std::to_string(SSL_AD_UNKNOWN_CA)), what);
  BOOST_TEST(says(what, "SSL routines"), what); // OpenSSL's queue
  const std::string peer = p.of_server.what();
  BOOST_TEST(says(peer, "received alert " + std::to_string(SSL_AD_UNKNOWN_CA)), peer);
  BOOST_TEST(says(peer, SSL_alert_desc_string_long(SSL_AD_UNKNOWN_CA)), peer);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(say_it_of_every_later_operation_too, Pair, pairs) {
  failed_pair<Pair> p;
  std::array<char, 10> room{};
  const std::string texts[] = {thrown_by([&] { p.client.handshake(as_client); }).what(),
                               thrown_by([&] { p.client.handshake(as_client, net::buffer("", 0)); }).what(),
                               thrown_by([&] { p.client.read_some(net::buffer(room)); }).what(),
                               thrown_by([&] { p.client.write_some(net::buffer("x", 1)); }).what(),
                               thrown_by([&] { p.client.shutdown(); }).what()};
  for (const std::string& what : texts) BOOST_TEST(what == p.of_client.what());
}

// Misuse is no failure of the connection, and the end of the stream is none.
BOOST_AUTO_TEST_CASE_TEMPLATE(name_the_operation_where_nothing_has_failed, Pair, pairs) {
  Pair p;
  std::array<char, 10> room{};
  BOOST_TEST(says(thrown_by([&] { p.client.read_some(net::buffer(room)); }).what(), "read_some: "));
  BOOST_TEST(says(thrown_by([&] { p.client.shutdown(); }).what(), "shutdown: "));
  p.handshake();
  BOOST_TEST(says(thrown_by([&] { p.client.handshake(as_server); }).what(), "handshake: "));
  const operation bye = start_shutdown_form(p.server, shutdown_form::send_only);
  run_until(p.io, [&] { return bye.done(); });
  const auto end = thrown_by([&] { p.client.read_some(net::buffer(room)); });
  BOOST_TEST(end.code() == net::error::eof);
  BOOST_TEST(says(end.what(), "read_some: "));
}

BOOST_AUTO_TEST_SUITE_END()
