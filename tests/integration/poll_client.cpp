// SPDX-License-Identifier: BSL-1.0
// Does the client without Asio get every byte of an answer, and say in words why it gets none?
#define BOOST_TEST_MODULE integration_poll_client
#include "fake_server.hpp"
#include "server.hpp"
#include "test_files.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace integration;

run_result client(const std::string& host, std::uint16_t port, const std::string& ca = certs().ca) {
  return run({POLL_CLIENT, host, std::to_string(port), ca});
}

void check_failed(const run_result& r, const std::vector<std::string>& words) {
  BOOST_TEST_CONTEXT("stdout: " << r.out.substr(0, 1'000) << " stderr: " << r.err) {
    BOOST_TEST(r.status == 1);
    for (const std::string& word : words)
      BOOST_TEST(r.err.find(word) != std::string::npos, "'" << word << "' is not in the message");
  }
}

fake_script honest(std::string response, fake_script::end how = fake_script::end::close_notify) {
  fake_script script{.certificate = certs().server, .key = certs().server_key};
  script.response = std::move(response);
  script.how = how;
  return script;
}

constexpr auto hello = "HTTP/1.0 200 OK\r\n\r\nhello";

} // namespace

BOOST_AUTO_TEST_CASE(a_page_byte_by_byte) {
  std::string page(3'000'001, '\0'); // more than any buffer on the way holds
  for (std::size_t i = 0; i < page.size(); ++i) page[i] = pattern_byte(i);
  write_file("poll_pages/index.html", page);
  server s({"--root", (scratch() / "poll_pages").string()});
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const auto r = client(host, s.port());
    BOOST_TEST(r.status == 0, r.err);
    BOOST_TEST(r.err == "TLSv1.3 TLS_AES_256_GCM_SHA384\n");
    BOOST_TEST(r.out.starts_with("HTTP/1.0 200 OK\r\n"), r.out.substr(0, 200));
    const auto body = r.out.find("\r\n\r\n");
    BOOST_REQUIRE(body != std::string::npos);
    BOOST_TEST((r.out.substr(body + 4) == page));
  }
  BOOST_TEST(s.stop() == 0);
  BOOST_TEST(s.log().size() == 1U, s.err()); // it closes as it should
}

BOOST_AUTO_TEST_CASE(what_it_sends) {
  fake_server by_name(honest(hello)), by_address(honest(hello));
  BOOST_TEST(client("localhost", by_name.port()).out == hello);
  BOOST_TEST(by_name.sni() == "localhost");
  BOOST_TEST(by_name.request() ==
             "GET / HTTP/1.0\r\nHost: localhost:" + std::to_string(by_name.port()) + "\r\n\r\n");
  BOOST_TEST(by_name.close_notify_answered());
  BOOST_TEST(client("127.0.0.1", by_address.port()).out == hello);
  BOOST_TEST(by_address.sni() == "");
}

BOOST_AUTO_TEST_CASE(servers_that_are_not_who_they_should_be) {
  const auto& c = certs();
  const auto refused = [](const fake_script& script, const std::string& host, const std::string& ca,
                          const std::string& why) {
    fake_server s(script);
    check_failed(client(host, s.port(), ca), {"poll_client: handshake: ", "certificate verify failed", why});
    BOOST_TEST(s.request() == ""); // nothing was told to the stranger
  };
  auto foreign = honest(hello), expired = honest(hello);
  foreign.certificate = c.foreign, foreign.key = c.foreign_key;
  expired.certificate = c.expired, expired.key = c.expired_key;
  refused(honest(hello), "localhost", c.other_ca, "unable to get local issuer certificate");
  refused(foreign, "localhost", c.ca, "hostname mismatch");
  refused(foreign, "127.0.0.1", c.ca, "IP address mismatch");
  refused(expired, "localhost", c.ca, "certificate has expired");
}

BOOST_AUTO_TEST_CASE(the_server_is_told_why) { // the alert leaves after the failure
  server s;
  check_failed(client("localhost", s.port(), certs().other_ca), {"certificate verify failed"});
  BOOST_TEST(s.wait_for_output(
                 [](const auto&, const auto& err) { return err.find("unknown ca") != std::string::npos; }),
             s.err());
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(servers_that_go_away) {
  using end = fake_script::end;
  const auto failing = [](const fake_script& script, const std::string& what) {
    fake_server s(script);
    check_failed(client("localhost", s.port()), {what});
    return s.port();
  };
  failing(honest(hello, end::fin), "poll_client: read: the stream ended without close_notify");
  failing(honest(hello, end::reset), "poll_client: read: Connection reset by peer");
  auto plain = honest("HTTP/1.1 400 Bad Request\r\n\r\n");
  plain.speaks_tls = false;
  const auto free_port = failing(plain, "wrong version number");
  check_failed(client("localhost", free_port), {"connecting to localhost: Connection refused"});
}

BOOST_AUTO_TEST_CASE(answers_that_cannot_be_written) {
  fake_server s(honest(hello));
  const auto r = run({"sh", "-c", "exec \"$0\" localhost \"$1\" \"$2\" >/dev/full", POLL_CLIENT,
                      std::to_string(s.port()), certs().ca});
  check_failed(r, {"cannot write the answer"});
}

BOOST_AUTO_TEST_CASE(bad_command_lines) {
  check_failed(run({POLL_CLIENT}), {"usage: poll_client HOST PORT CA-FILE"});
  check_failed(run({POLL_CLIENT, "localhost", "1", "/no/such.pem"}), {"/no/such.pem", "No such file"});
  check_failed(run({POLL_CLIENT, "localhost", "no such port", certs().ca}), {"localhost: "});
}
