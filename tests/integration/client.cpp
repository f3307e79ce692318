// SPDX-License-Identifier: BSL-1.0
// Does https_client take nothing for true that is not, and say in words what is wrong?
#define BOOST_TEST_MODULE integration_client
#include "fake_server.hpp"
#include "server.hpp"
#include "test_files.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <iterator>

namespace {

using namespace integration;

run_result client(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), HTTPS_CLIENT);
  return run(std::move(arguments));
}

/// With the right CA, and the deadline that keeps a broken client from holding the test up.
run_result trusting_client(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--cacert", certs().ca, "--timeout", "15"});
  return client(std::move(arguments));
}

void check_failed(const run_result& r, const std::vector<std::string>& words) {
  BOOST_TEST_CONTEXT("stdout: " << r.out << " stderr: " << r.err) {
    BOOST_TEST(r.status == 1);
    BOOST_TEST(r.err.starts_with("https_client: "));
    for (const std::string& word : words)
      BOOST_TEST(r.err.find(word) != std::string::npos, "'" << word << "' is not in the message");
  }
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

fake_script honest(std::string response, fake_script::end how = fake_script::end::close_notify) {
  fake_script script{.certificate = certs().server, .key = certs().server_key};
  script.response = std::move(response);
  script.how = how;
  return script;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_page_is_printed) {
  write_file("pages/page.txt", "the page\n");
  server s({"--root", (scratch() / "pages").string()});
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const std::string url = "https://" + std::string(host) + ":" + std::to_string(s.port()) + "/page.txt";
    const auto r = trusting_client({url});
    BOOST_TEST(r.status == 0, r.err);
    BOOST_TEST(r.out == url + "\n  200 OK, HTTP/1.1, TLSv1.3, TLS_AES_256_GCM_SHA384, 9 bytes\nthe page\n");
    BOOST_TEST(r.err == "");
  }
  BOOST_TEST(s.stop() == 0);
  BOOST_TEST(s.log().size() == 1U, s.err()); // it closes as it should
}

BOOST_AUTO_TEST_CASE(a_body_goes_to_a_file_byte_by_byte) {
  server s;
  const std::string file = (scratch() / "output").string();
  for (const char* path : {"/download/20000003", "/stream/700001", "/download/0"}) {
    const auto r = trusting_client({"--output", file, s.url(path)});
    BOOST_TEST(r.status == 0, r.err);
    const std::string body = content(file);
    BOOST_TEST(has(r.out, std::to_string(body.size()) + " bytes"));
    BOOST_TEST(has(path, std::to_string(body.size())));
    BOOST_TEST(is_pattern(body));
  }
  check_failed(trusting_client({"--output", (scratch() / "no/such/dir").string(), s.url("/")}),
               {"cannot write"});
  check_failed(trusting_client({"--output", "/dev/full", s.url("/download/10")}),
               {"cannot write", "/dev/full"});
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(many_at_a_time) {
  server s({"--threads", "2"});
  const auto r =
      trusting_client({"--parallel", "8", "--repeat", "20", s.url("/download/300000"), s.url("/")});
  BOOST_TEST(r.status == 0, r.err);
  BOOST_TEST(count(r.out, "300000 bytes") == 20U);
  BOOST_TEST(count(r.out, "200 OK") == 40U);
  // One that fails does not stop the others, but it is not forgotten.
  const auto mixed =
      trusting_client({"--parallel", "2", s.url("/download/1"), s.url("/nowhere"), s.url("/download/2")});
  BOOST_TEST(mixed.status == 1);
  BOOST_TEST(count(mixed.out, "200 OK") == 2U);
  BOOST_TEST(has(mixed.out, "404 Not Found"));
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(sni_is_for_names_only) {
  const auto response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  fake_server by_name(honest(response)), by_address(honest(response));
  BOOST_TEST(trusting_client({by_name.url()}).status == 0);
  BOOST_TEST(by_name.sni() == "localhost");
  BOOST_TEST(has(by_name.request(), "Host: localhost:" + std::to_string(by_name.port()) + "\r\n"));
  BOOST_TEST(trusting_client({by_address.url("127.0.0.1")}).status == 0);
  BOOST_TEST(by_address.sni() == "");
}

BOOST_AUTO_TEST_CASE(servers_that_are_not_who_they_should_be) {
  const auto& c = certs();
  const auto refused = [](const fake_script& script, const std::vector<std::string>& arguments,
                          const std::string& host, const std::string& why) {
    fake_server s(script);
    std::vector<std::string> all = arguments;
    all.push_back(s.url(host));
    check_failed(client(all), {"TLS handshake", "certificate verify failed", why});
    BOOST_TEST(s.request() == ""); // nothing was told to the stranger
  };
  const auto good = honest("HTTP/1.1 200 OK\r\n\r\n");
  refused(good, {}, "localhost", "unable to get local issuer certificate"); // the system does not know our CA
  refused(good, {"--cacert", c.other_ca}, "localhost", "unable to get local issuer certificate");
  auto foreign = good, expired = good;
  foreign.certificate = c.foreign, foreign.key = c.foreign_key;
  refused(foreign, {"--cacert", c.ca}, "localhost", "hostname mismatch");
  refused(foreign, {"--cacert", c.ca}, "127.0.0.1", "IP address mismatch");
  expired.certificate = c.expired, expired.key = c.expired_key;
  refused(expired, {"--cacert", c.ca}, "localhost", "certificate has expired");
}

BOOST_AUTO_TEST_CASE(a_protocol_that_was_not_offered) {
  auto script = honest("HTTP/1.1 200 OK\r\n\r\n");
  script.alpn = "h2";
  fake_server s(script);
  check_failed(trusting_client({s.url()}), {"TLS handshake"});
  BOOST_TEST(s.request() == "");
}

BOOST_AUTO_TEST_CASE(no_tls_and_no_server) {
  auto script = honest("HTTP/1.1 400 Bad Request\r\n\r\n");
  script.speaks_tls = false;
  std::uint16_t free_port = 0;
  {
    fake_server s(script);
    check_failed(trusting_client({s.url()}), {"TLS handshake", "wrong version number"});
    free_port = s.port();
  }
  check_failed(trusting_client({"https://localhost:" + std::to_string(free_port) + "/"}),
               {"cannot connect", "Connection refused"});
}

BOOST_AUTO_TEST_CASE(truncated_bodies_are_errors) {
  using end = fake_script::end;
  const auto truncated = [](const std::string& response, end how) {
    fake_server s(honest(response, how));
    check_failed(trusting_client({s.url()}), {"truncated", "5 bytes"});
  };
  const std::string with_length = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello";
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
  const std::string until_close = "HTTP/1.1 200 OK\r\n\r\nhello";
  truncated(with_length, end::close_notify);
  truncated(with_length, end::fin);
  truncated(chunked, end::close_notify);
  truncated(chunked, end::fin);
  truncated(until_close, end::fin); // the one that only close_notify can tell from a whole body
  fake_server whole(honest(until_close, end::close_notify));
  BOOST_TEST(
      has(trusting_client({whole.url()}).out, "200 OK, HTTP/1.1, TLSv1.3, TLS_AES_256_GCM_SHA384, 5 bytes"));
}

BOOST_AUTO_TEST_CASE(answers_that_are_none) {
  using end = fake_script::end;
  const auto failing = [](const std::string& response, end how, const std::string& words) {
    fake_server s(honest(response, how));
    check_failed(trusting_client({s.url()}), {words});
  };
  failing("", end::close_notify, "without a response");
  failing("", end::fin, "waiting for the response: ");
  failing("HTTP/1.1 200", end::close_notify, "waiting for the response: ");
  failing("SSH-2.0-OpenSSH_9.2\r\n\r\n", end::close_notify, "bad version");
  failing("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", end::close_notify, "bad Content-Length");
  failing("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", end::reset, "Connection reset by peer");
}

BOOST_AUTO_TEST_CASE(interim_answers_are_passed_over) {
  fake_server s(honest("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nhi"));
  const auto r = trusting_client({s.url()});
  BOOST_TEST(r.status == 0, r.err);
  BOOST_TEST(r.out.ends_with("2 bytes\nhi"));
}

BOOST_AUTO_TEST_CASE(a_server_that_says_nothing) {
  auto script = honest("");
  script.answers = false;
  fake_server s(script);
  check_failed(client({"--cacert", certs().ca, "--timeout", "1", s.url()}),
               {"waiting for the response: timed out"});
}

BOOST_AUTO_TEST_CASE(bad_command_lines) {
  check_failed(client({}), {"no URL"});
  check_failed(client({"--insecure", "https://localhost/"}), {"unknown option '--insecure'"});
  check_failed(client({"-k", "https://localhost/"}), {"-k"});
  check_failed(client({"--parallel", "0", "https://localhost/"}), {"--parallel", "'0'"});
  check_failed(client({"--cacert"}), {"needs a value"});
  check_failed(client({"--cacert", "/no/such.pem", "https://localhost/"}), {"/no/such.pem", "No such file"});
  check_failed(client({"--output", "x", "https://a/", "https://b/"}), {"single fetch"});
  for (const char* url :
       {"http://localhost/", "localhost", "https://", "https:///path", "https://user@localhost/",
        "https://localhost:0/", "https://localhost:65536/", "https://localhost:x/", "https://[::1/",
        "https://[::1]x/", "https://localhost/a b", "https://localhost/\r\nX: y", "https://l\xc3\xb6/"})
    check_failed(client({url}), {"bad URL"});
}
