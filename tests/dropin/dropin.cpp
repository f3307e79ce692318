// SPDX-License-Identifier: BSL-1.0
// Does a program that was written for boost::asio::ssl::stream print the same when only its alias for the
// stream changes, whichever stream its peer uses?
#define BOOST_TEST_MODULE dropin
#include "child_process.hpp"
#include "test_files.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace {

using namespace integration;

struct printed {
  std::string server, client;
};

// What it prints first, and is not the same each time.
std::string take_port(std::string& out) {
  const auto end = out.find('\n');
  const std::string line = out.substr(0, end);
  out.erase(0, end + 1);
  const std::string begin = "port ";
  return line.starts_with(begin) ? line.substr(begin.size()) : "";
}

std::string program(const std::string& name, bool ours) {
  return std::string(DROPIN_PROGRAMS) + "/dropin_" + name + (ours ? "_ours" : "_stock");
}

// A certificate that the program's own callback refuses without naming an error: the stock stream tells the
// peer "internal error", ours "bad certificate".
std::string with_our_alert(std::string out) {
  const std::string stock = "tlsv1 alert internal error";
  const auto at = out.find(stock);
  return at == std::string::npos ? out : out.replace(at, stock.size(), "sslv3 alert bad certificate");
}

printed run_pair(const std::string& name, bool our_server, bool our_client) {
  child_process server({program(name, our_server), "server", certs().server, certs().server_key});
  BOOST_REQUIRE(server.wait_for_output(
      [](const auto& out, const auto&) { return out.find('\n') != std::string::npos; }));
  std::string out = server.out();
  const run_result client = run({program(name, our_client), "client", take_port(out), certs().ca});
  BOOST_TEST(client.status == 0, client.out << client.err);
  BOOST_TEST(server.exit_status().value_or(-1) == 0, server.out() << server.err());
  BOOST_TEST(client.err == "");
  BOOST_TEST(server.err() == "");
  out = server.out();
  take_port(out);
  return {out, client.out};
}

// What each program must have come to with the stock stream, lest all four pairs fail alike.
struct scenario {
  std::string name;
  std::vector<std::string> server_says, client_says;
};
std::ostream& operator<<(std::ostream& to, const scenario& s) { return to << s.name; }

const std::string verify_failed = "asio.ssl: certificate verify failed (SSL routines)\n";
const std::vector<scenario> scenarios{
    {"callbacks",
     {"read asio.misc: End of file\nechoed 132775\nshutdown ok\n",
      "read asio.ssl.stream: stream truncated\n"},
     {"preverified\n", "same 100000 bytes", "shutdown ok\n", "handshake " + verify_failed}},
    {"blocking",
     {"wrote 300006\nshutdown ok\n", "request drop\n"},
     {"answer 300006 bytes", "end asio.misc: End of file\nclosed\n",
      "end asio.ssl.stream: stream truncated\n", "failed: " + verify_failed}},
    {"coroutines",
     {"echoed 200000\nshutdown ok\n"},
     {"same 200000 bytes", "closed\n", "failed: " + verify_failed}},
    {"http",
     {"GET /chunked 0 bytes", "POST /echo 1000000 bytes", "shutdown ok\n", "the client has gone\n"},
     {"in chunks 300000 bytes", "whole 1000000 bytes", "shutdown ok\n",
      "The socket was closed due to a timeout"}},
    {"websocket",
     {"ping are you there?\n", "text 100000 bytes", "binary 250000 bytes", "reason enough\n"},
     {"pong are you there?\n", "same 250000\n", "close ok\nopen afterwards no\n"}},
    {"websocket_blocking", {"got 200000 bytes", "closed\n"}, {"same 200000\n", "closed\n"}},
};

void check_says(const std::string& out, const std::vector<std::string>& expected) {
  for (const std::string& e : expected)
    BOOST_TEST(out.find(e) != std::string::npos, "'" << e << "' is not in:\n" << out);
  BOOST_TEST(out.ends_with("done\n"), out);
}

} // namespace

BOOST_DATA_TEST_CASE(every_pair_prints_the_same, boost::unit_test::data::make(scenarios), what) {
  const printed stock = run_pair(what.name, false, false);
  check_says(stock.server, what.server_says);
  check_says(stock.client, what.client_says);
  for (const bool our_server : {false, true}) {
    for (const bool our_client : {false, true}) {
      if (!our_server && !our_client) continue;
      BOOST_TEST_CONTEXT((our_server ? "our" : "stock")
                         << " server, " << (our_client ? "our" : "stock") << " client") {
        const printed p = run_pair(what.name, our_server, our_client);
        BOOST_TEST(p.server == (our_client ? with_our_alert(stock.server) : stock.server));
        BOOST_TEST(p.client == stock.client);
      }
    }
  }
}
