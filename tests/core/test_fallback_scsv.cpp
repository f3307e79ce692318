// SPDX-License-Identifier: BSL-1.0
// Invariant 6: is send_fallback_scsv refused where it is misuse, and sent where it is not? (RFC 7507)
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(fallback)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

constexpr std::uint16_t fallback_scsv = 0x5600;

context fallback_client(int max_version) {
  context ctx = client_context();
  ctx.set_mode(mode::send_fallback_scsv);
  SSL_CTX_set_max_proto_version(ctx.native_handle(), max_version);
  return ctx;
}

bool offers_scsv(const endpoint& client) {
  const auto suites = client_hello_of(text_of(client.wire.output())).cipher_suites;
  return std::count(suites.begin(), suites.end(), fallback_scsv) == 1;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_server_refuses_it) {
  context server = server_context();
  server.set_mode(mode::send_fallback_scsv);
  SSL_CTX_set_max_proto_version(server.native_handle(), TLS1_2_VERSION);
  memory_pair pair(client_context(), server);
  BOOST_TEST(fails(pair.server.handshake(), error::fallback_scsv_misuse));
  BOOST_TEST(pair.server.tls.state() == connection_state::fresh);
  pair.server.tls.clear_mode(mode::send_fallback_scsv);
  BOOST_TEST(pair.connect()); // the refusal left no trace
}

BOOST_AUTO_TEST_CASE(a_client_at_the_highest_version_refuses_it) {
  for (const int version : {0, TLS1_3_VERSION}) {
    memory_pair pair(fallback_client(version), server_context());
    for (int i = 0; i < 2; ++i) {
      BOOST_TEST(fails(pair.client.handshake(), error::fallback_scsv_misuse));
      BOOST_TEST(pair.client.tls.state() == connection_state::fresh);
      BOOST_TEST(pair.client.wire.output().empty());
    }
    pair.client.tls.clear_mode(mode::send_fallback_scsv);
    BOOST_TEST(pair.connect());
  }
}

BOOST_AUTO_TEST_CASE(a_client_that_falls_back_sends_it) {
  memory_pair pair(fallback_client(TLS1_2_VERSION), server_context());
  BOOST_TEST(stops(pair.client.handshake(), suspend::want_read));
  BOOST_TEST(offers_scsv(pair.client));
}

BOOST_AUTO_TEST_CASE(the_connection_decides_and_not_its_context) {
  memory_pair pair(fallback_client(0), server_context());
  SSL_set_max_proto_version(pair.client.native(), TLS1_2_VERSION);
  BOOST_TEST(stops(pair.client.handshake(), suspend::want_read));
  BOOST_TEST(offers_scsv(pair.client));
}

BOOST_AUTO_TEST_CASE(without_the_mode_it_is_not_sent) {
  context client = fallback_client(TLS1_2_VERSION);
  client.clear_mode(mode::send_fallback_scsv);
  memory_pair pair(client, server_context());
  pair.client.handshake();
  BOOST_TEST(!offers_scsv(pair.client));
  BOOST_TEST(pair.connect());
}

BOOST_AUTO_TEST_CASE(a_newer_server_stops_the_downgrade) {
  memory_pair pair(fallback_client(TLS1_2_VERSION), server_context());
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails_for(pair.server.last, SSL_R_INAPPROPRIATE_FALLBACK));
  BOOST_TEST(fails_for(pair.client.handshake(), SSL_R_TLSV1_ALERT_INAPPROPRIATE_FALLBACK));
}

BOOST_AUTO_TEST_CASE(a_server_that_knows_no_better_accepts_it) {
  context server = server_context();
  SSL_CTX_set_max_proto_version(server.native_handle(), TLS1_2_VERSION);
  memory_pair pair(fallback_client(TLS1_2_VERSION), server);
  BOOST_TEST(pair.connect());
  BOOST_TEST(pair.client.tls.protocol() == "TLSv1.2");
}

BOOST_AUTO_TEST_SUITE_END()
