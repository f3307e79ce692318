// SPDX-License-Identifier: BSL-1.0
// Do peers that do nothing, or next to nothing, go away by themselves, and do slow but honest ones stay?
// Nothing here measures time: a deadline that does not work makes a test wait until it gives up.
#define BOOST_TEST_MODULE integration_deadlines
#include "server.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace integration;
using namespace std::chrono_literals;

struct impatient_server {
  server s{{"--handshake-timeout", "0.3", "--idle-timeout", "0.4", "--shutdown-timeout", "0.3"}};
  std::size_t baseline = 0;

  impatient_server() {
    BOOST_TEST(s.works());
    baseline = idle_descriptors();
  }
  ~impatient_server() {
    BOOST_TEST(s.works());
    BOOST_TEST(s.settles_at(baseline), s.descriptors() << " descriptors instead of " << baseline);
    BOOST_TEST(s.stop() == 0);
  }

  std::size_t idle_descriptors() const {
    std::size_t least = s.descriptors();
    for (int i = 0; i < 50; ++i) {
      std::this_thread::sleep_for(2ms);
      least = std::min(least, s.descriptors());
    }
    return least;
  }

  void check_one_line(std::uint16_t peer, const std::string& words) const {
    const std::string line = s.first_line_of(peer);
    BOOST_TEST(line.find(words) != std::string::npos, "'" << words << "' is not in: " << line);
    BOOST_TEST(s.settles_at(baseline));
    BOOST_TEST(s.log_of(peer).size() == 1U, s.err());
  }
};

/// Sends byte after byte, slowly, until the server has enough of it. False if it took them all.
bool server_ends_drip(const tcp_client& client, std::string_view bytes) {
  try {
    for (const char c : bytes) {
      client.send({&c, 1});
      std::this_thread::sleep_for(20ms);
    }
    return false;
  } catch (const std::system_error&) {
    return true;
  }
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(deadlines, impatient_server)

BOOST_AUTO_TEST_CASE(silence_instead_of_a_handshake) {
  const tcp_client silent(s.port());
  BOOST_TEST(silent.closed_by_server());
  check_one_line(silent.local_port(), "handshake timed out");
}

BOOST_AUTO_TEST_CASE(a_handshake_that_stops_half_way) {
  const tcp_client client(s.port());
  client.send(client_hello()); // the server answers, and then waits for Finished
  BOOST_TEST(!client.receive().empty());
  BOOST_TEST(client.closed_by_server());
  check_one_line(client.local_port(), "handshake timed out");
}

// Each byte is progress, but the handshake has one deadline in total.
BOOST_AUTO_TEST_CASE(a_handshake_byte_by_byte) {
  const tcp_client client(s.port());
  const std::uint16_t peer = client.local_port();
  BOOST_TEST(server_ends_drip(client, client_hello() + client_hello()));
  check_one_line(peer, "handshake timed out");
}

BOOST_AUTO_TEST_CASE(two_hundred_silent_peers_at_a_time) {
  const std::size_t lines = s.log().size();
  std::vector<std::unique_ptr<tcp_client>> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(std::make_unique<tcp_client>(s.port()));
  BOOST_TEST(s.works());
  for (const auto& client : silent) BOOST_TEST(client->closed_by_server());
  BOOST_TEST(s.settles_at(baseline));
  BOOST_TEST(s.log_count("handshake timed out") == lines + 200);
}

BOOST_AUTO_TEST_CASE(no_request_at_all) {
  http_client client(s.port());
  BOOST_TEST(client.ends_with_close_notify());
  check_one_line(client.socket().local_port(), "timed out: no request");
}

// The normal end of a keep-alive connection.
BOOST_AUTO_TEST_CASE(no_further_request) {
  http_client client(s.port());
  BOOST_TEST(client.get("/download/10").status == 200U);
  BOOST_TEST(client.ends_with_close_notify());
  BOOST_TEST(s.settles_at(baseline));
  BOOST_TEST(s.log().empty(), s.err());
}

// The header has one deadline in total as well.
BOOST_AUTO_TEST_CASE(a_header_byte_by_byte) {
  http_client client(s.port());
  const std::uint16_t peer = client.socket().local_port();
  bool ended = false;
  try {
    client.write("GET / HTTP/1.1\r\n");
    for (int i = 0; i < 1000 && !ended; ++i) {
      client.write("X: y\r\n");
      std::this_thread::sleep_for(20ms);
    }
  } catch (const tls_error&) {
    ended = true;
  }
  BOOST_TEST(ended);
  client.socket().close();
  check_one_line(peer, "timed out: request not complete");
}

BOOST_AUTO_TEST_CASE(a_request_that_stops_is_told) {
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost:", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"}) {
    http_client client(s.port());
    const std::uint16_t peer = client.socket().local_port();
    client.write(request);
    BOOST_TEST(client.reply().status == 408U);
    BOOST_TEST(client.ends_with_close_notify());
    client.socket().close();
    check_one_line(peer, "timed out: request not complete");
  }
}

// A body may take its time, as long as it goes on.
BOOST_AUTO_TEST_CASE(a_slow_body_is_waited_for) {
  http_client client(s.port());
  client.write(http_client::request("POST", "/echo", "Content-Length: 20\r\n"));
  for (int i = 0; i < 20; ++i) { // twice the deadline and more
    std::this_thread::sleep_for(50ms);
    client.write("x");
  }
  BOOST_TEST(client.reply().body == std::string(20, 'x'));
}

BOOST_AUTO_TEST_CASE(a_reader_that_stands_still_is_cut_off) {
  http_client client(s.port(), {.receive_buffer = 8192});
  const std::uint16_t peer = client.socket().local_port();
  client.write(http_client::request("GET", "/download/1000000000"));
  check_one_line(peer, "timed out: the peer does not read the response");
  BOOST_TEST(!client.ends_with_close_notify());
}

// Far too slow for the server's kernel buffer to move within the deadline: what counts is what the peer
// takes.
BOOST_AUTO_TEST_CASE(a_slow_reader_that_goes_on_gets_everything) {
  constexpr std::uint64_t size = 12'000'000;
  http_client client(s.port(), {.receive_buffer = 32'768});
  client.write(http_client::request("GET", "/download/" + std::to_string(size), "Connection: close\r\n"));
  BOOST_TEST(client.reply_header().status == 200U);
  std::uint64_t got = 0;
  const auto read_on = [&](std::uint64_t until) {
    bool exact = true;
    while (got < until) {
      const std::string piece = client.body_bytes();
      if (piece.empty()) return false;
      exact = exact && is_pattern(piece, got);
      got += piece.size();
    }
    return exact;
  };
  for (int i = 0; i < 20; ++i) {
    BOOST_REQUIRE(read_on(got + 16'384));
    std::this_thread::sleep_for(100ms); // all together: five deadlines
  }
  BOOST_REQUIRE(read_on(size));
  BOOST_TEST(client.ends_with_close_notify());
  client.socket().close();
  BOOST_TEST(s.log().empty(), s.err());
}

// The response is small enough for the kernel to take all of it at once, with the close_notify: it is the end
// of the connection that waits for the reader now.
BOOST_AUTO_TEST_CASE(a_slow_reader_gets_the_end_too) {
  constexpr std::size_t size = 600'000;
  http_client client(s.port(), {.receive_buffer = 4096});
  client.write(http_client::request("GET", "/download/" + std::to_string(size), "Connection: close\r\n"));
  std::string body;
  BOOST_TEST(client.reply_header().status == 200U);
  for (std::string piece = client.body_bytes(); !piece.empty(); piece = client.body_bytes()) {
    body += piece;
    std::this_thread::sleep_for(50ms);
  }
  BOOST_TEST(body.size() == size);
  BOOST_TEST(is_pattern(body));
}

// Half-open: the peer never answers our close_notify and FIN. It must not be kept for ever.
BOOST_AUTO_TEST_CASE(a_peer_that_never_closes) {
  http_client client(s.port());
  (void)client.exchange(http_client::request("GET", "/download/10", "Connection: close\r\n"));
  BOOST_TEST(client.ends_with_close_notify());
  BOOST_TEST(s.settles_at(baseline)); // although our end is still open
  BOOST_TEST(s.log().empty(), s.err());
}

BOOST_AUTO_TEST_SUITE_END()
