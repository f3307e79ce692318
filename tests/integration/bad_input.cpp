// SPDX-License-Identifier: BSL-1.0
// Whatever arrives instead of TLS and HTTP: is it one line in the log, is nothing leaked, does the server go
// on?
#define BOOST_TEST_MODULE integration_bad_input
#include "server.hpp"
#include "test_files.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <system_error>
#include <thread>

namespace {

using namespace integration;

/// A server, and what it had open when it had served once and was idle.
struct running_server {
  server s{{"--threads", "2", "--shutdown-timeout", "0.5"}};
  std::size_t baseline = 0;

  running_server() {
    for (int i = 0; i < 8; ++i)
      BOOST_TEST(s.works()); // all threads, so that lazily opened descriptors are open
    baseline = settled();
  }
  ~running_server() {
    BOOST_TEST(s.works());
    BOOST_TEST(s.settles_at(baseline), s.descriptors() << " descriptors instead of " << baseline);
    BOOST_TEST(s.stop() == 0);
  }

  /// The descriptors that are left when our own connections are gone.
  std::size_t settled() const {
    std::size_t last = 0;
    int same = 0;
    (void)eventually([&] {
      const std::size_t now = s.descriptors();
      same = now == last ? same + 1 : 0;
      last = now;
      return same == 20;
    });
    return last;
  }

  /// `n` lines more than `before`, and no further ones when all connections are gone.
  void check_lines(std::size_t before, std::size_t n) const {
    BOOST_TEST(eventually([&] { return s.log().size() >= before + n; }));
    BOOST_TEST(s.settles_at(baseline));
    BOOST_TEST(s.log().size() == before + n);
  }

  /// One line about the peer, and it contains `words`.
  void check_one_line(std::uint16_t peer, const std::string& words) const {
    const std::string line = s.first_line_of(peer);
    BOOST_TEST(line.find(words) != std::string::npos, "'" << words << "' is not in: " << line);
    BOOST_TEST(s.settles_at(baseline)); // the connection is over, so all of its lines are there
    BOOST_TEST(s.log_of(peer).size() == 1U, s.err());
  }
};

/// Sends as far as the server lets us.
void try_to_send(const tcp_client& client, std::string_view bytes) {
  try {
    client.send(bytes);
  } catch (const std::system_error&) { // it has closed already
  }
}

std::string random_bytes(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(n, '\0');
  for (char& c : bytes) c = static_cast<char>(random() & 0xffU);
  return bytes;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(bad_input, running_server)

BOOST_AUTO_TEST_CASE(plain_http_on_the_tls_port) {
  tcp_client client(s.port());
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: someone\r\n\r\n");
  BOOST_TEST(client.closed_by_server());
  const std::uint16_t peer = client.local_port();
  client.close();
  check_one_line(peer, "handshake failed: http request");
}

// A peer that hears why: the alert must not be lost to a reset, although the server leaves bytes unread.
BOOST_AUTO_TEST_CASE(the_alert_arrives) {
  tcp_client client(s.port());
  client.send(std::string("\x16\x03\x01\x02\x00\xff\x00\x01\xfc", 9) + std::string(100'000, 'x'));
  std::string answer;
  for (std::string piece = client.receive(); !piece.empty(); piece = client.receive()) answer += piece;
  BOOST_REQUIRE(answer.size() == 7U);
  BOOST_TEST(answer[0] == 0x15); // an alert,
  BOOST_TEST(answer[5] == 2);    // and a fatal one
  const std::uint16_t peer = client.local_port();
  client.close();
  check_one_line(peer, "handshake failed: ");
}

// A line about the request, and none about the answer that could not be delivered.
BOOST_AUTO_TEST_CASE(a_bad_request_and_gone) {
  const std::size_t lines = s.log().size();
  for (int i = 0; i < 100; ++i) {
    http_client client(s.port());
    client.write("BAD\r\n\r\n");
    client.socket().reset();
  }
  check_lines(lines, 100);
}

BOOST_AUTO_TEST_CASE(garbage_at_scale) {
  const auto garbage = [&](unsigned i) {
    tcp_client client(s.port());
    try_to_send(client, random_bytes(1 + i * 37 % 20'000, i));
    if (i % 3 == 0) client.half_close();
    if (i % 3 == 1)
      client.reset();
    else
      (void)client.closed_by_server();
  };
  const std::size_t lines = s.log().size();
  for (unsigned i = 0; i < 200; ++i) garbage(i);
  BOOST_TEST(s.works());
  check_lines(lines, 200);
  const std::size_t after_200 = s.resident_kib();
  for (unsigned i = 200; i < 600; ++i) garbage(i);
  check_lines(lines, 600);
  if (!sanitized()) BOOST_TEST(s.resident_kib() < after_200 + 2 * 1024); // twice as many cost no more
}

// All at once rather than one after the other.
BOOST_AUTO_TEST_CASE(two_hundred_at_a_time) {
  const std::size_t lines = s.log().size();
  std::vector<std::unique_ptr<tcp_client>> clients;
  for (unsigned i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<tcp_client>(s.port()));
    try_to_send(*clients.back(), i % 2 == 0 ? client_hello().substr(0, 1 + i) : random_bytes(i + 11, i));
  }
  BOOST_TEST(s.works()); // while they are there
  for (std::size_t i = 0; i < clients.size(); ++i) i % 3 == 0 ? clients[i]->reset() : clients[i]->close();
  check_lines(lines, 200);
}

BOOST_AUTO_TEST_CASE(an_end_within_the_handshake) {
  const std::string hello = client_hello();
  for (const std::size_t sent : {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{5},
                                 std::size_t{6}, hello.size() / 2, hello.size() - 1, hello.size()}) {
    for (const char* how : {"close", "half close", "reset"}) {
      BOOST_TEST_CONTEXT(how << " after " << sent << " bytes of the ClientHello") {
        tcp_client client(s.port());
        const std::uint16_t peer = client.local_port();
        client.send(hello.substr(0, sent));
        if (how[0] == 'r') {
          client.reset();
        } else if (how[0] == 'c') {
          client.close();
        } else {
          client.half_close();
          BOOST_TEST(client.closed_by_server());
          client.close();
        }
        check_one_line(peer, "handshake failed: ");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_trust_us) {
  const auto r = run({"curl", "-q", "--silent", "--noproxy", "*", "--max-time", "15", "--cacert",
                      certs().other_ca, s.url("/")});
  BOOST_TEST(r.status == 60);
  BOOST_TEST(eventually([&] { return s.log_count("alert unknown ca") == 1; }), s.err());
}

BOOST_AUTO_TEST_CASE(an_end_after_the_handshake) {
  // A reset can overtake what was sent before it, so the server may be anywhere when it learns of it.
  const struct {
    const char* sent;  ///< before the end
    const char* words; ///< in the log
    bool reset;
  } cases[] = {
      {"", "without a request", false},
      {"", "Connection reset by peer", true},
      {"GE", "connection lost in a request", false},
      {"GET / HTTP/1.1\r\nHost: loc", "connection lost in a request: ", false},
      {"GET / HTTP/1.1\r\nHost: loc", "Connection reset by peer", true},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n12345", "connection lost in a request",
       false},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n12345", "Connection reset by peer",
       true},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
       "connection lost in a request", false},
      {"GET /download/1000000000000 HTTP/1.1\r\nHost: a\r\n\r\n", "response cut short: ", true},
      {"GET /download/1000000000000 HTTP/1.1\r\nHost: a\r\n\r\n", "response cut short: ", false},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT((c.reset ? "reset" : "close") << " after: " << c.sent) {
      http_client client(s.port(), {.receive_buffer = 8192});
      const std::uint16_t peer = client.socket().local_port();
      if (*c.sent != '\0') client.write(c.sent);
      const bool answered = std::string_view(c.words).starts_with("response");
      if (answered) (void)client.body_bytes(); // the response has begun
      if (!c.reset && !answered) { // a FIN: closing with a session ticket unread would be a reset, too
        client.socket().half_close();
        BOOST_TEST(client.socket().closed_by_server());
      }
      if (c.reset)
        client.socket().reset();
      else
        client.socket().close();
      check_one_line(peer, c.words);
    }
  }
}

// Clients that are done close as they please, and that is nobody's business.
BOOST_AUTO_TEST_CASE(an_end_after_an_answer_is_no_event) {
  for (const bool with_close_notify : {true, false}) {
    http_client client(s.port());
    const std::uint16_t peer = client.socket().local_port();
    BOOST_TEST(client.get("/download/10").status == 200U);
    if (with_close_notify) client.send_close_notify();
    client.socket().close();
    BOOST_TEST(s.settles_at(baseline));
    BOOST_TEST(s.log_of(peer).empty(), s.err());
  }
}

BOOST_AUTO_TEST_CASE(records_that_are_no_records) {
  const struct {
    std::string bytes;
    const char* words;
  } cases[] = {
      {std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'), "bad record mac"},
      {std::string("\x17\x03\x03\xff\xff", 5) + std::string(70'000, 'x'), "packet length too long"},
      {std::string("\x42\x03\x03\x00\x05hello", 10), ""},
      {"GET / HTTP/1.1\r\n\r\n", ""},
  };
  for (const auto& c : cases) {
    http_client client(s.port());
    const std::uint16_t peer = client.socket().local_port();
    BOOST_TEST(client.get("/download/1").status == 200U);
    client.socket().send(c.bytes);
    BOOST_TEST(!client.ends_with_close_notify()); // but with an alert
    client.socket().close();
    check_one_line(peer, c.words);
  }
}

BOOST_AUTO_TEST_CASE(what_peers_send_cannot_forge_log_lines) {
  http_client client(s.port());
  const std::uint16_t peer = client.socket().local_port();
  client.write("BAD\x1b]0;x\x07 \"line\" 'x'\n2026-01-01T00:00:00Z 1.2.3.4:5 forged\n\xc3\xa4" +
               std::string(500, 'z') + "\r\n\r\n");
  BOOST_TEST(client.reply().status == 400U);
  client.socket().close();
  check_one_line(peer, "bad request: ");
  const std::string line = s.first_line_of(peer);
  BOOST_TEST(line.find("BAD\\x1b]0;x\\x07 \\x22line\\x22 \\x27x\\x27\\x0a2026") != std::string::npos, line);
  BOOST_TEST(line.size() < 300U);
  BOOST_TEST(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7f; }), line);
}

// A seeded mix of everything, with good requests in between.
BOOST_AUTO_TEST_CASE(a_random_mix) {
  std::mt19937 random(20'26);
  const std::string hello = client_hello();
  const std::size_t lines = s.log().size();
  std::size_t bad = 0;
  for (int i = 0; i < 150; ++i) {
    switch (random() % 5) {
    case 0: BOOST_TEST(s.works()); break;
    case 1: {
      tcp_client client(s.port());
      try_to_send(client, hello.substr(0, random() % hello.size()));
      if (random() % 2 == 0) client.reset();
      ++bad;
      break;
    }
    case 2: { // bits flipped in a ClientHello: some are still good ones, so the server waits, and we leave
      tcp_client client(s.port());
      std::string flipped = hello;
      for (int k = 0; k < 8; ++k)
        flipped[random() % flipped.size()] ^= static_cast<char>(1U << (random() % 8));
      try_to_send(client, flipped);
      client.half_close();
      (void)client.closed_by_server();
      ++bad;
      break;
    }
    case 3: {
      http_client client(s.port());
      client.write("GET /download/100000000 HTTP/1.1\r\nHost: a\r\n\r\n");
      (void)client.body_bytes();
      client.socket().reset();
      ++bad;
      break;
    }
    default: {
      http_client client(s.port());
      client.write(std::string("GET /") + static_cast<char>(random() % 8) + " HTTP/1.1\r\n\r\n");
      BOOST_TEST(client.reply().status == 400U);
      ++bad;
    }
    }
  }
  check_lines(lines, bad);
}

BOOST_AUTO_TEST_SUITE_END()

// The server reads on for a while after its alert. A reset instead could destroy the alert on its way.
BOOST_AUTO_TEST_CASE(a_refused_peer_is_not_cut_short) {
  server s({"--shutdown-timeout", "60"});
  tcp_client client(s.port());
  client.send("GET / HTTP/1.1\r\n");
  std::string answer;
  for (std::string piece = client.receive(); !piece.empty(); piece = client.receive()) answer += piece;
  for (int i = 0; i < 50; ++i) {
    client.send(std::string(1000, 'x'));
    std::this_thread::sleep_for(std::chrono::milliseconds(2)); // time for a reset to come back
  }
  client.close();
  BOOST_TEST(s.works());
  BOOST_TEST(s.stop() == 0);
}
