// SPDX-License-Identifier: BSL-1.0
// Do the small examples do what the documentation says of them, and does the README quote what is tested
// here?
#define BOOST_TEST_MODULE integration_examples
#include "server.hpp"
#include "test_files.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace integration;

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class echo_server : public child_process {
 public:
  echo_server() : child_process({ECHO_SERVER, "0", certs().server, certs().server_key}) {
    const std::string ready = "listening on 127.0.0.1:";
    BOOST_REQUIRE(
        wait_for_output([](const auto& out, const auto&) { return out.find('\n') != std::string::npos; }));
    BOOST_REQUIRE(out().starts_with(ready));
    port = static_cast<std::uint16_t>(std::stoul(out().substr(ready.size())));
  }
  int stop() {
    signal(SIGTERM);
    return exit_status().value_or(-1);
  }
  std::uint16_t port = 0;
};

std::string read_exactly(tls_client& client, std::size_t n) {
  std::string bytes;
  while (bytes.size() < n) {
    const std::string piece = client.read(n - bytes.size());
    if (piece.empty()) break;
    bytes += piece;
  }
  return bytes;
}

// Without what formatting may change.
std::string words(const std::string& code) {
  std::string out;
  std::istringstream in(code);
  for (std::string word; in >> word;) out += word + ' ';
  return out;
}

std::vector<std::string> cpp_blocks(const std::string& document) {
  std::vector<std::string> blocks;
  const std::string fence = "```cpp\n";
  for (auto at = document.find(fence); at != std::string::npos; at = document.find(fence, at)) {
    at += fence.size();
    const auto end = document.find("```", at);
    BOOST_REQUIRE(end != std::string::npos);
    blocks.push_back(document.substr(at, end - at));
    at = end;
  }
  return blocks;
}

run_result readme_example(const server& s, const std::string& host, const std::string& ca) {
  return run({README_EXAMPLE, host, std::to_string(s.port()), ca});
}

} // namespace

BOOST_AUTO_TEST_CASE(echo) {
  echo_server s;
  std::vector<std::unique_ptr<tls_client>> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(std::make_unique<tls_client>(s.port));
  for (const std::size_t size : {1U, 2U, 1'000U, 16'384U, 16'385U, 100'000U}) {
    for (auto& client : clients) {
      std::string bytes(size, '\0');
      for (std::size_t i = 0; i < size; ++i) bytes[i] = pattern_byte(i * 3);
      client->write(bytes);
      BOOST_TEST((read_exactly(*client, size) == bytes));
    }
  }
  for (auto& client : clients) {
    client->send_close_notify();
    BOOST_TEST(client->ends_with_close_notify());
  }
  BOOST_TEST(s.err() == "");
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(echo_goes_on_after_garbage) {
  echo_server s;
  {
    const tcp_client client(s.port);
    client.send("GET / HTTP/1.1\r\n\r\n");
    BOOST_TEST(client.closed_by_server());
  }
  BOOST_TEST(s.wait_for_output(
                 [](const auto&, const auto& err) { return err.find("http request") != std::string::npos; }),
             s.err());
  tls_client client(s.port);
  client.write("still there?");
  BOOST_TEST(read_exactly(client, 12) == "still there?");
  BOOST_TEST(s.stop() == 0);
}

BOOST_AUTO_TEST_CASE(echo_says_why_it_does_not_start) {
  const auto usage = run({ECHO_SERVER});
  BOOST_TEST(usage.status == 1);
  BOOST_TEST(usage.err.find("usage: echo_server PORT CERTIFICATE KEY") != std::string::npos, usage.err);
  const auto missing = run({ECHO_SERVER, "0", "/no/such.pem", certs().server_key});
  BOOST_TEST(missing.status == 1);
  BOOST_TEST(missing.err.find("/no/such.pem") != std::string::npos, missing.err);
}

BOOST_AUTO_TEST_CASE(the_readme_example_fetches_a_page) {
  write_file("readme_site/index.html", "<p>for the reader</p>\n");
  server s({"--root", (scratch() / "readme_site").string()});
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const auto r = readme_example(s, host, certs().ca);
    BOOST_TEST(r.status == 0, r.err);
    BOOST_TEST(r.out.starts_with("TLSv1.3 TLS_AES_256_GCM_SHA384\nHTTP/1.1 200 OK\r\n"), r.out);
  }
  const auto distrusting = readme_example(s, "localhost", certs().other_ca);
  BOOST_TEST(distrusting.status == 1);
  BOOST_TEST(distrusting.err.find("certificate verify failed") != std::string::npos, distrusting.err);
  BOOST_TEST(distrusting.out == "");
  BOOST_TEST(s.stop() == 0);
}

// Word for word: every C++ block of the documentation is part of one of the examples, which are compiled.
BOOST_AUTO_TEST_CASE(the_documentation_quotes_what_is_compiled) {
  const std::filesystem::path root(SOURCE_ROOT);
  std::vector<std::filesystem::path> documents{root / "README.md"};
  std::string examples;
  for (const auto& file : std::filesystem::recursive_directory_iterator(root / "docs")) {
    if (file.path().extension() == ".md") documents.push_back(file.path());
    if (file.path().extension() == ".cpp") examples += words(content(file.path()));
  }
  std::size_t blocks = 0;
  for (const auto& document : documents) {
    const std::string text = content(document);
    for (const std::string& block : cpp_blocks(text)) {
      ++blocks;
      BOOST_TEST(words(block).size() > 20U, document << " has an empty sample");
      BOOST_TEST(examples.find(words(block)) != std::string::npos,
                 document << " quotes what is not in docs/examples:\n"
                          << block);
    }
  }
  BOOST_TEST(blocks >= 14U);
}
