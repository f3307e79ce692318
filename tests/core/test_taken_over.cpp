// SPDX-License-Identifier: BSL-1.0
// Does an engine take over an SSL object that can be taken over, and leave any other to its owner?
#include "checked_peers.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <memory>
#include <system_error>

BOOST_AUTO_TEST_SUITE(objects_taken_over)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

using ssl_ptr = std::unique_ptr<SSL, decltype([](SSL* s) { SSL_free(s); })>;

bool is_bad_option(const std::system_error& e) { return e.code() == error::bad_option; }

} // namespace

TLSMODE_CASE_PER_VERSION(whose_handshake_has_begun_stay_with_their_owner) {
  const context client = only(version, client_context());
  ssl_ptr ssl(SSL_new(client.native_handle()));
  SSL_set_connect_state(ssl.get());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  BOOST_REQUIRE(SSL_do_handshake(ssl.get()) == -1);
  BIO* const wire = SSL_get_wbio(ssl.get());
  BOOST_CHECK_EXCEPTION(engine(ssl.get()), std::system_error, is_bad_option);
  BOOST_TEST(SSL_get_wbio(ssl.get()) == wire);
  BOOST_TEST(SSL_get_verify_callback(ssl.get()) == nullptr);
  // Its owner may begin anew.
  BOOST_REQUIRE(SSL_clear(ssl.get()) == 1);
  const engine taken(ssl.release());
  BOOST_TEST(taken.state() == connection_state::fresh);
}

BOOST_AUTO_TEST_CASE(that_are_none_are_refused) {
  BOOST_CHECK_EXCEPTION(engine(static_cast<SSL*>(nullptr)), std::system_error, is_bad_option);
}

// Which side it is does not make a beginning.
TLSMODE_CASE_PER_VERSION(that_know_their_side_are_fine) {
  const context server = only(version, server_context());
  SSL* const ssl = SSL_new(server.native_handle());
  SSL_set_accept_state(ssl);
  engine taken(ssl);
  endpoint other(only(version, client_context()), role::client);
  BOOST_REQUIRE(!other.tls.set_host(server_name));
  BOOST_TEST(shake_hands(other, taken) == outcome::full);
}

BOOST_AUTO_TEST_SUITE_END()
