// SPDX-License-Identifier: BSL-1.0
// A handshake whose first bytes somebody else has read: do they count, are they reported as
// boost::asio::ssl::stream reports them, and does what follows the handshake in them reach later reads?
#define BOOST_TEST_MODULE adapter_operations
#include "asio_layered.hpp"
#include "asio_relay.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(buffered_handshake)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

template <class Server>
using relayed = relayed_pair<asio_stream, Server>;

template <class Server, class Buffers>
operation start_buffered(Server& s, const Buffers& first) {
  operation op;
  s.async_handshake(as_server, first, op.make_handler());
  return op;
}

// A ClientHello that the test has read, and the client that waits for the answer.
template <class Server>
struct greeted : relayed<Server> {
  explicit greeted(int version = TLS1_3_VERSION) : relayed<Server>(version) {
    c = start_handshake(this->client, as_client);
    hello = this->next_from_client();
  }
  void finish(const operation& s) {
    this->run_until([&] { return c.done() && s.done(); });
    BOOST_TEST(c.ec() == error_code());
    BOOST_TEST(s.ec() == error_code());
  }
  // The session is whole.
  void check_data() {
    const std::string text = random_bytes(5000, 1);
    sender out(this->client, text);
    sender back(this->server, text);
    receiver<asio_stream> at_client(this->client);
    receiver<Server> at_server(this->server);
    out.start();
    back.start();
    at_client.start(text.size());
    at_server.start(text.size());
    this->run_until([&] { return at_client.done() && at_server.done() && out.done() && back.done(); });
    BOOST_TEST((at_client.data() == text));
    BOOST_TEST((at_server.data() == text));
  }
  operation c;
  std::string hello;
};

// n for a ClientHello given whole, in part, in pieces, and not at all.
struct given {
  std::size_t bytes;           // of the ClientHello; the rest comes through the socket
  std::vector<std::size_t> at; // where they are cut
};

const given all_given[] = {{0, {}}, {1, {}}, {5, {}}, {100, {}}, {1000, {}}, {1000, {1, 2, 3, 50, 50, 100}}};

template <class Server>
std::size_t n_of(const given& g, int version) {
  greeted<Server> p(version);
  const std::size_t size = std::min(g.bytes, p.hello.size());
  std::vector<net::const_buffer> buffers;
  std::size_t begin = 0;
  for (const std::size_t cut : g.at) {
    buffers.push_back(net::buffer(p.hello.data() + begin, cut - begin));
    begin = cut;
  }
  buffers.push_back(net::buffer(p.hello.data() + begin, size - begin));
  const operation s = start_buffered(p.server, buffers);
  p.send_to_server(std::string_view(p.hello).substr(size));
  p.finish(s);
  BOOST_TEST(s.bytes() == size);
  p.check_data();
  return s.bytes();
}

// Both flights of the client pass through the test's hands, the second one with data behind it. With
// non-blocking operations, which both streams go on with.
template <class Server>
void second_flight_with_data(int version, std::string_view early) {
  greeted<Server> p(version);
  socket_of(p.server).non_blocking(true);
  error_code ec;
  p.server.handshake(as_server, net::buffer(p.hello), ec);
  BOOST_TEST(ec == net::error::would_block);
  std::string flight;
  operation write;
  if (version == TLS1_2_VERSION) {
    // The client sends data only when it has the answer to this flight.
    test::run_until(p.io, [&] {
      p.send_to_client(p.from_server());
      flight += p.from_client();
      return flight.size() > 80; // three messages, written at once
    });
    p.server.handshake(as_server, net::buffer(flight), ec);
    BOOST_TEST(ec == error_code());
    p.run_until([&] { return p.c.done(); });
    write = start_write(p.client, net::buffer(early));
    p.run_until([&] { return write.done(); });
  } else {
    test::run_until(p.io, [&] {
      p.send_to_client(p.from_server());
      return p.c.done();
    });
    write = start_write(p.client, net::buffer(early));
    test::run_until(p.io, [&] { return write.done(); });
    wait_for_bytes(p.to_client(), early.size() + 22 + 50);
    flight = p.from_client();
    p.server.handshake(as_server, net::buffer(flight), ec);
    BOOST_TEST(ec == error_code());
  }
  BOOST_TEST(p.c.good());
  receiver<Server> in(p.server);
  in.start(early.size());
  p.run_until([&] { return in.done(); });
  BOOST_TEST((in.data() == early));
  socket_of(p.server).non_blocking(false);
  p.check_data();
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(n_is_what_it_is_in_asio, Stream, both_channels) {
  for (const int version : versions)
    for (const given& g : all_given) BOOST_TEST(n_of<Stream>(g, version) == n_of<asio_stream>(g, version));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(data_behind_the_handshake_reaches_later_reads, Stream, both_channels) {
  for (const int version : versions) {
    const std::string early = random_bytes(3000, 1);
    second_flight_with_data<asio_stream>(version, early); // the script is fair
    second_flight_with_data<Stream>(version, early);
  }
}

// The same with asynchronous operations, and more data than boost::asio::ssl::stream would take.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_cancelled_one_goes_on_with_more_bytes, Stream, both_channels) {
  const std::string early = random_bytes(60000, 1);
  greeted<Stream> p;
  operation first = start_buffered(p.server, net::buffer(p.hello));
  settle(p.io);
  first.cancel();
  run_until(p.io, [&] { return first.done(); });
  BOOST_TEST(first.aborted());
  BOOST_TEST(first.bytes() == p.hello.size(), "they are taken, whatever becomes of the operation");
  std::string flight;
  test::run_until(p.io, [&] {
    p.send_to_client(p.from_server());
    return p.c.done();
  });
  sender out(p.client, early);
  out.start();
  test::run_until(p.io, [&] {
    flight += p.from_client();
    return out.done() && flight.size() > early.size() + 22 + 50;
  });
  const operation second = start_buffered(p.server, net::buffer(flight));
  run_until(p.io, [&] { return second.done(); });
  BOOST_TEST(second.ec() == error_code());
  BOOST_TEST(second.bytes() == flight.size());
  receiver<Stream> in(p.server);
  in.start(early.size());
  p.run_until([&] { return in.done(); });
  BOOST_TEST((in.data() == early));
  p.check_data();
}

// On a non-blocking socket the bytes are taken, and the handshake goes on without them.
BOOST_AUTO_TEST_CASE_TEMPLATE(after_would_block_they_are_not_given_again, Stream, both_channels) {
  greeted<Stream> p;
  socket_of(p.server).non_blocking(true);
  error_code ec;
  p.server.handshake(as_server, net::buffer(p.hello), ec);
  BOOST_TEST(ec == net::error::would_block);
  test::run_until(p.io, [&] {
    p.server.handshake(as_server, ec);
    p.send_to_server(p.from_client());
    p.send_to_client(p.from_server());
    return !ec && p.c.done();
  });
  BOOST_TEST(p.c.good());
  p.check_data();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(blocking, Stream, both_channels) {
  for (const int version : versions) {
    tls_pair<asio_stream, Stream> p({version});
    const watchdog dog({socket_of(p.client).native_handle(), socket_of(p.server).native_handle()});
    error_code client_ec = net::error::would_block;
    std::thread peer([&] { p.client.handshake(as_client, client_ec); });
    std::string hello(100, '\0');
    hello.resize(socket_of(p.server).read_some(net::buffer(hello)));
    error_code ec;
    p.server.handshake(as_server, net::buffer(hello), ec);
    peer.join();
    BOOST_TEST(ec == error_code());
    BOOST_TEST(client_ec == error_code());
    BOOST_TEST(!dog.fired());
  }
}

// Something that is no TLS. That its bytes are gone boost::asio::ssl::stream does not tell.
BOOST_AUTO_TEST_CASE_TEMPLATE(on_error, Stream, both_channels) {
  const std::string junk = "GET / HTTP/1.0\r\n\r\n";
  both_asio theirs;
  const operation expected = start_buffered(theirs.server, net::buffer(junk));
  run_until(theirs.io, [&] { return expected.done(); });
  tls_pair<asio_stream, Stream> p;
  const operation op = start_buffered(p.server, net::buffer(junk));
  BOOST_TEST(!op.done());
  run_until(p.io, [&] { return op.done(); });
  BOOST_TEST(bool(op.ec()));
  BOOST_TEST(op.ec() == expected.ec());
  BOOST_TEST(op.bytes() == junk.size());
  tls_pair<asio_stream, Stream> sync;
  error_code ec;
  sync.server.handshake(as_server, net::buffer(junk), ec);
  BOOST_TEST(ec == expected.ec());
  tls_pair<asio_stream, Stream> thrown;
  BOOST_CHECK_THROW(thrown.server.handshake(as_server, net::buffer(junk)), boost::system::system_error);
}

// The peer goes away behind its ClientHello.
BOOST_AUTO_TEST_CASE_TEMPLATE(truncated, Stream, both_channels) {
  greeted<Stream> p;
  const operation s = start_buffered(p.server, net::buffer(p.hello, 50));
  p.to_server().shutdown(tcp_socket::shutdown_send);
  run_until(p.io, [&] { return s.done(); });
  BOOST_TEST(s.ec() == net::ssl::error::stream_truncated);
  BOOST_TEST(s.bytes() == 50U);
}

// The caller's memory is its own again as soon as the operation is over, even a cancelled one.
BOOST_AUTO_TEST_CASE_TEMPLATE(the_callers_memory_is_not_kept, Stream, both_channels) {
  greeted<Stream> p;
  auto copy = std::make_unique<std::string>(p.hello.substr(0, 60));
  operation s = start_buffered(p.server, net::buffer(*copy));
  settle(p.io);
  s.cancel();
  run_until(p.io, [&] { return s.done(); });
  BOOST_TEST(s.aborted());
  BOOST_TEST(s.bytes() == 60U);
  copy->assign(copy->size(), '!');
  copy.reset();
  s = start_handshake(p.server, as_server);
  p.send_to_server(std::string_view(p.hello).substr(60));
  p.finish(s);
  p.check_data();
}

BOOST_AUTO_TEST_SUITE_END()
