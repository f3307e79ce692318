// SPDX-License-Identifier: BSL-1.0
// Does the server say what is wrong with its options and files, and end with status 1 and nothing worse?
#define BOOST_TEST_MODULE integration_startup
#include "server.hpp"
#include "test_files.hpp"

#include <boost/test/unit_test.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace integration;

run_result start_with(const std::vector<std::string>& options) {
  std::vector<std::string> command{HTTPS_SERVER};
  command.insert(command.end(), options.begin(), options.end());
  return run(command);
}

/// Good files, port 0 and what the test wants to be wrong.
run_result start_well_with(std::vector<std::string> options) {
  options.insert(options.begin(), {"--port", "0", "--cert", certs().server, "--key", certs().server_key});
  return start_with(options);
}

void check_refused(const run_result& r, const std::vector<std::string>& words) {
  BOOST_TEST_CONTEXT("stderr: " << r.err) {
    BOOST_TEST(r.status == 1);
    BOOST_TEST(r.out == "");
    BOOST_TEST(r.err.starts_with("https_server: "));
    BOOST_TEST(r.err.find('\n') == r.err.size() - 1); // one line: no abort, no stack trace
    for (const std::string& word : words)
      BOOST_TEST(r.err.find(word) != std::string::npos, "'" << word << "' is not in the message");
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(help_lists_every_option) {
  const auto r = run({HTTPS_SERVER, "--help"});
  BOOST_TEST(r.status == 0);
  for (const char* option : {"--port", "--cert", "--key", "--root", "--threads", "--modes", "--client-ca",
                             "--max-connections", "--handshake-timeout", "--idle-timeout",
                             "--shutdown-timeout", "--drain-timeout", "--address", "--verbose", "--help"})
    BOOST_TEST(r.out.find(option) != std::string::npos, option << " is not in the help");
}

BOOST_AUTO_TEST_CASE(bad_options_are_named) {
  check_refused(start_with({}), {"--cert", "--key"});
  check_refused(start_with({"--frobnicate", "1"}), {"unknown option", "--frobnicate"});
  check_refused(start_with({"--port"}), {"--port", "needs a value"});
  check_refused(start_well_with({"--port", "65536"}), {"--port", "65536", "0 to 65535"});
  check_refused(start_well_with({"--port=80x"}), {"--port", "80x"});
  check_refused(start_well_with({"--threads", "0"}), {"--threads", "1 to 256"});
  check_refused(start_well_with({"--max-connections", "-1"}), {"--max-connections", "-1"});
  check_refused(start_well_with({"--idle-timeout", "-5"}), {"--idle-timeout", "-5", "seconds"});
  check_refused(start_well_with({"--drain-timeout", "nan"}), {"--drain-timeout", "nan"});
  check_refused(start_well_with({"--address", "localhost"}), {"--address", "localhost", "IP address"});
}

BOOST_AUTO_TEST_CASE(an_unknown_mode_names_the_known_ones) {
  check_refused(start_well_with({"--modes", "async,turbo"}),
                {"async,turbo", "enable_partial_write", "accept_moving_write_buffer", "auto_retry",
                 "release_buffers", "send_fallback_scsv", "async"});
  check_refused(start_well_with({"--modes", "send_fallback_scsv"}), {"send_fallback_scsv", "clients"});
}

BOOST_AUTO_TEST_CASE(certificates_and_keys_that_cannot_be_used) {
  const auto& c = certs();
  const auto with = [](const std::string& cert, const std::string& key) {
    return start_with({"--port", "0", "--cert", cert, "--key", key});
  };
  const std::string missing = (scratch() / "missing.pem").string();
  const std::string no_pem = write_file("no.pem", "this is no certificate\n");
  check_refused(with(missing, c.server_key), {missing, "No such file"});
  check_refused(with(c.server, missing), {missing, "No such file"});
  check_refused(with(no_pem, c.server_key), {no_pem, "no start line"});
  check_refused(with(c.server, no_pem), {no_pem, "private key"});
  check_refused(with(c.server, c.foreign_key), {c.foreign_key, "key values mismatch"});
  check_refused(with(c.server, c.encrypted_key), {c.encrypted_key, "password"}); // and nobody is asked for it
  check_refused(with(scratch().string(), c.server_key), {scratch().string()});
  check_refused(start_well_with({"--client-ca", missing}), {missing, "client authorities", "No such file"});
  check_refused(start_well_with({"--client-ca", no_pem}), {no_pem});
}

BOOST_AUTO_TEST_CASE(a_root_that_is_no_directory) {
  const std::string missing = (scratch() / "no_such_root").string();
  const std::string file = write_file("a_file", "x");
  check_refused(start_well_with({"--root", missing}), {missing, "No such file or directory"});
  check_refused(start_well_with({"--root", file}), {file, "Not a directory"});
}

// SO_REUSEPORT, which our own threads need, must not let a second server in.
BOOST_AUTO_TEST_CASE(a_port_in_use) {
  server first({"--threads", "2"});
  const std::string port = std::to_string(first.port());
  check_refused(start_well_with({"--port", port}), {"127.0.0.1:" + port, "Address already in use"});
  BOOST_TEST(first.works());
  BOOST_TEST(first.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_port_in_use_by_another_program) {
  const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  BOOST_REQUIRE(::bind(other, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  BOOST_REQUIRE(::listen(other, 1) == 0);
  socklen_t size = sizeof address;
  BOOST_REQUIRE(::getsockname(other, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  check_refused(start_well_with({"--port", port, "--threads", "2"}), {port, "Address already in use"});
  ::close(other);
}

// A server that was stopped leaves connections in TIME_WAIT; they must not keep the next one from its port.
BOOST_AUTO_TEST_CASE(a_port_that_was_in_use) {
  server first;
  BOOST_REQUIRE(first.works());
  const auto closed_by_server = [&] {
    http_client client(first.port());
    (void)client.exchange(http_client::request("GET", "/", "Connection: close\r\n"));
    return client.ends_with_close_notify();
  };
  BOOST_TEST(closed_by_server());
  BOOST_TEST(first.stop() == 0);
  server second({"--port=" + std::to_string(first.port())});
  BOOST_TEST(second.port() == first.port());
  BOOST_TEST(second.works());
  BOOST_TEST(second.stop() == 0);
}

// On a free port, one line on stdout, and it is the promised one; all threads share the port.
BOOST_AUTO_TEST_CASE(the_ready_line_is_all_there_is_on_stdout) {
  server s({"--threads", "4"});
  for (int i = 0; i < 16; ++i) BOOST_TEST(s.works());
  BOOST_TEST(s.stop() == 0);
  BOOST_TEST(s.out() == "listening on 127.0.0.1:" + std::to_string(s.port()) + "\n");
  const auto log = s.log();
  BOOST_TEST(log.size() == 1U); // normal connections log nothing: there is only the signal
  BOOST_TEST(s.log_count("SIGTERM: draining") == 1U);
}
