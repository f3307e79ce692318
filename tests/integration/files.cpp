// SPDX-License-Identifier: BSL-1.0
// Are files below --root served byte-exactly, and is nothing else ever served?
#define BOOST_TEST_MODULE integration_files
#include "server.hpp"
#include "test_files.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>

namespace {

using namespace integration;

/// A site with a secret beside it.
const std::string& site() {
  static const std::string root = [] {
    write_file("secret.txt", "secret");
    write_file("site/index.html", "<p>front page</p>\n");
    write_file("site/hello.txt", "hello\n");
    write_file("site/empty.txt", "");
    write_file("site/style.css", "p {}\n");
    write_file("site/data.bin", std::string(300'000, 'x'));
    write_file("site/a b%.txt", "odd name\n");
    write_file("site/sub/index.html", "<p>sub</p>\n");
    write_file("site/no_index/file.txt", "file\n");
    write_file("site/#dir?\r\nX-Evil: 1/index.html", "odd\n");
    const auto at = scratch() / "site";
    std::filesystem::create_symlink(scratch() / "secret.txt", at / "absolute_link.txt");
    std::filesystem::create_symlink("../secret.txt", at / "relative_link.txt");
    std::filesystem::create_directory_symlink("..", at / "directory_link");
    std::filesystem::create_symlink("hello.txt", at / "inside_link.txt");
    std::filesystem::create_symlink("loop", at / "loop");
    ::mkfifo((at / "fifo").c_str(), 0600);
    return at.string();
  }();
  return root;
}

struct running_site {
  server s{{"--root", site()}};
  ~running_site() { BOOST_TEST(s.stop() == 0); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(files, running_site)

BOOST_AUTO_TEST_CASE(content_type_and_length) {
  http_client client(s.port());
  const auto check = [&](const char* target, const std::string& body, const char* type) {
    const auto r = client.get(target);
    BOOST_TEST(r.status == 200U);
    BOOST_TEST((r.body == body));
    BOOST_TEST(r.field("Content-Type") == type);
    BOOST_TEST(r.field("Content-Length") == std::to_string(body.size()));
    BOOST_TEST(r.field("X-Content-Type-Options") == "nosniff");
    BOOST_TEST(r.field("Date") != "");
  };
  check("/", "<p>front page</p>\n", "text/html; charset=utf-8");
  check("/index.html?query=/../x", "<p>front page</p>\n", "text/html; charset=utf-8");
  check("/sub/", "<p>sub</p>\n", "text/html; charset=utf-8");
  check("/hello.txt", "hello\n", "text/plain; charset=utf-8");
  check("//hello.txt", "hello\n", "text/plain; charset=utf-8");
  check("/empty.txt", "", "text/plain; charset=utf-8");
  check("/style.css", "p {}\n", "text/css; charset=utf-8");
  check("/data.bin", std::string(300'000, 'x'), "application/octet-stream");
  check("/a%20b%25.txt", "odd name\n", "text/plain; charset=utf-8");
  check("/inside_link.txt", "hello\n", "text/plain; charset=utf-8");
  check("https://localhost/hello.txt", "hello\n", "text/plain; charset=utf-8");
}

BOOST_AUTO_TEST_CASE(head_has_the_header_of_get_and_no_body) {
  http_client client(s.port());
  const auto head = client.exchange(http_client::request("HEAD", "/data.bin"), true);
  const auto get = client.get("/data.bin"); // would see stray body bytes in front of it
  BOOST_TEST(get.body.size() == 300'000U);
  BOOST_TEST(head.header.substr(0, 17) == get.header.substr(0, 17));
  for (const char* field : {"Content-Type", "Content-Length", "X-Content-Type-Options", "Server"})
    BOOST_TEST(head.field(field) == get.field(field));
}

BOOST_AUTO_TEST_CASE(nothing_outside_of_the_root) {
  http_client client(s.port());
  for (const char* target :
       {"/../secret.txt", "/sub/../../secret.txt", "/%2e%2e/secret.txt", "/%2E%2E%2Fsecret.txt",
        "/..%2fsecret.txt", "/sub/%2e%2e/%2e%2e/secret.txt", "/..", "/sub/..", "/absolute_link.txt",
        "/relative_link.txt", "/directory_link/secret.txt", "/loop", "/fifo",
        "https://localhost/../secret.txt"}) {
    const auto r = client.get(target);
    BOOST_TEST(r.status == 403U, target << " gives " << r.status);
    BOOST_TEST(r.body.find("secret") == std::string::npos);
  }
  // Encoded once, not twice: this is a file with an odd name, which is not there.
  BOOST_TEST(client.get("/%252e%252e/secret.txt").status == 404U);
  BOOST_TEST(client.get("/..\\secret.txt").status == 404U);
}

BOOST_AUTO_TEST_CASE(bad_paths) {
  http_client client(s.port());
  for (const char* target : {"/%", "/%2", "/%zz", "/a%00b", "/hello.txt%00.html", "hello.txt", "*"})
    BOOST_TEST(client.get(target).status == 400U, target);
  for (const char* target : {"/missing.txt", "/hello.txt/", "/no_index/", "/hello.txt/more"})
    BOOST_TEST(client.get(target).status == 404U, target);
  BOOST_TEST(client.get("/" + std::string(5000, 'a')).status == 404U); // longer than any file name
}

BOOST_AUTO_TEST_CASE(a_directory_without_its_slash_is_elsewhere_on_this_host) {
  http_client client(s.port());
  const auto r = client.get("/sub?x");
  BOOST_TEST(r.status == 301U);
  BOOST_TEST(r.field("Location") == "/sub/");
  BOOST_TEST(client.get("//sub").field("Location") == "/sub/"); // "//sub/" would be the host "sub"
  const auto odd = client.get("/%23dir%3F%0d%0aX-Evil:%201");
  BOOST_TEST(odd.field("Location") == "/%23dir%3F%0D%0AX-Evil%3A%201/");
  BOOST_TEST(odd.field("X-Evil") == "");
  BOOST_TEST(client.get(odd.field("Location")).body == "odd\n");
}

BOOST_AUTO_TEST_CASE(other_methods_are_refused_and_named) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "FROB"}) {
    http_client client(s.port());
    const auto r = client.exchange(http_client::request(method, "/hello.txt", "Content-Length: 0\r\n"));
    BOOST_TEST(r.status == 405U, method << " gives " << r.status);
    BOOST_TEST(r.field("Allow") == "GET, HEAD");
    BOOST_TEST(client.get("/hello.txt").body == "hello\n"); // the connection goes on
  }
}

// The file goes through in pieces: the server never holds it.
BOOST_AUTO_TEST_CASE(a_large_file_is_exact_and_costs_no_memory) {
  constexpr std::size_t size = 64'000'000;
  {
    std::ofstream file(site() + "/large.bin", std::ios::binary);
    std::string piece(1'000'000, '\0');
    for (std::size_t done = 0; done < size; done += piece.size()) {
      for (std::size_t i = 0; i < piece.size(); ++i) piece[i] = pattern_byte(done + i);
      file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    }
  }
  BOOST_REQUIRE(s.works());
  const std::size_t before = s.resident_kib();
  std::size_t most = before;
  http_client client(s.port());
  client.write(http_client::request("GET", "/large.bin"));
  BOOST_TEST(client.reply_header().field("Content-Length") == std::to_string(size));
  std::uint64_t got = 0;
  bool exact = true;
  for (int i = 0; got < size; ++i) {
    const std::string piece = client.body_bytes();
    if (piece.empty()) break;
    exact = exact && is_pattern(piece, got);
    got += piece.size();
    if (i % 500 == 0) most = std::max(most, s.resident_kib());
  }
  BOOST_TEST(got == size);
  BOOST_TEST(exact);
  if (!sanitized()) BOOST_TEST(most < before + 8 * 1024);
  std::filesystem::remove(site() + "/large.bin");
}

// What was promised cannot be kept: the client must not take what it got for the whole.
BOOST_AUTO_TEST_CASE(a_file_that_shrinks_while_it_is_sent) {
  constexpr std::size_t size = 64'000'000;
  write_file("site/shrinks.bin", std::string(size, 'x'));
  http_client client(s.port());
  client.write(http_client::request("GET", "/shrinks.bin"));
  BOOST_TEST(client.reply_header().status == 200U);
  std::filesystem::resize_file(site() + "/shrinks.bin", 1000); // by now only the kernel's buffers are full
  BOOST_TEST(!client.ends_with_close_notify());
  BOOST_TEST(s.first_line_of(client.socket().local_port()).find("response cut short") != std::string::npos);
  BOOST_TEST(s.works());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(without_a_root_there_are_no_files) {
  server s;
  http_client client(s.port());
  BOOST_TEST(client.get("/").status == 200U); // a text that says what there is
  BOOST_TEST(client.get("/etc/passwd").status == 404U);
  client.send_close_notify();
  BOOST_TEST(s.stop() == 0);
}
