// SPDX-License-Identifier: BSL-1.0
// Does the server speak HTTP/1.1 and 1.0 as the RFCs have it, for well-behaved and for careless clients?
#define BOOST_TEST_MODULE integration_http
#include "server.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstdio>

namespace {

using namespace integration;

struct running_server {
  server s;
  http_client client{s.port()};
  ~running_server() {
    client.socket().close();
    BOOST_TEST(s.stop() == 0);
  }
};

std::string get(std::string_view target) { return http_client::request("GET", target); }

std::string post(std::string_view target, std::string_view body, std::string_view more = "") {
  std::string fields = "Content-Length: " + std::to_string(body.size()) + "\r\n";
  fields.append(more);
  return http_client::request("POST", target, fields).append(body);
}

std::string some_bytes(std::size_t n) {
  std::string bytes(n, '\0');
  for (std::size_t i = 0; i < n; ++i) bytes[i] = pattern_byte(i * 7);
  return bytes;
}

/// Reads and checks a download; returns how many bytes were right.
std::uint64_t exact_bytes(http_client& client, std::uint64_t size) {
  std::uint64_t got = 0;
  while (got < size) {
    const std::string piece = client.body_bytes();
    if (piece.empty() || !is_pattern(piece, got)) break;
    got += piece.size();
  }
  return got;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(http, running_server)

BOOST_AUTO_TEST_CASE(downloads_of_many_sizes_are_exact) {
  for (const std::uint64_t size : {0UL, 1UL, 2UL, 16'383UL, 16'384UL, 16'385UL, 65'521UL, 262'143UL,
                                   262'144UL, 262'145UL, 1'000'003UL}) {
    const auto r = client.get("/download/" + std::to_string(size));
    BOOST_TEST(r.status == 200U);
    BOOST_TEST(r.field("Content-Length") == std::to_string(size));
    BOOST_TEST(r.body.size() == size);
    BOOST_TEST(is_pattern(r.body));
  }
}

BOOST_AUTO_TEST_CASE(a_long_download_is_exact) {
  constexpr std::uint64_t size = 300'000'001;
  client.write(get("/download/" + std::to_string(size)));
  BOOST_TEST(client.reply_header().status == 200U);
  BOOST_TEST(exact_bytes(client, size) == size);
  BOOST_TEST(client.get("/download/5").body.size() == 5U);
}

BOOST_AUTO_TEST_CASE(download_sizes_that_are_none) {
  for (const char* target : {"/download/", "/download/x", "/download/-1", "/download/1x", "/download/1/2",
                             "/download/1000000000001", "/download/99999999999999999999999"})
    BOOST_TEST(client.get(target).status == 400U, target);
  const auto largest = client.exchange(http_client::request("HEAD", "/download/1000000000000"), true);
  BOOST_TEST(largest.field("Content-Length") == "1000000000000");
}

BOOST_AUTO_TEST_CASE(a_stream_is_chunked) {
  for (const char* size : {"0", "1", "700000"}) {
    const auto r = client.get(std::string("/stream/") + size);
    BOOST_TEST(r.field("Transfer-Encoding") == "chunked");
    BOOST_TEST(r.field("Content-Length") == "");
    BOOST_TEST(std::to_string(r.body.size()) == size);
    BOOST_TEST(is_pattern(r.body));
  }
}

BOOST_AUTO_TEST_CASE(echo_is_exact) {
  for (const std::size_t size : {0U, 1U, 4'095U, 4'096U, 70'000U, 3'000'000U}) {
    const std::string body = some_bytes(size);
    const auto r = client.exchange(post("/echo", body, "Content-Type: x/y\r\n"));
    BOOST_TEST(r.status == 200U);
    BOOST_TEST(r.field("Content-Type") == "x/y");
    BOOST_TEST((r.body == body), "echo of " << size << " bytes");
  }
}

BOOST_AUTO_TEST_CASE(echo_of_chunks) {
  const std::string body = some_bytes(200'000);
  std::string request = http_client::request("POST", "/echo", "Transfer-Encoding: chunked\r\n");
  for (std::size_t at = 0, n = 1; at < body.size(); at += n, n = n * 3 + 1) {
    n = std::min(n, body.size() - at);
    char size[20];
    std::snprintf(size, sizeof size, "%zx;name=value\r\n", n);
    request.append(size).append(body, at, n).append("\r\n");
  }
  request += "0\r\nTrailer: x\r\n\r\n";
  BOOST_TEST((client.exchange(request).body == body));
  BOOST_TEST(client.get("/download/3").body.size() == 3U); // the end of the chunks was found
}

BOOST_AUTO_TEST_CASE(requests_in_one_go_are_answered_in_order) {
  std::string all;
  for (int i = 1; i <= 50; ++i)
    all += i % 5 == 0 ? post("/echo", std::string(static_cast<std::size_t>(i), 'e'))
                      : get("/download/" + std::to_string(i));
  client.write(all);
  for (std::size_t i = 1; i <= 50; ++i) {
    const auto r = client.reply();
    BOOST_TEST(r.status == 200U);
    BOOST_TEST(r.body.size() == i);
    BOOST_TEST((i % 5 == 0 ? r.body[0] == 'e' : is_pattern(r.body)));
  }
}

BOOST_AUTO_TEST_CASE(a_request_byte_by_byte) {
  for (const char c : post("/echo", "drip")) client.write({&c, 1});
  BOOST_TEST(client.reply().body == "drip");
}

BOOST_AUTO_TEST_CASE(connection_close_is_obeyed_and_ends_with_close_notify) {
  const auto r = client.exchange(http_client::request("GET", "/download/10", "Connection: close\r\n"));
  BOOST_TEST(r.field("Connection") == "close");
  BOOST_TEST(client.ends_with_close_notify());
}

BOOST_AUTO_TEST_CASE(http_1_0_closes_unless_asked_not_to) {
  http_client lasting(s.port());
  for (int i = 0; i < 3; ++i) {
    const auto r = lasting.exchange(
        http_client::request("GET", "/download/10", "Connection: keep-alive\r\n", "HTTP/1.0"));
    BOOST_TEST(r.field("Connection") == "keep-alive");
    BOOST_TEST(r.body.size() == 10U);
  }
  const auto r = client.exchange(http_client::request("GET", "/download/10", "", "HTTP/1.0"));
  BOOST_TEST(r.header.starts_with("HTTP/1.0 200"));
  BOOST_TEST(r.body.size() == 10U);
  BOOST_TEST(client.ends_with_close_notify());
}

// The only end that such a response has is close_notify: without it, nobody could tell a cut from an end.
BOOST_AUTO_TEST_CASE(http_1_0_without_length_is_delimited_by_close_notify) {
  const auto r = client.exchange(
      http_client::request("GET", "/stream/500000", "Connection: keep-alive\r\n", "HTTP/1.0"));
  BOOST_TEST(r.field("Content-Length") == "");
  BOOST_TEST(r.field("Transfer-Encoding") == "");
  BOOST_TEST(r.body.size() == 500'000U);
  BOOST_TEST(is_pattern(r.body));
}

BOOST_AUTO_TEST_CASE(a_half_closed_client_still_gets_its_answer) {
  client.write(http_client::request("GET", "/download/300000"));
  client.send_close_notify();
  client.socket().half_close();
  BOOST_TEST(client.reply().body.size() == 300'000U);
  BOOST_TEST(client.ends_with_close_notify());
}

BOOST_AUTO_TEST_CASE(expect_100_continue) {
  client.write(http_client::request("POST", "/echo", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  BOOST_TEST(client.reply().status == 100U); // before any of the body is sent
  client.write("hello");
  BOOST_TEST(client.reply().body == "hello");
  // Nothing to send, nothing to wait for.
  BOOST_TEST(client.exchange(http_client::request("GET", "/download/1", "Expect: 100-continue\r\n")).status ==
             200U);
  BOOST_TEST(client.exchange(http_client::request("GET", "/download/1", "Expect: a miracle\r\n")).status ==
             417U);
}

BOOST_AUTO_TEST_CASE(expect_is_refused_before_the_body) {
  client.write(http_client::request("POST", "/nowhere", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  BOOST_TEST(client.reply().status == 405U);
  BOOST_TEST(
      client.ends_with_close_notify()); // the body may or may not follow, so the connection cannot go on
}

BOOST_AUTO_TEST_CASE(a_body_that_is_too_large) {
  client.write(http_client::request("POST", "/echo", "Content-Length: 16777217\r\nExpect: 100-continue\r\n"));
  BOOST_TEST(client.reply().status == 413U);
  BOOST_TEST(client.ends_with_close_notify());

  http_client chunked(s.port());
  chunked.write(http_client::request("POST", "/echo", "Transfer-Encoding: chunked\r\n"));
  const std::string chunk = "100000\r\n" + std::string(0x100000, 'x') + "\r\n";
  for (int i = 0; i < 17; ++i) chunked.write(chunk);
  BOOST_TEST(chunked.reply().status == 413U);
  BOOST_TEST(chunked.ends_with_close_notify());
}

BOOST_AUTO_TEST_CASE(a_header_that_is_too_large) {
  client.write(http_client::request("GET", "/", "X: " + std::string(20'000, 'x') + "\r\n"));
  BOOST_TEST(client.reply().status == 431U);
  BOOST_TEST(client.ends_with_close_notify());
}

BOOST_AUTO_TEST_CASE(an_unread_body_is_never_taken_for_a_request) {
  const std::string hidden = get("/download/1");
  const std::string length = "Content-Length: " + std::to_string(hidden.size()) + "\r\n";
  const struct {
    std::string request;
    unsigned status;
  } cases[] = {
      {http_client::request("POST", "/nowhere", length), 405},
      {http_client::request("GET", "/download/2", length), 200},
      {http_client::request("PUT", "/echo", length), 405},
      {http_client::request("POST", "*", length), 400},
      {http_client::request("POST", "/echo", length + "Host: another\r\n"), 400},
      {http_client::request("POST", "/echo", length + "Expect: a miracle\r\n"), 417},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.request) {
      http_client sly(s.port());
      BOOST_TEST(sly.exchange(c.request + hidden).status == c.status);
      std::string rest = sly.unused_input();
      BOOST_TEST(sly.ends_with_close_notify(&rest));
      BOOST_TEST(rest == ""); // no second answer before it
    }
  }
}

BOOST_AUTO_TEST_CASE(malformed_requests) {
  const struct {
    const char* bytes;
    unsigned status;
  } cases[] = {
      {"\r\n\r\n\x01\x02\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nno colon here\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},                       // no Host
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400}, // two of them
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.bytes) {
      http_client careless(s.port());
      careless.write(c.bytes);
      BOOST_TEST(careless.reply().status == c.status);
    }
  }
}

BOOST_AUTO_TEST_CASE(verbose_logs_one_line_per_request) {
  server talkative({"--verbose"});
  http_client visitor(talkative.port());
  (void)visitor.get("/download/7");
  (void)visitor.get("/%41\"'");
  (void)visitor.get("/\x1b[31m");
  BOOST_TEST(eventually([&] { return talkative.log_of(visitor.socket().local_port()).size() == 3; }));
  const auto lines = talkative.log_of(visitor.socket().local_port());
  BOOST_TEST(lines.at(0).find("'GET /download/7' 200, ") != std::string::npos, lines.at(0));
  BOOST_TEST(lines.at(1).find("'GET /%41\\x22\\x27' 404, ") != std::string::npos, lines.at(1));
  BOOST_TEST(lines.at(2).find("bad request: bad target: 'GET /\\x1b[31m HTTP/1.1\\x0d\\x0a") !=
                 std::string::npos,
             lines.at(2));
  visitor.socket().close();
  BOOST_TEST(talkative.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
