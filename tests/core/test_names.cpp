// SPDX-License-Identifier: BSL-1.0
// Is a certificate refused whose names only look like the one that was asked for?
#include "resumption.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(names)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using namespace std::string_literals;

// What comes of asking for `host` where a certificate with these names is shown.
bool accepted(const std::vector<std::string>& dns_names, const char* host,
              const std::string& common_name = "nothing") {
  memory_pair pair(client_context(), server_context(identity_for(common_name, dns_names)));
  BOOST_REQUIRE(!pair.client.tls.set_host(host));
  const bool good = pair.connect();
  if (!good) BOOST_TEST(fails_for(pair.client.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
  return good;
}

bool fit_to_print(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

} // namespace

BOOST_AUTO_TEST_CASE(a_wildcard_is_one_whole_label) {
  BOOST_TEST(accepted({"*.wild.test"}, "a.wild.test"));
  BOOST_TEST(accepted({"other.test", "*.wild.test"}, "A.WILD.test"));
  for (const char* host : {"wild.test", "a.b.wild.test", "awild.test", "a.wild.test.evil"})
    BOOST_TEST(!accepted({"*.wild.test"}, host), host);
}

BOOST_AUTO_TEST_CASE(a_partial_wildcard_is_none) {
  for (const char* name : {"par*.wild.test", "*art.wild.test", "p*t.wild.test"})
    BOOST_TEST(!accepted({name}, "part.wild.test"), name);
}

BOOST_AUTO_TEST_CASE(a_wildcard_is_not_for_everything) {
  BOOST_TEST(!accepted({"*"}, "wild"));
  BOOST_TEST(!accepted({"*"}, "a.wild.test"));
  BOOST_TEST(!accepted({"*.*.test"}, "a.wild.test"));
  BOOST_TEST(!accepted({"a.*.test"}, "a.wild.test"));
}

BOOST_AUTO_TEST_CASE(a_zero_byte_does_not_end_a_name) {
  BOOST_TEST(!accepted({server_name + "\0.evil.example"s}, server_name));
  BOOST_TEST(!accepted({server_name + "\0"s}, server_name));
  BOOST_TEST(!accepted({"other.test"}, server_name, server_name + "\0.evil"s));
}

BOOST_AUTO_TEST_CASE(an_address_is_not_a_name) {
  BOOST_TEST(!accepted({server_address}, server_address)); // as a DNS name in the certificate
  BOOST_TEST(!accepted({"*.0.2.1"}, server_address));
  BOOST_TEST(!accepted({"other.test"}, server_address, server_address));
}

BOOST_AUTO_TEST_CASE(the_common_name_does_not_add_to_the_names) {
  BOOST_TEST(!accepted({"other.test"}, server_name, server_name));
}

// The last words of a connection are ours and OpenSSL's: nothing that the peer could write goes to a log.
BOOST_AUTO_TEST_CASE(no_text_of_the_peer_is_in_a_failure) {
  const std::string evil = "evil\n\x1b[31mname";
  memory_pair pair(client_context(), server_context(identity_for(evil, {evil})));
  BOOST_TEST(!pair.connect());
  const std::string certificate = pair.client.tls.last_failure().to_string();

  context client = client_context();
  BOOST_REQUIRE(!client.set_alpn({evil}));
  context server = server_context();
  BOOST_REQUIRE(!server.set_alpn({"h2"}));
  memory_pair alpn(client, server);
  SSL_set_tlsext_host_name(alpn.client.native(), evil.c_str());
  BOOST_TEST(!alpn.connect());
  const std::string protocol = alpn.server.tls.last_failure().to_string();

  memory_pair rubbish;
  rubbish.server.handshake();
  BOOST_REQUIRE(rubbish.server.wire.feed(bytes_of("GET /" + evil + " HTTP/1.1\r\n\r\n")));
  rubbish.server.last = rubbish.server.handshake();
  BOOST_TEST(fails_for(rubbish.server.last, SSL_R_HTTP_REQUEST));
  const std::string http = rubbish.server.tls.last_failure().to_string();

  for (const std::string& text : {certificate, protocol, http}) {
    BOOST_TEST(text != "no failure");
    BOOST_TEST(text.find("evil") == std::string::npos, text);
    BOOST_TEST(fit_to_print(text), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
