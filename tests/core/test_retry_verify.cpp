// SPDX-License-Identifier: BSL-1.0
// Does a server refuse a client whose certificate it has not verified? OpenSSL 3.0 takes a server's callback
// that asks for time (SSL_set_retry_verify) for one that accepts.
#include "checked_peers.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <memory>
#include <string>

BOOST_AUTO_TEST_SUITE(verification_that_asks_for_time_on_a_server)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

int questions = 0; // asked of the callbacks below

SSL* ssl_of(X509_STORE_CTX* store) {
  return static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
}
bool ask_for_time(X509_STORE_CTX* store) {
  ++questions;
  return SSL_set_retry_verify(ssl_of(store)) == 1;
}
int native_that_asks_for_time(int, X509_STORE_CTX* store) { return ask_for_time(store) ? 1 : 0; }
int chain_that_asks_for_time(X509_STORE_CTX* store, void*) { return ask_for_time(store) ? 1 : 0; }
int chain_that_accepts(X509_STORE_CTX*, void*) { return ++questions, 1; }
int chain_that_rejects(X509_STORE_CTX*, void*) { return ++questions, 0; }

// Trusted by nobody, and ready to come back with whatever session it is given.
context unknown_client(int version) {
  context client = resuming_client(version);
  know(client, stranger());
  return client;
}

struct free_ctx {
  void operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }
};
using native_context = std::unique_ptr<SSL_CTX, free_ctx>;

// A server's context that is not one of ours.
native_context foreign_server() {
  native_context ctx(SSL_CTX_new(TLS_server_method()));
  BOOST_REQUIRE(SSL_CTX_use_certificate(ctx.get(), server_identity().certificate.get()) == 1);
  BOOST_REQUIRE(SSL_CTX_use_PrivateKey(ctx.get(), server_identity().key.get()) == 1);
  BOOST_REQUIRE(SSL_CTX_set_session_id_context(ctx.get(), reinterpret_cast<const unsigned char*>("x"), 1) ==
                1);
  SSL_CTX_set_verify(ctx.get(), demanding, nullptr);
  return ctx;
}

// One connection to an engine of a foreign context.
outcome connect(const context& client, SSL_CTX* server, const change& of_server = as_it_is) {
  engine taken(server);
  of_server(taken);
  endpoint other(client, role::client);
  BOOST_REQUIRE(!other.tls.set_host(server_name));
  return shake_hands(other, taken);
}

} // namespace

TLSMODE_CASE_PER_VERSION(fails_as_a_refusal) {
  const context client = unknown_client(version);
  const context server = demanding_server();
  memory_pair pair(client, server);
  pair.server.tls.set_verify_callback([](bool, X509_STORE_CTX* store) { return ask_for_time(store); });
  questions = 0;
  BOOST_TEST(!pair.connect());
  BOOST_TEST(questions == 1);
  BOOST_TEST(fails_for(pair.server.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
  BOOST_TEST(pair.server.tls.state() == connection_state::failed);
  BOOST_TEST(pair.server.tls.last_failure().verify_depth == 0);
  BOOST_TEST(!pair.server.tls.last_failure().verify_error.empty());
  pair.settle();
  if (version == TLS1_3_VERSION)
    pair.client.read_all();
  else
    pair.client.last = pair.client.handshake();
  BOOST_TEST((pair.client.last.error.category() == openssl_category())); // an alert said so
}

TLSMODE_CASE_PER_VERSION(fails_whoever_installed_the_callback) {
  const context client = unknown_client(version);
  const change ways[] = {
      [](engine& e) { SSL_set_verify(e.native_handle(), demanding, &native_that_asks_for_time); },
      [](engine& e) {
        SSL_set_verify(e.native_handle(), demanding, &native_that_asks_for_time);
        e.set_verify_mode(demanding);
      }};
  const context server = demanding_server();
  for (const change& way : ways) BOOST_TEST(try_on(client, server, way) == outcome::failed);
  const context of_context = demanding_server();
  SSL_CTX_set_verify(of_context.native_handle(), demanding, &native_that_asks_for_time);
  BOOST_TEST(try_on(client, of_context, as_it_is) == outcome::failed);
  const native_context foreign = foreign_server();
  SSL_CTX_set_verify(foreign.get(), demanding, &native_that_asks_for_time);
  BOOST_TEST(connect(client, foreign.get()) == outcome::failed);
}

TLSMODE_CASE_PER_VERSION(of_the_whole_chain_fails_too) {
  const context client = unknown_client(version);
  const context server = demanding_server();
  SSL_CTX_set_cert_verify_callback(server.native_handle(), &chain_that_asks_for_time, nullptr);
  questions = 0;
  for (int i = 0; i < 2; ++i) { // nor does it leave a session that would do
    memory_pair pair(client, server);
    (void)pair.connect();
    BOOST_TEST(fails_for(pair.server.last, SSL_R_CERTIFICATE_VERIFY_FAILED));
    BOOST_TEST(pair.server.tls.state() == connection_state::failed);
    BOOST_TEST(questions == i + 1);
    pair.settle();
    pair.client.read_all(); // tickets, and the end
    BOOST_TEST(pair.client.last.complete());
  }
  const native_context foreign = foreign_server();
  SSL_CTX_set_cert_verify_callback(foreign.get(), &chain_that_asks_for_time, nullptr);
  for (int i = 0; i < 2; ++i) BOOST_TEST(connect(client, foreign.get()) == outcome::failed);
  BOOST_TEST(questions == 4);
}

// Even if the client keeps the session although the connection failed.
TLSMODE_CASE_PER_VERSION(leaves_no_session_that_gets_in) {
  for (const bool tickets : {true, false}) {
    const native_context foreign = foreign_server();
    if (!tickets) SSL_CTX_set_options(foreign.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_cert_verify_callback(foreign.get(), &chain_that_asks_for_time, nullptr);
    const context client = unknown_client(version);
    static session_ptr kept;
    SSL_CTX_set_session_cache_mode(client.native_handle(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(client.native_handle(), [](SSL*, SSL_SESSION* s) {
      kept.reset(SSL_SESSION_dup(s));
      return 0;
    });
    BOOST_TEST(connect(client, foreign.get()) == outcome::failed);
    BOOST_REQUIRE(kept != nullptr);
    SSL_CTX_set_cert_verify_callback(foreign.get(), &chain_that_rejects, nullptr);
    engine server(foreign.get());
    endpoint again(client, role::client);
    again.tls.set_verify_mode(SSL_VERIFY_NONE);
    BOOST_REQUIRE(!again.tls.set_host(server_name));
    BOOST_REQUIRE(SSL_set_session(again.native(), kept.get()) == 1);
    BOOST_TEST(shake_hands(again, server) == outcome::failed);
    kept.reset();
  }
}

TLSMODE_CASE_PER_VERSION(is_forgotten_with_the_connection) {
  const context client = known_client(version);
  const context server = demanding_server();
  static bool whole_asks;
  SSL_CTX_set_cert_verify_callback(
      server.native_handle(),
      [](X509_STORE_CTX* store, void*) {
        if (whole_asks) return ask_for_time(store) ? 1 : 0;
        return X509_verify_cert(store);
      },
      nullptr);
  engine reused(server);
  for (const outcome expected : {outcome::failed, outcome::full}) {
    whole_asks = expected == outcome::failed;
    endpoint other(client, role::client);
    BOOST_REQUIRE(!other.tls.set_host(server_name));
    BOOST_TEST(shake_hands(other, reused) == expected);
    BOOST_REQUIRE(!reused.reset());
  }
}

TLSMODE_CASE_PER_VERSION(is_not_taken_for_an_answer) {
  const context client = unknown_client(version);
  const context accepting = demanding_server();
  SSL_CTX_set_cert_verify_callback(accepting.native_handle(), &chain_that_accepts, nullptr);
  BOOST_TEST(try_on(client, accepting, as_it_is) == outcome::full);
  const context rejecting = demanding_server();
  SSL_CTX_set_cert_verify_callback(rejecting.native_handle(), &chain_that_rejects, nullptr);
  BOOST_TEST(try_on(client, rejecting, as_it_is) == outcome::failed);
}

BOOST_AUTO_TEST_SUITE_END()
