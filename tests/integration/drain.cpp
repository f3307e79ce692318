// SPDX-License-Identifier: BSL-1.0
// Does a signal end the server gracefully: what runs is finished, what is idle is closed, and there is an end
// to it?
#define BOOST_TEST_MODULE integration_drain
#include "server.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace integration;

void begin_drain(const server& s, int number = SIGTERM) {
  s.signal(number);
  BOOST_TEST(eventually([&] { return s.log_count(": draining ") == 1; }), s.err());
}

bool refuses_connections(const server& s) {
  return eventually([&] { // the listeners close a moment after the log line
    try {
      const tcp_client client(s.port());
      return false;
    } catch (const std::system_error& e) {
      return e.code().value() == ECONNREFUSED;
    }
  });
}

int status(server& s) { return s.exit_status().value_or(-1); }

/// A client in the middle of a long download.
struct downloading {
  std::uint64_t size;
  http_client client;
  std::uint64_t got = 0;

  explicit downloading(const server& s, std::uint64_t bytes)
      : size(bytes), client(s.port(), {.receive_buffer = 8192}) {
    client.write(http_client::request("GET", "/download/" + std::to_string(size)));
    BOOST_TEST(client.reply_header().status == 200U);
    BOOST_TEST(read_until(100'000));
  }
  /// False if the bytes are not the right ones, or end too early.
  bool read_until(std::uint64_t end) {
    while (got < end) {
      const std::string piece = client.body_bytes();
      if (piece.empty() || !is_pattern(piece, got)) return false;
      got += piece.size();
    }
    return true;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(with_nothing_to_do_it_ends_at_once) {
  for (const int number : {SIGTERM, SIGINT}) {
    server s({"--threads", "3"});
    begin_drain(s, number);
    BOOST_TEST(status(s) == 0);
    BOOST_TEST(s.log_count(number == SIGINT ? "SIGINT: draining 0 connections"
                                            : "SIGTERM: draining 0 connections") == 1U);
  }
}

BOOST_AUTO_TEST_CASE(a_download_is_finished) {
  server s({"--threads", "2"});
  downloading d(s, 100'000'000);
  begin_drain(s);
  BOOST_TEST(s.log_count("SIGTERM: draining 1 connection") == 1U);
  BOOST_TEST(refuses_connections(s));
  BOOST_TEST(d.read_until(d.size));
  BOOST_TEST(d.client.ends_with_close_notify());
  d.client.socket().close();
  BOOST_TEST(status(s) == 0);
  BOOST_TEST(s.log().size() == 1U, s.err());
}

BOOST_AUTO_TEST_CASE(idle_connections_are_closed_with_close_notify) {
  server s({"--idle-timeout", "600", "--handshake-timeout", "600", "--drain-timeout",
            "600"}); // none of which may be waited for
  http_client used(s.port()), fresh(s.port());
  BOOST_TEST(used.get("/download/10").status == 200U);
  const tcp_client before_handshake(s.port());
  begin_drain(s);
  BOOST_TEST(used.ends_with_close_notify());
  BOOST_TEST(fresh.ends_with_close_notify());
  BOOST_TEST(before_handshake.closed_by_server());
  BOOST_TEST(status(s) == 0); // and they have not closed their ends
  BOOST_TEST(s.log().size() == 1U, s.err());
}

BOOST_AUTO_TEST_CASE(a_request_on_its_way_is_answered_and_is_the_last) {
  server s;
  http_client in_header(s.port()), in_body(s.port());
  in_header.write("GET /download/5 HTTP/1.1\r\nHo");
  in_body.write(http_client::request("POST", "/echo", "Content-Length: 10\r\n") + "01234");
  // The server must have seen the beginnings; it answers in order, so a third connection is no proof. Time
  // is.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  begin_drain(s);
  in_header.write("st: localhost\r\n\r\n");
  in_body.write("56789");
  const auto a = in_header.reply();
  BOOST_TEST(a.body.size() == 5U);
  BOOST_TEST(a.field("Connection") == "close");
  BOOST_TEST(in_header.ends_with_close_notify());
  const auto b = in_body.reply();
  BOOST_TEST(b.body == "0123456789");
  BOOST_TEST(b.field("Connection") == "close");
  BOOST_TEST(in_body.ends_with_close_notify());
  in_header.socket().close();
  in_body.socket().close();
  BOOST_TEST(status(s) == 0);
}

BOOST_AUTO_TEST_CASE(the_drain_has_a_deadline) {
  server s({"--drain-timeout", "0.3"});
  downloading d(s, 1'000'000'000);
  begin_drain(s);
  BOOST_TEST(status(s) == 0); // although nobody reads the download
  BOOST_TEST(s.log_count("drain timed out: stopping now, cutting off 1 connection") == 1U, s.err());
  BOOST_TEST(!d.client.ends_with_close_notify()); // so that nobody takes it for the whole
}

BOOST_AUTO_TEST_CASE(a_second_signal_stops_at_once) {
  for (const int second : {SIGTERM, SIGINT}) {
    server s({"--drain-timeout", "600", "--threads", "2"});
    std::vector<std::unique_ptr<downloading>> clients;
    for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<downloading>(s, 1'000'000'000));
    begin_drain(s);
    s.signal(second);
    BOOST_TEST(status(s) == 0);
    BOOST_TEST(s.log_count(": stopping now, cutting off 4 connections") == 1U, s.err());
  }
}

// Clients at work all the time: each answer that began is whole, and then comes a clean end.
BOOST_AUTO_TEST_CASE(a_drain_under_load) {
  server s({"--threads", "2"});
  std::atomic<int> answers = 0, whole_ends = 0, broken = 0;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      bool in_answer = false;
      try {
        http_client client(s.port());
        for (;;) {
          client.write(http_client::request("GET", "/download/400000"));
          const auto head = client.reply_header();
          in_answer = true;
          for (std::uint64_t got = 0; got < 400'000;) {
            const std::string piece = client.body_bytes();
            if (piece.empty() || !is_pattern(piece, got)) {
              ++broken;
              return;
            }
            got += piece.size();
          }
          in_answer = false;
          ++answers;
          if (head.field("Connection") == "close") break;
        }
        client.ends_with_close_notify() ? ++whole_ends : ++broken;
      } catch (const std::exception&) { // a request that met the end; but never an answer
        in_answer ? ++broken : ++whole_ends;
      }
    });
  BOOST_TEST(eventually([&] { return answers > 40; }));
  begin_drain(s);
  BOOST_TEST(status(s) == 0);
  clients.clear();
  BOOST_TEST(whole_ends == 8);
  BOOST_TEST(broken == 0);
}
