// SPDX-License-Identifier: BSL-1.0
// Clients that show certificates, servers that demand them, and what becomes of their handshakes: for tests
// of which sessions get in where.
#ifndef TLSMODE_TESTS_SUPPORT_CHECKED_PEERS_HPP
#define TLSMODE_TESTS_SUPPORT_CHECKED_PEERS_HPP

#include "resumption.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <ostream>
#include <string>

namespace tlsmode::test {

inline constexpr int demanding = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

inline int reject(int, X509_STORE_CTX*) { return 0; }
inline int accept(int, X509_STORE_CTX*) { return 1; }
inline void demands(engine& e) { e.set_verify_mode(demanding); }

inline pem our_authority() { return pem(authority().certificate_pem); }

inline void show(SSL* ssl, const identity& who) {
  BOOST_REQUIRE(SSL_use_certificate(ssl, who.certificate.get()) == 1);
  BOOST_REQUIRE(SSL_use_PrivateKey(ssl, who.key.get()) == 1);
}
inline void shows_itself(engine& e) { show(e.native_handle(), client_identity()); }

inline void know(context& client, const identity& who) {
  BOOST_REQUIRE(!client.use_certificate_chain(pem(who.certificate_pem)));
  BOOST_REQUIRE(!client.use_private_key(pem(who.key_pem)));
}

inline context known_client(int version) {
  context client = resuming_client(version);
  know(client, client_identity());
  return client;
}

inline context demanding_server() {
  context server = server_context();
  BOOST_REQUIRE(!server.require_client_certificate(our_authority()));
  return server;
}

inline std::string empty_revocation_list() {
  const std::unique_ptr<X509_CRL, decltype([](X509_CRL* c) { X509_CRL_free(c); })> list(X509_CRL_new());
  const std::unique_ptr<ASN1_TIME, decltype([](ASN1_TIME* t) { ASN1_TIME_free(t); })> now(
      X509_gmtime_adj(nullptr, 0));
  X509_CRL_set_version(list.get(), 1);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(authority().certificate.get()));
  X509_CRL_set1_lastUpdate(list.get(), now.get());
  BOOST_REQUIRE(X509_CRL_sign(list.get(), authority().key.get(), EVP_sha256()) > 0);
  const std::unique_ptr<BIO, decltype([](BIO* b) { BIO_free(b); })> out(BIO_new(BIO_s_mem()));
  BOOST_REQUIRE(PEM_write_bio_X509_CRL(out.get(), list.get()) == 1);
  char* text = nullptr;
  const long n = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(n)};
}

// What became of a connection whose server is changed first.
enum class outcome { failed, full, resumed };
inline outcome try_on(const context& client, const context& server, const change& of_server,
                      const change& of_client = as_it_is) {
  memory_pair pair(client, server);
  of_client(pair.client.tls);
  of_server(pair.server.tls);
  if (!pair.connect()) return outcome::failed;
  BOOST_TEST(pair.client.tls.resumed() == pair.server.tls.resumed());
  return pair.server.tls.resumed() ? outcome::resumed : outcome::full;
}

// Nothing is read, so TLS 1.3 tickets are still to come.
inline void finish_handshakes(memory_pair& pair) {
  for (int i = 0; i < 4; ++i) pair.advance();
  BOOST_REQUIRE(pair.client.last.complete());
  BOOST_REQUIRE(pair.server.last.complete());
}

// The handshake of an engine that was not made from a context of ours.
inline outcome shake_hands(endpoint& client, engine& server) {
  memory_transport t;
  step s;
  for (int i = 0; i < 4; ++i) {
    client.last = client.handshake();
    BOOST_REQUIRE(t.feed(client.wire.output()));
    client.wire.consume(client.wire.output().size());
    s = server.handshake(t, role::server);
    BOOST_REQUIRE(client.wire.feed(t.output()));
    t.consume(t.output().size());
  }
  client.read_all();
  if (s.error || client.last.error) return outcome::failed;
  BOOST_REQUIRE(completes(s));
  return server.resumed() ? outcome::resumed : outcome::full;
}

inline std::ostream& operator<<(std::ostream& out, outcome o) { return out << static_cast<int>(o); }

} // namespace tlsmode::test

#endif
