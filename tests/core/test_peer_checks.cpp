// SPDX-License-Identifier: BSL-1.0
// Does a connection check that the peer is the one that was asked for, and does it refuse to renegotiate?
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <stdexcept>

BOOST_AUTO_TEST_SUITE(peer_checks)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

std::string name_sent_by(endpoint& client) {
  client.handshake();
  return client_hello_of(text_of(client.wire.output())).server_name;
}

void check_refused(memory_pair& pair, long verify_error, int depth = 0) {
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails_for(pair.client.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
  BOOST_TEST(pair.client.tls.last_failure().verify_error == X509_verify_cert_error_string(verify_error));
  BOOST_TEST(pair.client.tls.last_failure().verify_depth == depth);
}

struct tls12_pair : memory_pair {
  tls12_pair() : memory_pair(client_context(), server_of()) { BOOST_REQUIRE(connect()); }
  static context server_of() {
    context ctx = server_context();
    SSL_CTX_set_max_proto_version(ctx.native_handle(), TLS1_2_VERSION);
    return ctx;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(the_name_is_sent_and_checked) {
  memory_pair pair;
  BOOST_TEST(name_sent_by(pair.client) == server_name);
  BOOST_TEST(pair.connect());
  BOOST_TEST(SSL_get_servername(pair.server.native(), TLSEXT_NAMETYPE_host_name) == std::string(server_name));
}

BOOST_AUTO_TEST_CASE(another_name_is_refused_in_words) {
  for (const char* name : {"other.test", "test", "a.server.test", "server.test.example"}) {
    memory_pair pair;
    BOOST_REQUIRE(!pair.client.tls.set_host(name));
    check_refused(pair, X509_V_ERR_HOSTNAME_MISMATCH);
    BOOST_TEST(pair.client.tls.last_failure().to_string().find("ostname mismatch") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(an_address_is_checked_and_not_sent) {
  memory_pair pair;
  BOOST_REQUIRE(!pair.client.tls.set_host(server_address));
  BOOST_TEST(name_sent_by(pair.client).empty());
  BOOST_TEST(pair.connect());
  BOOST_TEST(SSL_get_servername(pair.server.native(), TLSEXT_NAMETYPE_host_name) == nullptr);

  for (const char* address : {"192.0.2.2", "::1", "2001:db8::1"}) {
    memory_pair other;
    BOOST_REQUIRE(!other.client.tls.set_host(address));
    check_refused(other, X509_V_ERR_IP_ADDRESS_MISMATCH);
  }
}

BOOST_AUTO_TEST_CASE(the_last_name_or_address_counts) {
  memory_pair pair;
  BOOST_REQUIRE(!pair.client.tls.set_host("192.0.2.2"));
  BOOST_REQUIRE(!pair.client.tls.set_host(server_name));
  BOOST_TEST(name_sent_by(pair.client) == server_name);
  BOOST_TEST(pair.connect());

  memory_pair reversed;
  BOOST_REQUIRE(!reversed.client.tls.set_host("other.test"));
  BOOST_REQUIRE(!reversed.client.tls.set_host(server_address));
  BOOST_TEST(reversed.connect());
}

BOOST_AUTO_TEST_CASE(a_name_that_cannot_be_checked_is_refused) {
  using namespace std::string_view_literals;
  engine client(client_context());
  memory_transport t;
  // The third one would be checked as "server.test" (and an address likewise), the fourth one as "any name
  // below .test".
  for (const std::string_view name :
       {""sv, "\0"sv, "server.test\0.evil.example"sv, ".test"sv, "."sv, ".."sv, "server..test"sv,
        "server test"sv, "[::1]"sv, "fe80::1%eth0"sv, "server.test:443"sv, "*.test"sv,
        "192.0.2.1\0.evil.example"sv, "s\xc3\xa9rver.test"sv})
    BOOST_TEST(client.set_host(name) == error::bad_host_name, "accepted: " << name);
  BOOST_TEST(client.set_host(std::string(256, 'a')) == error::bad_host_name);
  BOOST_TEST(fails(client.handshake(t, role::client), error::host_name_needed));
}

BOOST_AUTO_TEST_CASE(a_name_may_end_in_a_dot_and_is_sent_without_it) {
  memory_pair pair;
  BOOST_REQUIRE(!pair.client.tls.set_host(std::string(server_name) + "."));
  BOOST_TEST(name_sent_by(pair.client) == server_name);
  BOOST_TEST(pair.connect());
}

BOOST_AUTO_TEST_CASE(it_is_too_late_for_a_name_once_the_handshake_has_begun) {
  memory_pair pair;
  pair.client.handshake();
  BOOST_TEST(pair.client.tls.set_host("other.test") == error::bad_option);
  BOOST_TEST(pair.connect());
  BOOST_TEST(pair.client.tls.set_host("other.test") == error::bad_option);
}

BOOST_AUTO_TEST_CASE(an_unknown_authority_is_refused) {
  memory_pair pair(client_context(), server_context(stranger()));
  check_refused(pair, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
  memory_pair trusts_nobody(context::client(), server_context());
  check_refused(trusts_nobody, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

BOOST_AUTO_TEST_CASE(the_verify_callback_has_the_last_word) {
  memory_pair accepted(client_context(), server_context(stranger()));
  int calls = 0;
  accepted.client.tls.set_verify_callback([&](bool good, X509_STORE_CTX*) {
    if (++calls == 1) BOOST_TEST(!good);
    return true;
  });
  BOOST_TEST(accepted.connect());
  BOOST_TEST(calls > 0);

  memory_pair refused;
  refused.client.tls.set_verify_callback([](bool, X509_STORE_CTX*) { return false; });
  check_refused(refused, X509_V_ERR_CERT_REJECTED, 1); // asked from the authority down

  memory_pair thrown;
  thrown.client.tls.set_verify_callback(
      [](bool, X509_STORE_CTX*) -> bool { throw std::runtime_error("no"); });
  check_refused(thrown, X509_V_ERR_CERT_REJECTED, 1);
}

BOOST_AUTO_TEST_CASE(the_callback_of_the_context_is_kept_until_the_connection_has_its_own) {
  context client = client_context();
  static int calls = 0;
  calls = 0;
  SSL_CTX_set_verify(client.native_handle(), SSL_VERIFY_PEER, [](int good, X509_STORE_CTX*) {
    ++calls;
    return good;
  });
  BOOST_TEST(memory_pair(client, server_context()).connect());
  BOOST_TEST(calls > 0);
  calls = 0;
  memory_pair own(client, server_context());
  own.client.tls.set_verify_callback([](bool good, X509_STORE_CTX*) { return good; });
  own.client.tls.set_verify_mode(SSL_VERIFY_PEER);
  BOOST_TEST(own.connect());
  BOOST_TEST(calls == 0);
  memory_pair none(client, server_context());
  none.client.tls.set_verify_callback({});
  BOOST_TEST(none.connect());
  BOOST_TEST(calls > 0);
}

BOOST_AUTO_TEST_CASE(a_callback_on_the_native_object_is_kept_when_the_mode_changes) {
  memory_pair pair;
  static int calls = 0;
  calls = 0;
  SSL_set_verify(pair.client.native(), SSL_VERIFY_NONE, [](int good, X509_STORE_CTX*) {
    ++calls;
    return good;
  });
  pair.client.tls.set_verify_mode(SSL_VERIFY_PEER);
  pair.client.tls.set_verify_mode(SSL_VERIFY_PEER);
  BOOST_TEST(SSL_get_verify_mode(pair.client.native()) == SSL_VERIFY_PEER);
  BOOST_TEST(pair.connect());
  BOOST_TEST(calls > 0);
}

BOOST_AUTO_TEST_CASE(a_chain_longer_than_allowed_is_refused) {
  for (const int depth : {0, 1}) { // certificates between the server's own and the authority
    memory_pair pair(client_context(), server_context(distant_server_identity()));
    pair.client.tls.set_verify_depth(depth);
    if (depth == 0)
      check_refused(pair, X509_V_ERR_CERT_CHAIN_TOO_LONG, 1);
    else
      BOOST_TEST(pair.connect());
  }
}

BOOST_AUTO_TEST_CASE(the_role_cannot_change) {
  memory_pair pair;
  pair.client.handshake();
  BOOST_TEST(fails(pair.client.tls.handshake(pair.client.wire, role::server), error::wrong_role));
  BOOST_TEST(pair.connect());
  BOOST_TEST(fails(pair.client.tls.handshake(pair.client.wire, role::server), error::wrong_role));
  BOOST_TEST(completes(pair.client.handshake())); // done before
}

BOOST_AUTO_TEST_CASE(neither_side_renegotiates) {
  for (const bool client_asks : {false, true}) {
    tls12_pair pair;
    endpoint& asking = client_asks ? pair.client : pair.server;
    endpoint& asked = client_asks ? pair.server : pair.client;
    SSL_clear_options(asking.native(), SSL_OP_NO_RENEGOTIATION); // a peer that is not ours
    BOOST_REQUIRE(SSL_renegotiate(asking.native()) == 1);
    SSL_do_handshake(asking.native());
    BOOST_TEST(completes(asking.flush()));
    BOOST_TEST(deliver(asking, asked) > 0u);
    BOOST_TEST(asked.read_all().empty());
    BOOST_TEST(SSL_in_init(asked.native()) == 0); // it has not begun another handshake
    BOOST_TEST(SSL_num_renegotiations(asked.native()) == 0);
    BOOST_TEST(completes(asked.write("no"), 2)); // and the connection goes on
  }
}

// As an adapter does it that is given an SSL.
BOOST_AUTO_TEST_CASE(a_native_object_is_taken_over_with_its_settings) {
  const context ctx = client_context();
  SSL* const ssl = SSL_new(ctx.native_handle());
  static int calls = 0;
  calls = 0;
  SSL_clear_mode(ssl, ~0u);
  SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  SSL_clear_options(ssl, SSL_OP_NO_RENEGOTIATION);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, [](int good, X509_STORE_CTX*) {
    ++calls;
    return good;
  });
  endpoint server(server_context(), role::server);
  engine client(ssl);
  memory_transport t;
  BOOST_TEST(client.native_handle() == ssl);
  BOOST_TEST(client.mode() == mode_set(mode::release_buffers));
  BOOST_TEST((SSL_get_options(ssl) & SSL_OP_NO_RENEGOTIATION) != 0u);
  BOOST_TEST(SSL_get_verify_mode(ssl) == SSL_VERIFY_PEER);
  BOOST_TEST(!client.set_host(server_name));
  step c;
  for (int i = 0; i < 5; ++i) {
    c = client.handshake(t, role::client);
    BOOST_REQUIRE(server.wire.feed(t.output()));
    t.consume(t.output().size());
    server.last = server.handshake();
    BOOST_REQUIRE(t.feed(server.wire.output()));
    server.wire.consume(server.wire.output().size());
  }
  BOOST_TEST(completes(c));
  BOOST_TEST(completes(server.last));
  BOOST_TEST(calls > 0);
}

BOOST_AUTO_TEST_CASE(a_resumed_connection_says_so) {
  context client = client_context();
  context server = server_context();
  memory_pair first(client, server);
  BOOST_REQUIRE(first.connect());
  BOOST_TEST(!first.client.tls.resumed());
  SSL_SESSION* const session = SSL_get1_session(first.client.native());
  memory_pair second(client, server);
  SSL_set_session(second.client.native(), session);
  SSL_SESSION_free(session);
  BOOST_REQUIRE(second.connect());
  BOOST_TEST(second.client.tls.resumed());
  BOOST_TEST(second.server.tls.resumed());
  BOOST_TEST(second.client.tls.protocol() == "TLSv1.3");
  BOOST_TEST(second.client.tls.cipher() == SSL_get_cipher_name(second.client.native()));
}

BOOST_AUTO_TEST_SUITE_END()
