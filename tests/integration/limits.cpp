// SPDX-License-Identifier: BSL-1.0
// Does the server stay within its bounds: connections, descriptors, memory? And recover when there is room
// again?
#define BOOST_TEST_MODULE integration_limits
#include "server.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace integration;
using namespace std::chrono_literals;

/// Processor time of a process so far, in clock ticks.
long processor_ticks(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  long user = 0, system = 0;
  rest >> user >> system;
  return user + system;
}

} // namespace

BOOST_AUTO_TEST_CASE(connections_beyond_the_cap_wait_for_their_turn) {
  server s({"--max-connections", "2", "--threads", "2"});
  auto first = std::make_unique<http_client>(s.port());
  auto second = std::make_unique<http_client>(s.port());
  BOOST_TEST(first->get("/download/1").status == 200U);
  BOOST_TEST(second->get("/download/1").status == 200U);

  std::vector<std::future<bool>> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(std::async(std::launch::async, [&] { return s.works(); }));
  BOOST_TEST(eventually([&] { return s.log_count("connection limit reached") >= 1; }), s.err());
  BOOST_TEST(std::none_of(waiting.begin(), waiting.end(),
                          [](auto& f) { return f.wait_for(30ms) == std::future_status::ready; }));
  BOOST_TEST(first->get("/download/1").status == 200U); // those who are in are served

  first.reset(); // one place for ten
  for (auto& f : waiting) BOOST_TEST(f.get());
  BOOST_TEST(second->get("/download/1").status == 200U);
  BOOST_TEST(s.log_count("connection limit reached") <= 2U); // not a line for each: one per thread
  second.reset();
  BOOST_TEST(s.stop() == 0);
}

// A slot must come back however its connection ends.
BOOST_AUTO_TEST_CASE(the_cap_does_not_wear_out) {
  server s({"--max-connections", "1", "--threads", "2", "--shutdown-timeout", "0.1"});
  for (int i = 0; i < 60; ++i) {
    tcp_client client(s.port());
    client.send(i % 2 == 0 ? "garbage, not TLS" : client_hello());
    if (i % 3 == 0) client.reset();
  }
  BOOST_TEST(s.works());
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_drain_ends_the_waiting_too) {
  server s({"--max-connections", "1", "--drain-timeout", "15"});
  auto first = std::make_unique<http_client>(s.port());
  BOOST_TEST(first->get("/download/1").status == 200U);
  const tcp_client second(s.port()), third(s.port());
  BOOST_TEST(eventually([&] { return s.log_count("connection limit reached") == 1; }), s.err());
  BOOST_TEST(s.stop() == 0);
  BOOST_TEST(s.log_count("timed out") == 0U, s.err());
  BOOST_TEST(second.closed_by_server());
  BOOST_TEST(third.closed_by_server());
}

// UBSan looks at memory with the help of a pipe, and takes its absence for a fault of the program.
BOOST_AUTO_TEST_CASE(out_of_descriptors_and_back, *boost::unit_test::enable_if<!sanitized()>()) {
  std::size_t idle = 0;
  {
    server measured;
    BOOST_TEST(measured.works());
    idle = measured.descriptors();
    BOOST_TEST(measured.stop() == 0);
  }
  server s({"--handshake-timeout", "60"}, idle + 5);
  std::vector<std::unique_ptr<tcp_client>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<tcp_client>(s.port()));
  BOOST_TEST(eventually([&] { return s.log_count("cannot accept: Too many open files") == 1; }), s.err());

  const long before = processor_ticks(s.pid());
  std::this_thread::sleep_for(500ms);
  BOOST_TEST(processor_ticks(s.pid()) - before < sysconf(_SC_CLK_TCK) / 5); // it waits, it does not spin

  clients.clear();
  BOOST_TEST(s.works(), s.err());
  BOOST_TEST(s.log_count("cannot accept") <= 2U); // not a line for each try
  BOOST_TEST(s.stop() == 0);
}

// A gigabyte is asked for, and next to nothing is read: what the server holds must not depend on the size.
BOOST_AUTO_TEST_CASE(readers_that_are_slow_cost_little_memory) {
  server s;
  BOOST_TEST(s.works());
  const std::size_t before = s.resident_kib();
  constexpr std::size_t count = 40;
  std::vector<std::unique_ptr<http_client>> clients;
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<http_client>(s.port(), tls_settings{.receive_buffer = 8192}));
    clients.back()->write(
        http_client::request("GET", i % 2 == 0 ? "/download/1000000000" : "/stream/1000000000"));
    BOOST_TEST(clients.back()->reply_header().status == 200U);
  }
  for (int round = 0; round < 20; ++round)
    for (auto& client : clients) BOOST_TEST(!client->body_bytes().empty());
  BOOST_TEST(s.works());
  if (!sanitized()) BOOST_TEST(s.resident_kib() < before + count * 400);
  for (auto& client : clients) client->socket().reset();
  clients.clear();
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(idle_connections_cost_little_memory) {
  server s;
  BOOST_TEST(s.works());
  const std::size_t before = s.resident_kib();
  constexpr std::size_t count = 200;
  std::vector<std::unique_ptr<http_client>> clients;
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<http_client>(s.port()));
    const std::string body(100'000, 'b'); // large buffers were needed once
    const auto r =
        clients.back()->exchange(http_client::request("POST", "/echo", "Content-Length: 100000\r\n") + body);
    BOOST_TEST(r.body.size() == body.size());
  }
  if (!sanitized()) BOOST_TEST(s.resident_kib() < before + count * 64);
  clients.clear();
  BOOST_TEST(s.stop() == 0);
}
