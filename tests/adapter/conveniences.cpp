// SPDX-License-Identifier: BSL-1.0
// Is what people want beside reading and writing one call on the stream? Resumption, client certificates,
// keys and what is known of the connection, over real sockets, with the core's own contexts.
#define BOOST_TEST_MODULE adapter_conveniences
#include "asio_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstring>
#include <optional>

BOOST_AUTO_TEST_SUITE(conveniences)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

context make_client() {
  context c = context::client();
  BOOST_REQUIRE(!c.trust(pem(authority().certificate)));
  return c;
}

context make_server() {
  context c = context::server();
  BOOST_REQUIRE(!c.use_certificate_chain(pem(localhost().certificate)));
  BOOST_REQUIRE(!c.use_private_key(pem(localhost().key)));
  return c;
}

struct core_pair {
  core_pair(const context& for_client, const context& for_server)
      : sockets(tcp_pair(io.get_executor(), io.get_executor())), client(std::move(sockets.first), for_client),
        server(std::move(sockets.second), for_server) {}
  void handshake() {
    c = start_handshake(client, as_client);
    s = start_handshake(server, as_server);
    run_until(io, [&] { return c.done() && s.done(); });
  }
  // A message to the client: with it come the tickets.
  void greet() {
    std::array<char, 10> room{};
    const operation write = start_write(server, net::buffer("hello", 5));
    const operation read = start_read(client, net::buffer(room));
    run_until(io, [&] { return write.done() && read.done(); });
    BOOST_TEST(std::string_view(room.data(), read.bytes()) == "hello");
  }
  net::io_context io;
  std::pair<tcp_socket, tcp_socket> sockets;
  tls_stream client;
  tls_stream server;
  operation c;
  operation s;
};

} // namespace

BOOST_AUTO_TEST_CASE(sessions_are_resumed_by_host_and_port) {
  context client = make_client();
  const context server = make_server();
  BOOST_TEST(!client.resume_sessions());
  const auto connect = [&](std::uint16_t port) {
    core_pair p(client, server);
    p.client.set_host("localhost", port);
    p.handshake();
    BOOST_TEST(p.c.good());
    p.greet();
    BOOST_TEST(p.server.resumed() == p.client.resumed());
    return p.client.resumed();
  };
  BOOST_TEST(!connect(443));
  BOOST_TEST(connect(443));
  BOOST_TEST(!connect(8443));
}

BOOST_AUTO_TEST_CASE(a_session_can_be_carried_by_hand) {
  const context client = make_client();
  const context server = make_server();
  session_ptr kept;
  {
    core_pair p(client, server);
    p.client.set_host("localhost");
    BOOST_TEST(p.client.session() == nullptr);
    p.handshake();
    p.greet();
    kept = p.client.session();
    BOOST_REQUIRE(kept != nullptr);
  }
  core_pair other(client, server);
  other.client.set_host("127.0.0.1");
  error_code ec;
  other.client.offer_session(kept.get(), ec);
  BOOST_TEST((ec == error::session_not_verified));
  BOOST_CHECK_THROW(other.client.offer_session(kept.get()), boost::system::system_error);

  core_pair p(client, server);
  p.client.set_host("localhost");
  p.client.offer_session(kept.get());
  p.handshake();
  BOOST_TEST(p.client.resumed());
}

BOOST_AUTO_TEST_CASE(a_client_shows_its_certificate) {
  context client = make_client();
  context server = make_server();
  BOOST_TEST(!server.require_client_certificate(pem(authority().certificate)));
  {
    core_pair p(client, server);
    p.client.set_host("localhost");
    p.handshake();
    BOOST_TEST(bool(p.s.ec()), "a client without one is refused");
    BOOST_TEST(p.server.last_failure().to_string().find("peer did not return a certificate") !=
               std::string::npos);
  }
  BOOST_TEST(!client.use_certificate_chain(pem(client_identity().certificate)));
  BOOST_TEST(!client.use_private_key(pem(client_identity().key)));
  core_pair p(client, server);
  p.client.set_host("localhost");
  BOOST_TEST(p.server.peer_certificate() == nullptr);
  p.handshake();
  BOOST_TEST(p.s.good());
  BOOST_TEST(p.server.peer_certificate() != nullptr);
  BOOST_TEST(p.server.peer_chain().size() == 2U, "OpenSSL adds the authority that the client trusts");
  BOOST_TEST(p.server.verified_chain().size() == 2U);
}

BOOST_AUTO_TEST_CASE(both_ends_know_the_same_of_the_connection) {
  context client = make_client();
  context server = make_server();
  for (context* c : {&client, &server}) BOOST_TEST(!c->set_alpn({"h2", "http/1.1"}));
  core_pair p(client, server);
  p.client.set_host("localhost");
  std::array<char, 20> key{};
  error_code ec;
  p.client.export_keying_material("EXPERIMENTAL test", net::buffer("context", 7), net::buffer(key), ec);
  BOOST_TEST((ec == error::handshake_needed));
  BOOST_CHECK_THROW((void)p.client.channel_binding(), boost::system::system_error);
  p.handshake();
  BOOST_TEST(p.client.protocol() == "TLSv1.3");
  BOOST_TEST(p.client.cipher() == p.server.cipher());
  BOOST_TEST(p.client.group() == p.server.group());
  BOOST_TEST(p.client.group() == "x25519");
  BOOST_TEST(p.client.alpn() == "h2");
  BOOST_TEST((p.client.state() == connection_state::open));
  BOOST_TEST((p.client.channel_binding() == p.server.channel_binding()));
  std::array<char, 20> same{};
  p.client.export_keying_material("EXPERIMENTAL test", net::buffer("context", 7), net::buffer(key), ec);
  BOOST_TEST(ec == error_code());
  p.server.export_keying_material("EXPERIMENTAL test", net::buffer("context", 7), net::buffer(same), ec);
  BOOST_TEST((key == same));
  p.server.export_keying_material("EXPERIMENTAL test", net::buffer("another", 7), net::buffer(same), ec);
  BOOST_TEST((key != same));
}

BOOST_AUTO_TEST_CASE(keys_are_updated_between_data) {
  const context client = make_client();
  const context server = make_server();
  core_pair p(client, server);
  p.client.set_host("localhost");
  error_code ec;
  p.client.update_keys(true, ec);
  BOOST_TEST((ec == error::handshake_needed));
  p.handshake();
  std::array<char, 10> room{};
  for (const bool both : {false, true, true}) {
    p.client.update_keys(both);
    const operation write = start_write(p.client, net::buffer("ping", 4));
    const operation read = start_read(p.server, net::buffer(room));
    run_until(p.io, [&] { return write.done() && read.done(); });
    BOOST_TEST(std::string_view(room.data(), read.bytes()) == "ping");
    p.greet();
  }
}

BOOST_AUTO_TEST_SUITE_END()
