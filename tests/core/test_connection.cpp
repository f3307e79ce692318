// SPDX-License-Identifier: BSL-1.0
// Is what a connection tells about itself right, on both sides, in both versions, and when it was resumed?
#include "resumption.hpp"
#include "step_checks.hpp"

#include <tlsmode/connection.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>
#include <cstring>

BOOST_AUTO_TEST_SUITE(connections)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// Client and server with a certificate each, whose chains have an authority in between on the server's side.
struct contexts {
  explicit contexts(int version)
      : client(resuming_client(version)), server(server_context(distant_server_identity())) {
    BOOST_REQUIRE(!client.use_certificate_chain(pem(client_identity().certificate_pem)));
    BOOST_REQUIRE(!client.use_private_key(pem(client_identity().key_pem)));
    BOOST_REQUIRE(!server.require_client_certificate(pem(authority().certificate_pem)));
  }
  context client;
  context server;
};

bool same(const certificate_ptr& a, const identity& b) {
  return a && X509_cmp(a.get(), b.certificate.get()) == 0;
}

std::array<std::byte, 20> key_from(const endpoint& e, std::string_view label, std::string_view ctx) {
  std::array<std::byte, 20> key{};
  BOOST_TEST(!export_keying_material(e.native(), label, bytes_of(ctx), key));
  return key;
}

} // namespace

BOOST_AUTO_TEST_CASE(before_the_handshake_there_is_nothing) {
  memory_pair pair;
  std::array<std::byte, 32> binding{};
  for (const bool begun : {false, true}) {
    if (begun) pair.client.handshake();
    for (const endpoint* e : {&pair.client, &pair.server}) {
      BOOST_TEST(group(e->native()).empty());
      BOOST_TEST(!peer_certificate(e->native()));
      BOOST_TEST(peer_chain(e->native()).empty());
      BOOST_TEST(verified_chain(e->native()).empty());
      BOOST_TEST(channel_binding(e->native(), binding) == error::handshake_needed);
      BOOST_TEST(export_keying_material(e->native(), "label", {}, binding) == error::handshake_needed);
    }
  }
}

TLSMODE_CASE_PER_VERSION(the_group_is_that_of_the_key_exchange) {
  for (const char* name : {"P-384:P-256", "X25519:P-256"}) {
    const contexts c(version);
    for (const bool again : {false, true}) {
      memory_pair pair(c.client, c.server);
      BOOST_REQUIRE(SSL_set1_groups_list(pair.server.native(), name) == 1);
      BOOST_REQUIRE(pair.connect());
      BOOST_REQUIRE(pair.client.tls.resumed() == again);
      const std::string expected = name[0] == 'X' ? "x25519" : "secp384r1";
      BOOST_TEST(group(pair.client.native()) == expected);
      BOOST_TEST(group(pair.server.native()) == expected);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_resumed_tls_1_3_connection_has_the_group_of_its_own_exchange) {
  const contexts c(TLS1_3_VERSION);
  for (const bool again : {false, true}) {
    memory_pair pair(c.client, c.server);
    BOOST_REQUIRE(SSL_set1_groups_list(pair.server.native(), again ? "X25519" : "P-384") == 1);
    BOOST_REQUIRE(pair.connect());
    BOOST_TEST(pair.client.tls.resumed() == again);
    for (const endpoint* e : {&pair.client, &pair.server})
      BOOST_TEST(group(e->native()) == (again ? "x25519" : "secp384r1"));
  }
}

BOOST_AUTO_TEST_CASE(a_resumed_tls_1_2_connection_has_the_group_of_the_first) {
  const contexts c(TLS1_2_VERSION);
  for (const bool again : {false, true}) {
    memory_pair pair(c.client, c.server);
    BOOST_REQUIRE(SSL_set1_groups_list(pair.server.native(), again ? "X25519:P-256" : "P-384:P-256") == 1);
    BOOST_REQUIRE(pair.connect());
    BOOST_TEST(pair.client.tls.resumed() == again);
    BOOST_TEST(group(pair.client.native()) == "secp384r1");
    BOOST_TEST(group(pair.server.native()) == "secp384r1");
  }
}

TLSMODE_CASE_PER_VERSION(both_sides_know_each_others_certificates) {
  const contexts c(version);
  for (const bool again : {false, true}) {
    BOOST_TEST_CONTEXT("resumed " << again) {
      memory_pair pair(c.client, c.server);
      BOOST_REQUIRE(pair.connect());
      BOOST_REQUIRE(pair.client.tls.resumed() == again);
      BOOST_TEST(same(peer_certificate(pair.client.native()), distant_server_identity()));
      BOOST_TEST(same(peer_certificate(pair.server.native()), client_identity()));

      const auto servers = peer_chain(pair.client.native());
      BOOST_REQUIRE(servers.size() == 2u); // and the one in between; a session in memory has it, too
      BOOST_TEST(same(servers.front(), distant_server_identity()));
      const auto clients = peer_chain(pair.server.native());
      BOOST_REQUIRE(clients.size() == (again ? 1u : 2u)); // a client sends the authorities that it knows
      BOOST_TEST(same(clients.front(), client_identity()));

      const auto verified = verified_chain(pair.client.native());
      const auto on_server = verified_chain(pair.server.native());
      BOOST_REQUIRE(verified.size() == (again ? 0u : 3u)); // a resumption verifies nothing
      BOOST_REQUIRE(on_server.size() == (again ? 0u : 2u));
      if (again) continue;
      BOOST_TEST(same(verified.front(), distant_server_identity()));
      BOOST_TEST(same(verified.back(), authority()));
      BOOST_TEST(same(on_server.front(), client_identity()));
    }
  }
}

TLSMODE_CASE_PER_VERSION(a_session_from_a_file_still_has_the_peers_own_certificate) {
  const contexts c(version);
  const session_ptr session = session_of(c.client, c.server);
  unsigned char* der = nullptr;
  const int n = i2d_SSL_SESSION(session.get(), &der);
  const unsigned char* p = der;
  const session_ptr read(d2i_SSL_SESSION(nullptr, &p, n));
  OPENSSL_free(der);
  memory_pair pair(c.client, c.server);
  pair.client.tls.set_verify_mode(SSL_VERIFY_NONE);
  BOOST_REQUIRE(!pair.client.tls.offer_session(read.get()));
  BOOST_REQUIRE(pair.connect());
  BOOST_REQUIRE(pair.client.tls.resumed());
  const auto chain = peer_chain(pair.client.native());
  BOOST_REQUIRE(chain.size() == 1u);
  BOOST_TEST(same(chain.front(), distant_server_identity()));
}

TLSMODE_CASE_PER_VERSION(a_client_without_a_certificate_is_nobody) {
  memory_pair pair(only(version, client_context()), server_context());
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(!peer_certificate(pair.server.native()));
  BOOST_TEST(peer_chain(pair.server.native()).empty());
  BOOST_TEST(verified_chain(pair.server.native()).empty());
}

TLSMODE_CASE_PER_VERSION(both_sides_export_the_same_key) {
  memory_pair pair(only(version, client_context()), server_context());
  BOOST_REQUIRE(pair.connect());
  const auto key = key_from(pair.client, "EXPERIMENTAL test", "context");
  BOOST_TEST((key == key_from(pair.server, "EXPERIMENTAL test", "context")));
  BOOST_TEST((key != key_from(pair.server, "EXPERIMENTAL test", "another")));
  BOOST_TEST((key != key_from(pair.server, "EXPERIMENTAL other", "context")));
  memory_pair second(only(version, client_context()), server_context());
  BOOST_REQUIRE(second.connect());
  BOOST_TEST((key != key_from(second.server, "EXPERIMENTAL test", "context")));
}

// RFC 5705, section 4, in TLS 1.2: no context and an empty one are two things; in TLS 1.3 they are one.
TLSMODE_CASE_PER_VERSION(an_empty_context_is_a_context) {
  memory_pair pair(only(version, client_context()), server_context());
  BOOST_REQUIRE(pair.connect());
  std::array<unsigned char, 20> without{};
  const std::string label = "EXPERIMENTAL test";
  BOOST_REQUIRE(SSL_export_keying_material(pair.server.native(), without.data(), without.size(), label.data(),
                                           label.size(), nullptr, 0, 0) == 1);
  const auto with = key_from(pair.client, label, "");
  const bool equal = std::memcmp(with.data(), without.data(), with.size()) == 0;
  BOOST_TEST(equal == (version == TLS1_3_VERSION));
}

TLSMODE_CASE_PER_VERSION(the_channel_binding_is_the_exporter_of_rfc_9266) {
  memory_pair pair(only(version, client_context()), server_context());
  BOOST_REQUIRE(pair.connect());
  std::array<std::byte, 32> client{};
  std::array<std::byte, 32> server{};
  BOOST_TEST(!channel_binding(pair.client.native(), client));
  BOOST_TEST(!export_keying_material(pair.server.native(), "EXPORTER-Channel-Binding", {}, server));
  BOOST_TEST((client == server));
  BOOST_TEST((client != std::array<std::byte, 32>{}));
}

BOOST_AUTO_TEST_CASE(without_the_extended_master_secret_there_is_no_binding) {
  memory_pair pair(only(TLS1_2_VERSION, client_context()), server_context());
  SSL_set_options(pair.client.native(), SSL_OP_NO_EXTENDED_MASTER_SECRET);
  BOOST_REQUIRE(pair.connect());
  std::array<std::byte, 32> binding{};
  BOOST_TEST(channel_binding(pair.client.native(), binding) == error::bad_option);
  BOOST_TEST((binding == std::array<std::byte, 32>{}));
}

BOOST_AUTO_TEST_SUITE_END()
