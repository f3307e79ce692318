// SPDX-License-Identifier: BSL-1.0
// Do certificates, keys and authorities work from text as they do from files, and is a client that is asked
// for its certificate, but may go without, told apart from one whose certificate is bad?
#include "resumption.hpp"
#include "step_checks.hpp"

#include <tlsmode/connection.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/pemerr.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>

BOOST_AUTO_TEST_SUITE(credentials)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

int reason_of(std::error_code ec) {
  BOOST_TEST((ec.category() == openssl_category()));
  return ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
}

context showing(context ctx, const identity& id) {
  BOOST_REQUIRE(!ctx.use_certificate_chain(pem(id.certificate_pem)));
  BOOST_REQUIRE(!ctx.use_private_key(pem(id.key_pem)));
  return ctx;
}

const std::string rubbish = "no PEM in here\n";

// The first certificate of a text, with a byte in the middle of it changed.
std::string damaged(std::string text) {
  text[text.size() / 2] = text[text.size() / 2] == '!' ? '?' : '!';
  return text;
}

} // namespace

TLSMODE_CASE_PER_VERSION(everything_can_come_from_text) {
  context client = only(version, context::client());
  BOOST_REQUIRE(!client.trust(pem(authority().certificate_pem)));
  const context server = showing(context::server(), distant_server_identity());
  memory_pair pair(client, server);
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(peer_chain(pair.client.native()).size() == 2u); // the whole chain was loaded, and sent
}

BOOST_AUTO_TEST_CASE(a_text_need_not_end_in_zero) {
  const std::string longer = authority().certificate_pem + "-----BEGIN CERTIFICATE-----\nrubbish";
  context client = context::client();
  BOOST_TEST(!client.trust(pem(std::string_view(longer).substr(0, authority().certificate_pem.size()))));
  BOOST_TEST(bool(context::client().trust(pem(longer))));
}

BOOST_AUTO_TEST_CASE(what_is_no_pem_is_openssls_error) {
  for (const std::string& text : {std::string(), rubbish}) {
    context server = context::server();
    BOOST_TEST(reason_of(server.use_certificate_chain(pem(text))) == PEM_R_NO_START_LINE);
    BOOST_TEST(bool(server.use_private_key(pem(text))));
    BOOST_TEST(reason_of(server.trust(pem(text))) == PEM_R_NO_START_LINE);
    BOOST_TEST(reason_of(server.require_client_certificate(pem(text))) == PEM_R_NO_START_LINE);
    BOOST_TEST(reason_of(server.ask_for_client_certificate(pem(text))) == PEM_R_NO_START_LINE);
    BOOST_TEST(SSL_CTX_get_verify_mode(server.native_handle()) == SSL_VERIFY_NONE);
  }
  BOOST_TEST(ERR_peek_error() == 0u); // none is left behind
}

BOOST_AUTO_TEST_CASE(a_damaged_certificate_is_not_the_end_of_the_text) {
  const std::string good = server_identity().certificate_pem;
  context server = context::server();
  BOOST_TEST(bool(server.use_certificate_chain(pem(damaged(good)))));
  BOOST_TEST(bool(server.use_certificate_chain(pem(good + damaged(good)))));
  BOOST_TEST(bool(server.trust(pem(good + damaged(good)))));
  BOOST_TEST(!server.use_certificate_chain(pem(good + "\n\n")));
  BOOST_TEST(ERR_peek_error() == 0u);
}

BOOST_AUTO_TEST_CASE(a_key_must_fit_and_be_open) {
  context server = context::server();
  BOOST_TEST(reason_of(server.use_private_key(pem(server_identity().key_pem))) ==
             SSL_R_NO_CERTIFICATE_ASSIGNED);
  BOOST_REQUIRE(!server.use_certificate_chain(pem(server_identity().certificate_pem)));
  BOOST_TEST(reason_of(server.use_private_key(pem(client_identity().key_pem))) == X509_R_KEY_VALUES_MISMATCH);
  BOOST_TEST(bool(server.use_private_key(pem(server_identity().encrypted_key_pem))));
  BOOST_TEST(!server.use_private_key(pem(server_identity().key_pem)));
}

BOOST_AUTO_TEST_CASE(a_second_chain_takes_the_place_of_the_first) {
  context server = showing(context::server(), distant_server_identity());
  server = showing(std::move(server), server_identity());
  memory_pair pair(client_context(), server);
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(peer_chain(pair.client.native()).size() == 1u);
}

BOOST_AUTO_TEST_CASE(clients_are_not_asked_by_clients) {
  context client = context::client();
  const memory_file ca(authority().certificate_pem);
  BOOST_TEST(client.ask_for_client_certificate(ca.path()) == error::bad_option);
  BOOST_TEST(client.ask_for_client_certificate(pem(authority().certificate_pem)) == error::bad_option);
  BOOST_TEST(client.require_client_certificate(pem(authority().certificate_pem)) == error::bad_option);
  BOOST_TEST((context::server().ask_for_client_certificate("/nonexistent/file.pem") ==
              std::errc::no_such_file_or_directory));
}

TLSMODE_CASE_PER_VERSION(a_client_that_is_asked_may_go_without_but_not_lie) {
  const memory_file ca(authority().certificate_pem);
  for (const bool from_file : {false, true}) {
    context server = server_context();
    BOOST_REQUIRE(!(from_file ? server.ask_for_client_certificate(ca.path())
                              : server.ask_for_client_certificate(pem(authority().certificate_pem))));
    const context plain = only(version, client_context());
    memory_pair without(plain, server);
    BOOST_TEST(without.connect());
    BOOST_TEST(!peer_certificate(without.server.native()));

    memory_pair with(showing(only(version, client_context()), client_identity()), server);
    BOOST_TEST(with.connect());
    const certificate_ptr shown = peer_certificate(with.server.native());
    BOOST_REQUIRE(shown);
    BOOST_TEST(X509_cmp(shown.get(), client_identity().certificate.get()) == 0);

    memory_pair forged(showing(only(version, client_context()), stranger()), server);
    BOOST_TEST(!forged.connect());
    BOOST_TEST(fails_for(forged.server.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
  }
}

TLSMODE_CASE_PER_VERSION(the_authorities_are_named_to_the_client) {
  context server = server_context();
  BOOST_REQUIRE(
      !server.require_client_certificate(pem(authority().certificate_pem + stranger().certificate_pem)));
  memory_pair pair(showing(only(version, client_context()), client_identity()), server);
  static int names = 0;
  names = 0;
  SSL_set_cert_cb(
      pair.client.native(),
      [](SSL* ssl, void*) {
        names = sk_X509_NAME_num(SSL_get0_peer_CA_list(ssl));
        return 1;
      },
      nullptr);
  BOOST_TEST(pair.connect());
  BOOST_TEST(names == 2);
}

BOOST_AUTO_TEST_SUITE_END()
