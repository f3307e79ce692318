// SPDX-License-Identifier: BSL-1.0
// Does our stream talk to the programs openssl s_client and s_server: every byte both ways, and an orderly
// end?
#include "asio_fixture.hpp"
#include "asio_process.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(openssl_programs)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

std::string version_option(int version) { return version == TLS1_2_VERSION ? "-tls1_2" : "-tls1_3"; }

// What we send comes out of the program, what we put into the program comes to us.
void check_exchange(net::io_context& io, tls_stream& s, process& peer) {
  const std::string up = random_bytes(300000, 1);
  const std::string down = random_bytes(400000, 2);
  sender out(s, up);
  receiver in(s);
  std::string printed(up.size(), '\0');
  error_code read_error = net::error::would_block;
  error_code write_error = net::error::would_block;
  out.start();
  in.start(down.size());
  net::async_read(peer.output, net::buffer(printed), [&](error_code ec, std::size_t) { read_error = ec; });
  net::async_write(peer.input, net::buffer(down), [&](error_code ec, std::size_t) { write_error = ec; });
  run_until(io, [&] {
    return out.done() && in.done() && read_error != net::error::would_block &&
           write_error != net::error::would_block;
  });
  BOOST_TEST(read_error == error_code());
  BOOST_TEST(write_error == error_code());
  BOOST_TEST((printed == up));
  BOOST_TEST((in.data() == down));
}

// A port that nobody used a moment ago.
unsigned short free_port(net::io_context& io) {
  net::ip::tcp::acceptor probe(io, {net::ip::address_v4::loopback(), 0});
  return probe.local_endpoint().port();
}

// The program needs a moment before it listens.
tcp_socket connect_to(net::io_context& io, unsigned short port) {
  for (int attempt = 0;; ++attempt) {
    tcp_socket s(io);
    error_code ec;
    s.connect({net::ip::address_v4::loopback(), port}, ec);
    if (!ec) return s;
    if (attempt == 1000) throw boost::system::system_error(ec, "connect");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(s_client_and_our_server) {
  for (const int version : versions) {
    net::io_context io;
    net::ssl::context settings = server_context(version);
    const temporary_directory files;
    net::ip::tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), 0});
    process client(io.get_executor(),
                   {"openssl", "s_client", "-quiet", "-verify_return_error", "-verify", "2", "-CAfile",
                    files.file("ca.pem", authority().certificate), "-verify_hostname", "localhost",
                    "-connect", "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()),
                    version_option(version)});
    tcp_socket socket(io);
    error_code accepted = net::error::would_block;
    acceptor.async_accept(socket, [&](error_code ec) { accepted = ec; });
    run_until(io, [&] { return accepted != net::error::would_block; });
    BOOST_REQUIRE(!accepted);
    tls_stream server(std::move(socket), settings);
    const operation shake = start_handshake(server, as_server);
    run_until(io, [&] { return shake.done(); });
    BOOST_TEST(shake.ec() == error_code());
    check_exchange(io, server, client);
    // It answers our close_notify with its own, or closes; and then it is gone.
    const operation bye = start_shutdown(server);
    run_until(io, [&] { return bye.done(); });
    BOOST_TEST((!bye.ec() || bye.ec() == net::ssl::error::stream_truncated), bye.ec().message());
    char more = 0;
    error_code end;
    net::async_read(client.output, net::buffer(&more, 1), [&](error_code ec, std::size_t) { end = ec; });
    run_until(io, [&] { return bool(end); });
    BOOST_TEST(end == net::error::eof);
  }
}

BOOST_AUTO_TEST_CASE(s_server_and_our_client) {
  for (const int version : versions) {
    net::io_context io;
    net::ssl::context settings = client_context(version);
    const temporary_directory files;
    const unsigned short port = free_port(io);
    process server(io.get_executor(), {"openssl", "s_server", "-quiet", "-naccept", "1", "-accept",
                                       "127.0.0.1:" + std::to_string(port), "-cert",
                                       files.file("cert.pem", localhost().certificate), "-key",
                                       files.file("key.pem", localhost().key), version_option(version)});
    tls_stream client(connect_to(io, port), settings);
    client.set_host("localhost");
    const operation shake = start_handshake(client, as_client);
    run_until(io, [&] { return shake.done(); });
    BOOST_TEST(shake.ec() == error_code());
    BOOST_TEST(client.protocol() == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
    check_exchange(io, client, server);
    const operation bye = start_shutdown(client);
    run_until(io, [&] { return bye.done(); });
    BOOST_TEST((!bye.ec() || bye.ec() == net::ssl::error::stream_truncated), bye.ec().message());
    client.lowest_layer().close();
    char more = 0;
    error_code end;
    net::async_read(server.output, net::buffer(&more, 1), [&](error_code ec, std::size_t) { end = ec; });
    run_until(io, [&] { return bool(end); });
    BOOST_TEST(end == net::error::eof);
  }
}

BOOST_AUTO_TEST_SUITE_END()
