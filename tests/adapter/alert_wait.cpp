// SPDX-License-Identifier: BSL-1.0
// The connection has failed, and its last alert waits for a peer that reads nothing: can whoever waits for
// that give up, and what is left then?
#include "asio_layered.hpp"
#include "asio_relay.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <array>
#include <string>

BOOST_AUTO_TEST_SUITE(alert_wait)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr net::cancellation_type types[] = {net::cancellation_type::terminal, net::cancellation_type::partial,
                                            net::cancellation_type::total};

// A read that has found out what came is no TLS, behind a write that the peer does not take.
template <class Stream>
struct failed_client : relayed_pair<Stream, asio_stream> {
  failed_client() : relayed_pair<Stream, asio_stream>(TLS1_3_VERSION, tiny) {
    this->handshake();
    this->client.clear_mode(mode::enable_partial_write); // or the write is over at the first room
    write = start_write(this->client, net::buffer(text));
    settle(this->io);
    BOOST_REQUIRE(!write.done());
    read = start_read(this->client, net::buffer(room));
    this->send_to_client("this is no TLS record");
    test::run_until(this->io, [&] { return this->client.state() == connection_state::failed; });
    settle(this->io);
    BOOST_REQUIRE(!read.done());
  }
  // What the server still gets, up to the end of the wire, does not tell it why.
  void check_no_alert_comes() {
    receiver<asio_stream> at_server(this->server);
    at_server.start();
    this->run_until([&] { return write.done(); });
    settle(this->io);
    this->send_to_server(this->from_client());
    this->to_server().shutdown(tcp_socket::shutdown_send);
    test::run_until(this->io, [&] { return at_server.done(); });
    BOOST_TEST(at_server.ec() == net::ssl::error::stream_truncated);
    BOOST_TEST((at_server.data() == text.substr(0, at_server.data().size())));
  }
  std::string text = random_bytes(100'000, 1);
  std::array<char, 10> room{};
  operation write;
  operation read;
};

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(cancelling_gives_the_alert_up, Stream, both_channels) {
  for (const auto type : types) {
    failed_client<Stream> p;
    p.read.cancel(type);
    settle(p.io); // and not when the time for alerts is over
    BOOST_TEST(p.read.ec() == error_code(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_WRONG_VERSION_NUMBER),
                                         net::error::get_ssl_category()));
    const operation next = start_read(p.client, net::buffer(p.room));
    settle(p.io);
    BOOST_TEST(next.ec() == p.read.ec());
    p.check_no_alert_comes();
    BOOST_TEST(bool(p.write.ec()));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_end_of_the_stream_ends_the_wait, Stream, both_channels) {
  failed_client<Stream> p;
  net::ssl::context settings = client_context(TLS1_3_VERSION);
  p.client = Stream(typename Stream::next_layer_type(tcp_socket(p.io)), settings); // ends the old one
  run_until(p.io, [&] { return p.read.done() && p.write.done(); });
  BOOST_TEST(p.read.aborted());
  BOOST_TEST(p.write.aborted());
}

BOOST_AUTO_TEST_SUITE_END()
