// SPDX-License-Identifier: BSL-1.0
// Does the server's TLS work with other people's clients, and refuse whom it should, with the reason in its
// log?
#define BOOST_TEST_MODULE integration_tls
#include "server.hpp"
#include "test_files.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

namespace {

using namespace integration;

/// Connects as `settings` say and makes a request; "" or why that failed. TLS 1.3 clients learn that their
/// certificate was refused only after their own handshake.
std::string outcome(const server& s, const tls_settings& settings, std::uint16_t* local_port = nullptr) {
  try {
    http_client client(s.port(), settings);
    if (local_port != nullptr) *local_port = client.socket().local_port();
    const auto r = client.get("/download/100");
    client.send_close_notify();
    return r.body.size() == 100 ? "" : "wrong body";
  } catch (const tls_error& e) {
    return e.what();
  }
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string openssl_client(const server& s, const std::string& options, const std::string& input) {
  const auto r = run({"sh", "-c",
                      "printf '" + input +
                          "' | timeout 15 openssl s_client -connect 127.0.0.1:" + std::to_string(s.port()) +
                          " -CAfile " + certs().ca + " -verify_return_error -ign_eof " + options});
  return r.out + r.err;
}

} // namespace

BOOST_AUTO_TEST_CASE(tls_1_2_and_1_3_but_nothing_older) {
  server s;
  BOOST_TEST(outcome(s, {.version = TLS1_3_VERSION}) == "");
  BOOST_TEST(outcome(s, {.version = TLS1_2_VERSION}) == "");
  BOOST_TEST(has(outcome(s, {.version = TLS1_1_VERSION}), "alert protocol version"));
  BOOST_TEST(eventually([&] { return s.log_count("handshake failed: unsupported protocol") == 1; }), s.err());
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(alpn_picks_http_1_or_refuses) {
  server s;
  const auto chosen = [&](const std::string& offer) {
    http_client client(s.port(), {.alpn = offer});
    BOOST_TEST(client.get("/download/1").status == 200U);
    return client.alpn();
  };
  BOOST_TEST(chosen("") == "");
  BOOST_TEST(chosen("\x08http/1.1") == "http/1.1");
  BOOST_TEST(chosen("\x02h2\x08http/1.1") == "http/1.1");
  BOOST_TEST(chosen("\x08http/1.0") == "http/1.0");
  BOOST_TEST(has(outcome(s, {.alpn = "\x02h2\x03xyz"}), "alert no application protocol"));
  BOOST_TEST(eventually([&] { return s.log_count("handshake failed: no application protocol") == 1; }),
             s.err());
  BOOST_TEST(s.works());
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(client_certificates_are_demanded_and_verified) {
  const auto& c = certs();
  server s({"--client-ca", c.ca});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    BOOST_TEST_CONTEXT("version " << version) {
      const std::size_t nobody = s.log_count("peer did not return a certificate");
      const std::size_t stranger = s.log_count("certificate verify failed");
      BOOST_TEST(outcome(s, {.version = version, .certificate = c.client, .key = c.client_key}) == "");
      BOOST_TEST(outcome(s, {.version = version}) != "");
      BOOST_TEST(eventually([&] { return s.log_count("peer did not return a certificate") == nobody + 1; }),
                 s.err());
      BOOST_TEST(
          has(outcome(s, {.version = version, .certificate = c.other_client, .key = c.other_client_key}),
              "alert unknown ca"));
      BOOST_TEST(eventually([&] {
                   return s.log_count("certificate verify failed (SSL routines): unable to get local issuer "
                                      "certificate at depth 0") == stranger + 1;
                 }),
                 s.err());
    }
  }
  BOOST_TEST(s.log().size() == 4U); // one line for each that was refused, none for the others
  BOOST_TEST(s.stop() == 0);
}

// Resumption with client certificates is what fails without a session id context.
BOOST_AUTO_TEST_CASE(sessions_are_resumed) {
  const auto& c = certs();
  server s({"--client-ca", c.ca});
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const std::string session = (scratch() / "session.pem").string();
    const std::string common = std::string(version) + " -cert " + c.client + " -key " + c.client_key;
    const std::string request = "GET /download/5 HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n";
    const std::string first = openssl_client(s, common + " -sess_out " + session, request);
    BOOST_TEST(has(first, "New, TLSv1."), first);
    const std::string second = openssl_client(s, common + " -sess_in " + session, request);
    BOOST_TEST(has(second, "Reused, TLSv1."), second);
    BOOST_TEST(has(second, "200 OK"), second);
  }
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(every_mode_serves) {
  for (const char* modes :
       {"enable_partial_write", "accept_moving_write_buffer", "auto_retry", "release_buffers", "async",
        "release_buffers,async,auto_retry,enable_partial_write,accept_moving_write_buffer"}) {
    BOOST_TEST_CONTEXT("modes " << modes) {
      server s({"--modes", modes, "--threads", "2"});
      http_client client(s.port());
      BOOST_TEST(is_pattern(client.get("/download/3000000").body));
      const std::string body(200'000, 'e');
      BOOST_TEST(
          (client.exchange(http_client::request("POST", "/echo", "Content-Length: 200000\r\n") + body).body ==
           body));
      BOOST_TEST(client.get("/download/1").status == 200U);
      client.send_close_notify();
      client.socket().close();
      BOOST_TEST(s.stop() == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_key_update_in_the_middle) {
  server s;
  http_client client(s.port(), {.version = TLS1_3_VERSION});
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(SSL_key_update(client.native(), SSL_KEY_UPDATE_REQUESTED) == 1);
    BOOST_TEST(is_pattern(client.get("/download/100000").body));
  }
  client.socket().close();
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_client_that_renegotiates_is_refused) {
  server s;
  http_client client(s.port(), {.version = TLS1_2_VERSION});
  BOOST_TEST(client.get("/download/1").status == 200U);
  BOOST_TEST(SSL_renegotiate(client.native()) == 1);
  BOOST_TEST(SSL_do_handshake(client.native()) != 1);
  client.socket().close();
  BOOST_TEST(s.works());
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(curl_gets_what_it_asks_for) {
  const std::string page = write_file("curl_site/page.html", "<p>for curl</p>\n");
  server s({"--root", (scratch() / "curl_site").string(), "--threads", "2"});
  const std::vector<std::string> base{"curl", "-q",         "--silent", "--show-error", "--noproxy",
                                      "*",    "--max-time", "15",       "--cacert",     certs().ca};
  const auto curl = [&](const std::vector<std::string>& more) {
    std::vector<std::string> command = base;
    command.insert(command.end(), more.begin(), more.end());
    const auto r = run(command);
    BOOST_TEST(r.status == 0, r.err);
    return r.out;
  };
  BOOST_TEST(curl({s.url("/page.html")}) == "<p>for curl</p>\n");
  BOOST_TEST(curl({"--http1.0", s.url("/page.html")}) == "<p>for curl</p>\n");
  BOOST_TEST(curl({"--data", "hello", s.url("/echo")}) == "hello");
  BOOST_TEST(curl({"--tls-max", "1.2", s.url("/page.html")}) == "<p>for curl</p>\n");
  BOOST_TEST(curl({"-o", "/dev/null", "-o", "/dev/null", "-w", "%{http_code}/%{num_connects} ", s.url("/"),
                   s.url("/page.html")}) == "404/1 200/0 ");
  // Large enough for curl to send Expect: 100-continue.
  const std::string upload = write_file("upload", std::string(2'000'000, 'u'));
  BOOST_TEST((curl({"--data-binary", "@" + upload, s.url("/echo")}) == std::string(2'000'000, 'u')));
  BOOST_TEST(curl({"-o", "/dev/null", "-w", "%{size_download}", "--http1.0", s.url("/stream/5000000")}) ==
             "5000000");
  BOOST_TEST(s.stop() == 0);
  BOOST_TEST(s.log().size() == 1U, s.err());
}

BOOST_AUTO_TEST_CASE(openssl_s_client_gets_its_answer) {
  server s;
  const std::string request = "GET /stream/0 HTTP/1.0\\r\\n\\r\\n";
  for (const char* options :
       {"-tls1_2", "-tls1_3", "-alpn http/1.1", "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
        "-tls1_3 -groups P-521", "-verify_hostname localhost -servername localhost"}) {
    const std::string text = openssl_client(s, options, request);
    BOOST_TEST(has(text, "HTTP/1.0 200 OK"), options << ": " << text);
    BOOST_TEST(has(text, "Verify return code: 0 (ok)"), options << ": " << text);
  }
  BOOST_TEST(s.stop() == 0);
  BOOST_TEST(s.log().size() == 1U, s.err());
}
