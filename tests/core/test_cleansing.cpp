// SPDX-License-Identifier: BSL-1.0
// Does plaintext stay anywhere in memory after the engine is done with it? The test looks through all of the
// process's memory. (What OpenSSL does with its own buffers is for SSL_OP_CLEANSE_PLAINTEXT to say.)
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

BOOST_AUTO_TEST_SUITE(cleansing)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

constexpr std::size_t secret_size = 24;

// The secret is nowhere in memory unless somebody asks for it: only the difference to it is.
char secret_byte(std::size_t i) {
  static volatile unsigned char salt = 0x5a;
  return static_cast<char>((i * 37 + 11) ^ salt);
}

// `n` bytes of the secret, over and over, that are wiped in the end.
class secret_buffer {
 public:
  explicit secret_buffer(std::size_t n) : bytes_(n) {
    for (std::size_t i = 0; i < n; ++i) bytes_[i] = static_cast<std::byte>(secret_byte(i % secret_size));
  }
  ~secret_buffer() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  secret_buffer(const secret_buffer&) = delete;
  secret_buffer& operator=(const secret_buffer&) = delete;
  [[nodiscard]] const_buffer bytes() const noexcept { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

// How often the whole secret is in memory that the process can write. Memory is read through the kernel: a
// sanitizer would object to looking at freed memory, which is what this is about.
std::size_t copies_in_memory() {
  constexpr std::size_t largest = 64u << 20; // beyond: a sanitizer's own
  const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  BOOST_REQUIRE(memory >= 0);
  static std::vector<unsigned char> part(1 << 20);
  std::size_t found = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    char access[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, access) != 3 || access[1] != 'w') continue;
    if (to - from > largest) continue;
    for (unsigned long at = from; at < to; at += part.size() - secret_size) {
      const std::size_t n = std::min<std::size_t>(part.size(), to - at);
      const auto own = reinterpret_cast<unsigned long>(part.data());
      if (at + n > own && at < own + part.size()) continue; // a piece of what was read before
      const ssize_t got = ::pread(memory, part.data(), n, static_cast<off_t>(at));
      for (ssize_t i = 0; i + static_cast<ssize_t>(secret_size) <= got; ++i) {
        std::size_t same = 0;
        while (same < secret_size &&
               part[static_cast<std::size_t>(i) + same] == static_cast<unsigned char>(secret_byte(same)))
          ++same;
        if (same == secret_size) ++found;
      }
    }
  }
  ::close(memory);
  OPENSSL_cleanse(part.data(), part.size());
  return found;
}

context tidy(context ctx) {
  SSL_CTX_set_options(ctx.native_handle(), SSL_OP_CLEANSE_PLAINTEXT);
  return ctx;
}

struct tidy_pair : memory_pair {
  tidy_pair() : memory_pair(tidy(client_context()), tidy(server_context())) { BOOST_REQUIRE(connect()); }
  void use_jobs() {
    client.tls.set_mode(mode::async);
    client.tls.set_job_scope(job_scope::all);
  }
  void send_secret(endpoint& from, std::size_t n) {
    const secret_buffer secret(n);
    BOOST_REQUIRE(completes(from.write({secret.bytes()}), n));
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(the_search_finds_what_is_there) {
  BOOST_TEST(copies_in_memory() == 0u);
  {
    const secret_buffer secret(3 * secret_size);
    BOOST_TEST(copies_in_memory() == 3u);
  }
  BOOST_TEST(copies_in_memory() == 0u);
}

BOOST_AUTO_TEST_CASE(a_gathered_write_leaves_nothing) {
  tidy_pair pair;
  {
    const secret_buffer one(100);
    const secret_buffer two(200);
    BOOST_TEST(completes(pair.client.write({one.bytes(), two.bytes()}), 300));
  }
  BOOST_TEST(copies_in_memory() == 0u);
}

BOOST_AUTO_TEST_CASE(a_write_by_a_job_leaves_nothing) {
  tidy_pair pair;
  pair.use_jobs();
  pair.send_secret(pair.client, 1000);
  BOOST_TEST(copies_in_memory() == 0u);
}

BOOST_AUTO_TEST_CASE(a_read_leaves_nothing) {
  for (const bool jobs : {false, true}) {
    tidy_pair pair;
    if (jobs) pair.use_jobs();
    pair.send_secret(pair.server, 1000);
    pair.settle();
    std::string room(1000, '\0');
    BOOST_TEST(completes(pair.client.read(room), 1000));
    BOOST_TEST(copies_in_memory() > 0u);
    OPENSSL_cleanse(room.data(), room.size());
    BOOST_TEST(copies_in_memory() == 0u, "jobs " << jobs);
  }
}

BOOST_AUTO_TEST_CASE(a_draining_shutdown_leaves_nothing) {
  for (const bool jobs : {false, true}) {
    tidy_pair pair;
    if (jobs) pair.use_jobs();
    pair.send_secret(pair.server, 9000);
    pair.settle();
    BOOST_TEST(stops(pair.client.shutdown(shutdown_form::drain), suspend::want_read));
    BOOST_TEST(copies_in_memory() == 0u, "jobs " << jobs);
  }
}

BOOST_AUTO_TEST_CASE(a_connection_that_ends_with_unread_bytes_of_a_job_leaves_nothing) {
  {
    tidy_pair pair;
    pair.use_jobs();
    pair.send_secret(pair.server, 1000);
    pair.settle();
    std::string room(10, '\0');
    BOOST_TEST(completes(pair.client.read(room), 10));
    BOOST_TEST(copies_in_memory() > 0u); // the rest waits for the next read
  }
  BOOST_TEST(copies_in_memory() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
