// SPDX-License-Identifier: BSL-1.0
// A callback chooses another context for a server's connection (SSL_set_SSL_CTX), say by the name that the
// client wants. Does a context that demands certificates of clients get its way? OpenSSL goes on asking as
// the first context said.
#include "checked_peers.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <string>

BOOST_AUTO_TEST_SUITE(chosen_contexts)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

SSL_CTX* chosen = nullptr;
bool asks_too = false; // the callback has the client asked as the chosen context says

void choose(SSL* ssl) {
  SSL_set_SSL_CTX(ssl, chosen);
  if (asks_too) SSL_set_verify(ssl, SSL_CTX_get_verify_mode(chosen), SSL_get_verify_callback(ssl));
}

enum class by { client_hello, server_name };

// A server that goes over to `to` in every handshake.
context changing_server(by how, const context& to, context from = server_context()) {
  chosen = to.native_handle();
  asks_too = false;
  if (how == by::client_hello) {
    SSL_CTX_set_client_hello_cb(
        from.native_handle(),
        [](SSL* ssl, int*, void*) {
          choose(ssl);
          return SSL_CLIENT_HELLO_SUCCESS;
        },
        nullptr);
  } else {
    SSL_CTX_set_tlsext_servername_callback(
        from.native_handle(), +[](SSL* ssl, int*, void*) {
          choose(ssl);
          return SSL_TLSEXT_ERR_OK;
        });
  }
  return from;
}

context asking_server() {
  context server = server_context();
  BOOST_REQUIRE(!server.ask_for_client_certificate(our_authority()));
  return server;
}

// How the server's handshake ends; the client takes all that it is sent, whatever the server says.
std::error_code end_of(const context& client, const context& server, const change& of_client) {
  memory_pair pair(client, server);
  of_client(pair.client.tls);
  (void)pair.connect();
  pair.settle();
  pair.client.handshake();
  pair.client.read_all();
  return pair.server.last.error;
}

constexpr by ways[] = {by::client_hello, by::server_name};

} // namespace

TLSMODE_CASE_PER_VERSION(that_demand_a_certificate_do_without_none) {
  for (const by how : ways) {
    const context demanding = demanding_server();
    const context server = changing_server(how, demanding);
    const context client = only(version, client_context());
    memory_pair pair(client, server);
    (void)pair.connect();
    BOOST_TEST(fails(pair.server.last, error::client_not_asked));
    BOOST_TEST(pair.server.tls.state() == connection_state::failed);
    BOOST_TEST(pair.server.tls.stats().plain_read == 0u);
    // And the object is none the wiser with the next client.
    BOOST_REQUIRE(!pair.server.tls.reset());
    endpoint other(client, role::client);
    BOOST_REQUIRE(!other.tls.set_host(server_name));
    BOOST_TEST(shake_hands(other, pair.server.tls) == outcome::failed);
  }
}

TLSMODE_CASE_PER_VERSION(get_the_certificate_if_the_client_is_asked_for_it) {
  for (const by how : ways) {
    const context demanding = demanding_server();
    const context server = changing_server(how, demanding);
    asks_too = true;
    BOOST_TEST(try_on(known_client(version), server, as_it_is) == outcome::full);
    BOOST_TEST(try_on(only(version, client_context()), server, as_it_is) == outcome::failed);
    context stranger_client = only(version, client_context());
    know(stranger_client, stranger());
    BOOST_TEST(try_on(stranger_client, server, as_it_is) == outcome::failed);
  }
}

TLSMODE_CASE_PER_VERSION(are_content_with_a_certificate_that_the_first_one_asked_for) {
  for (const by how : ways) {
    const context demanding = demanding_server();
    const context server = changing_server(how, demanding, asking_server());
    BOOST_TEST(try_on(known_client(version), server, as_it_is) == outcome::full);
    BOOST_TEST(try_on(only(version, client_context()), server, as_it_is) == outcome::failed);
  }
}

TLSMODE_CASE_PER_VERSION(that_demand_nothing_get_nothing) {
  for (const by how : ways) {
    const context lax = server_context();
    const context asking = asking_server();
    for (const context* to : {&lax, &asking}) {
      const context server = changing_server(how, *to);
      BOOST_TEST(try_on(only(version, client_context()), server, as_it_is) == outcome::full);
    }
  }
}

// A client that keeps what it was sent before it was refused.
TLSMODE_CASE_PER_VERSION(that_demand_a_certificate_leave_no_session_that_gets_in) {
  for (const bool tickets : {true, false}) {
    for (const by how : ways) {
      const context demanding = demanding_server();
      const context server = changing_server(how, demanding);
      if (!tickets)
        for (const context* c : {&demanding, &server})
          SSL_CTX_set_options(c->native_handle(), SSL_OP_NO_TICKET);
      const context client = only(version, client_context());
      static session_ptr kept;
      SSL_CTX_set_session_cache_mode(client.native_handle(), SSL_SESS_CACHE_CLIENT);
      SSL_CTX_sess_set_new_cb(client.native_handle(), [](SSL*, SSL_SESSION* s) {
        kept.reset(SSL_SESSION_dup(s));
        return 0;
      });
      const change offers = [](engine& e) {
        e.set_verify_mode(SSL_VERIFY_NONE);
        if (kept) BOOST_REQUIRE(SSL_set_session(e.native_handle(), kept.get()) == 1);
      };
      BOOST_TEST(end_of(client, server, offers) == error::client_not_asked);
      BOOST_REQUIRE(kept != nullptr);
      BOOST_TEST(try_on(client, demanding, as_it_is, offers) == outcome::failed);
      BOOST_TEST(end_of(client, server, offers) == error::client_not_asked);
      kept.reset();
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
