// SPDX-License-Identifier: BSL-1.0
// Is a context secure as it comes, and does it say what is wrong with what it is given?
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/objects.h>
#include <openssl/pemerr.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

int reason_of(std::error_code ec) {
  BOOST_TEST((ec.category() == openssl_category()));
  return ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
}

// Contexts that get on with each other, for a test to change.
struct fresh_pair {
  context client = client_context();
  context server = server_context();
};

const std::string missing = "/nonexistent/file.pem";

} // namespace

BOOST_AUTO_TEST_SUITE(contexts)

BOOST_AUTO_TEST_CASE(a_missing_file_is_the_systems_error) {
  context server = context::server();
  context client = context::client();
  for (const std::error_code ec :
       {server.use_certificate_chain_file(missing), server.use_private_key_file(missing),
        server.require_client_certificate(missing), client.trust_file(missing)}) {
    BOOST_TEST((ec.category() == std::system_category()));
    BOOST_TEST((ec == std::errc::no_such_file_or_directory));
  }
}

BOOST_AUTO_TEST_CASE(a_file_without_pem_is_openssls_error) {
  const memory_file rubbish("no PEM in here\n");
  context server = context::server();
  BOOST_TEST(reason_of(server.use_certificate_chain_file(rubbish.path())) == PEM_R_NO_START_LINE);
  BOOST_TEST(bool(server.use_private_key_file(rubbish.path())));
  BOOST_TEST(bool(server.require_client_certificate(rubbish.path())));
  BOOST_TEST(bool(context::client().trust_file(rubbish.path())));
}

BOOST_AUTO_TEST_CASE(a_key_of_another_certificate_is_refused) {
  context server = server_context();
  const memory_file wrong(client_identity().key_pem);
  BOOST_TEST(reason_of(server.use_private_key_file(wrong.path())) == X509_R_KEY_VALUES_MISMATCH);
}

BOOST_AUTO_TEST_CASE(a_key_without_its_certificate_is_refused) {
  context server = context::server();
  const memory_file key(server_identity().key_pem);
  BOOST_TEST(reason_of(server.use_private_key_file(key.path())) == SSL_R_NO_CERTIFICATE_ASSIGNED);
}

BOOST_AUTO_TEST_CASE(an_encrypted_key_is_refused_and_nobody_is_asked) {
  context server = context::server();
  const memory_file chain(server_identity().certificate_pem);
  const memory_file key(server_identity().encrypted_key_pem);
  BOOST_REQUIRE(!server.use_certificate_chain_file(chain.path()));
  BOOST_TEST(bool(server.use_private_key_file(key.path())));
  // Without a terminal OpenSSL's own callback fails, too: so see that it is not the one in use.
  const auto ask = SSL_CTX_get_default_passwd_cb(server.native_handle());
  BOOST_REQUIRE((ask != nullptr));
  char password[8];
  BOOST_TEST(ask(password, sizeof password, 0, nullptr) < 0);
}

BOOST_AUTO_TEST_CASE(a_client_without_a_host_name_does_not_begin) {
  engine client(client_context());
  memory_transport t;
  for (int i = 0; i < 2; ++i) BOOST_TEST(fails(client.handshake(t, role::client), error::host_name_needed));
  BOOST_TEST(t.output().empty());
  BOOST_TEST(client.state() == connection_state::fresh);
  BOOST_TEST(!client.set_host(server_name));
  BOOST_TEST(stops(client.handshake(t, role::client), suspend::want_read));
}

BOOST_AUTO_TEST_CASE(verification_can_be_switched_off_on_a_client_only) {
  fresh_pair f;
  f.server = server_context(stranger());
  f.client.disable_verification();
  memory_pair pair(f.client, f.server);
  BOOST_TEST(pair.connect());
  engine nameless(f.client);
  memory_transport t;
  BOOST_TEST(stops(nameless.handshake(t, role::client), suspend::want_read)); // no name is needed

  context demanding = server_context();
  const memory_file ca(authority().certificate_pem);
  BOOST_REQUIRE(!demanding.require_client_certificate(ca.path()));
  demanding.disable_verification(); // does nothing: it is not the server's to switch off
  BOOST_TEST(SSL_CTX_get_verify_mode(demanding.native_handle()) ==
             (SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT));
}

BOOST_AUTO_TEST_CASE(a_certificate_is_demanded_of_clients_and_checked) {
  const memory_file ca(authority().certificate_pem);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    fresh_pair f;
    BOOST_REQUIRE(!f.server.require_client_certificate(ca.path()));
    SSL_CTX_set_max_proto_version(f.server.native_handle(), version);
    BOOST_TEST(f.client.require_client_certificate(ca.path()) == error::bad_option);

    memory_pair without(f.client, f.server);
    BOOST_TEST(!without.connect());
    BOOST_TEST(fails_for(without.server.last, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE));

    const auto show = [&](const identity& id) {
      context client = client_context();
      const memory_file chain(id.certificate_pem);
      const memory_file key(id.key_pem);
      BOOST_REQUIRE(!client.use_certificate_chain_file(chain.path()));
      BOOST_REQUIRE(!client.use_private_key_file(key.path()));
      return client;
    };
    memory_pair with(show(client_identity()), f.server);
    BOOST_TEST(with.connect());

    memory_pair forged(show(stranger()), f.server);
    BOOST_TEST(!forged.connect());
    BOOST_TEST(fails_for(forged.server.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
    BOOST_TEST(forged.server.tls.last_failure().verify_depth == 0);
    BOOST_TEST(!forged.server.tls.last_failure().verify_error.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_certificate_that_nobody_checked_is_not_blamed) {
  const memory_file ca(authority().certificate_pem);
  fresh_pair f;
  f.server = server_context(stranger());
  BOOST_REQUIRE(!f.server.require_client_certificate(ca.path()));
  SSL_CTX_set_max_proto_version(f.server.native_handle(), TLS1_2_VERSION);
  f.client.disable_verification();
  memory_pair pair(f.client, f.server);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails_for(pair.client.handshake(), SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE));
  BOOST_TEST(pair.client.tls.last_failure().verify_error == "");
  BOOST_TEST(pair.client.tls.last_failure().verify_depth == -1);
}

BOOST_AUTO_TEST_CASE(versions_before_tls_1_2_are_refused_by_both_sides) {
  for (const bool old_client : {false, true}) {
    fresh_pair f;
    SSL_CTX* const old = old_client ? f.client.native_handle() : f.server.native_handle();
    SSL_CTX_set_min_proto_version(old, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(old, TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(old, "ALL:@SECLEVEL=0");
    memory_pair pair(f.client, f.server);
    BOOST_TEST(!pair.connect());
    endpoint& ours = old_client ? pair.server : pair.client;
    BOOST_TEST(fails_for(ours.handshake(),
                         old_client ? SSL_R_UNSUPPORTED_PROTOCOL : SSL_R_TLSV1_ALERT_PROTOCOL_VERSION));
  }
}

BOOST_AUTO_TEST_CASE(servers_take_no_suite_of_tls_1_2_without_forward_secrecy_and_authenticated_encryption) {
  const context server = context::server();
  int suites = 0;
  STACK_OF(SSL_CIPHER)* const list = SSL_CTX_get_ciphers(server.native_handle());
  for (int i = 0; i < sk_SSL_CIPHER_num(list); ++i) {
    const SSL_CIPHER* const suite = sk_SSL_CIPHER_value(list, i);
    if (SSL_CIPHER_get_kx_nid(suite) == NID_kx_any) continue; // TLS 1.3
    ++suites;
    BOOST_TEST_CONTEXT(SSL_CIPHER_get_name(suite)) {
      BOOST_TEST(SSL_CIPHER_is_aead(suite) == 1);
      BOOST_TEST(SSL_CIPHER_get_kx_nid(suite) == NID_kx_ecdhe);
    }
  }
  BOOST_TEST(suites >= 6);
}

BOOST_AUTO_TEST_CASE(the_servers_preference_decides_the_application_protocol) {
  fresh_pair f;
  BOOST_REQUIRE(!f.client.set_alpn({"spdy/1", "http/1.1", "h2"}));
  BOOST_REQUIRE(!f.server.set_alpn({"h2", "http/1.1"}));
  memory_pair pair(f.client, f.server);
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(pair.client.tls.alpn() == "h2");
  BOOST_TEST(pair.server.tls.alpn() == "h2");
}

BOOST_AUTO_TEST_CASE(no_common_application_protocol_is_fatal) {
  fresh_pair f;
  BOOST_REQUIRE(!f.client.set_alpn({"h2"}));
  BOOST_REQUIRE(!f.server.set_alpn({"http/1.1"}));
  memory_pair pair(f.client, f.server);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails_for(pair.server.last, SSL_R_NO_APPLICATION_PROTOCOL));
  BOOST_TEST(fails_for(pair.client.handshake(), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL));
}

BOOST_AUTO_TEST_CASE(a_client_refuses_an_application_protocol_that_it_did_not_offer) {
  fresh_pair f;
  BOOST_REQUIRE(!f.client.set_alpn({"h2"}));
  const auto pick_anything = [](SSL*, const unsigned char** out, unsigned char* n, const unsigned char*,
                                unsigned int, void*) -> int {
    *out = reinterpret_cast<const unsigned char*>("xyz");
    *n = 3;
    return SSL_TLSEXT_ERR_OK;
  };
  SSL_CTX_set_alpn_select_cb(f.server.native_handle(), pick_anything, nullptr);
  memory_pair pair(f.client, f.server);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(bool(pair.client.last.error));
}

BOOST_AUTO_TEST_CASE(without_alpn_on_one_side_there_is_none) {
  for (const bool on_client : {false, true}) {
    fresh_pair f;
    BOOST_REQUIRE(!(on_client ? f.client : f.server).set_alpn({"h2"}));
    memory_pair pair(f.client, f.server);
    BOOST_REQUIRE(pair.connect());
    BOOST_TEST(pair.client.tls.alpn().empty());
    BOOST_TEST(pair.server.tls.alpn().empty());
  }
  context ctx = context::client();
  BOOST_TEST(ctx.set_alpn({"h2", ""}) == error::bad_option);
  BOOST_TEST(ctx.set_alpn({std::string(256, 'x')}) == error::bad_option);
  BOOST_TEST(!ctx.set_alpn({std::string(255, 'x')}));
}

BOOST_AUTO_TEST_SUITE_END()
