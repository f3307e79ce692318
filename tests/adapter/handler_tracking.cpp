// SPDX-License-Identifier: BSL-1.0
// Does a program with BOOST_ASIO_ENABLE_HANDLER_TRACKING build and work, and does its log say for every
// handler of ours which operation it belongs to? The macro changes Asio's types, so all of the adapter is
// compiled anew for this program.
#define BOOST_TEST_MODULE adapter_handler_tracking
#include "asio_certificates.hpp"
#include "asio_sockets.hpp"
#include "counting_layer.hpp"

#include <tlsmode/asio/stream.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/async.h>
#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#ifndef BOOST_ASIO_ENABLE_HANDLER_TRACKING
#error "to be compiled with handler tracking"
#endif

namespace tlsmode::test {
namespace {

using boost::system::error_code;

// What is written to standard error meanwhile.
class captured_errors {
 public:
  captured_errors() : file_(::memfd_create("stderr", MFD_CLOEXEC)), before_(::dup(STDERR_FILENO)) {
    ::dup2(file_, STDERR_FILENO);
  }
  ~captured_errors() {
    stop();
    ::close(file_);
  }
  captured_errors(const captured_errors&) = delete;
  captured_errors& operator=(const captured_errors&) = delete;
  std::string stop() {
    if (before_ < 0) return {};
    ::dup2(before_, STDERR_FILENO);
    ::close(std::exchange(before_, -1));
    std::ifstream in("/proc/self/fd/" + std::to_string(file_));
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  int file_;
  int before_;
};

// One handler for all operations.
struct ended {
  std::size_t* count;
  error_code* worst;
  void operator()(error_code ec, std::size_t = 0) const {
    ++*count;
    if (ec) *worst = ec;
  }
};

// A certificate callback that pauses once, with a descriptor that is readable at once.
int pause_once(SSL*, void* paused) {
  ASYNC_JOB* const job = ASYNC_get_current_job();
  if (job == nullptr || std::exchange(*static_cast<bool*>(paused), true)) return 1;
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0 || ::write(ends[1], "", 1) != 1) return 0;
  ASYNC_WAIT_CTX* const waits = ASYNC_get_wait_ctx(job);
  ASYNC_WAIT_CTX_set_wait_fd(waits, paused, ends[0], nullptr, nullptr);
  ASYNC_pause_job();
  ASYNC_WAIT_CTX_clear_fd(waits, paused);
  for (const int fd : ends) ::close(fd);
  return 1;
}

// A session with every kind of operation; the client has a time limit.
template <class Stream>
class session {
 public:
  session()
      : for_client_(client_context(TLS1_3_VERSION)), for_server_(server_context(TLS1_3_VERSION)),
        sockets_(tcp_pair(io_.get_executor(), io_.get_executor(), 2048)),
        client_(std::move(sockets_.first), for_client_), server_(std::move(sockets_.second), for_server_) {}

  void run() {
    SSL_set_cert_cb(server_.native_handle(), &pause_once, &paused_);
    server_.set_mode(mode::async);
    server_.set_placement(placement::inline_);
    client_.clear_mode(mode::enable_partial_write);
    client_.expires_after(std::chrono::hours(1));
    const ended done{&ended_, &worst_};
    std::array<char, 10> room{};
    client_.async_handshake(net::ssl::stream_base::client, done);
    server_.async_handshake(net::ssl::stream_base::server, net::const_buffer(), done);
    finish(2);
    BOOST_TEST(paused_);
    client_.async_wait(net::socket_base::wait_read, done);
    client_.async_read_some(net::buffer(room), done); // waits for its turn
    server_.async_write_some(net::buffer("hello", 5), done);
    finish(3);
    const std::string text(300'000, 'x'); // has to wait for room
    client_.async_write_some(net::buffer(text), done);
    client_.async_wait(net::socket_base::wait_write, done);
    std::string all(text.size(), '\0');
    for (std::size_t got = 0; got != all.size();) {
      std::size_t n = 0;
      server_.async_read_some(net::buffer(all) + got, [&n](error_code, std::size_t m) { n = m; });
      while (n == 0) run_one();
      got += n;
    }
    finish(2);
    client_.async_write_some(net::const_buffer(), done); // complete at once
    client_.async_shutdown(done);
    server_.async_shutdown(shutdown_form::drain, done);
    finish(3);
    BOOST_TEST(worst_ == error_code());
  }

 private:
  void finish(std::size_t count) {
    while (ended_ < count) run_one();
    ended_ = 0;
  }
  void run_one() {
    io_.restart();
    BOOST_REQUIRE(io_.run_one_for(std::chrono::seconds(20)) != 0U);
  }
  net::io_context io_;
  net::ssl::context for_client_;
  net::ssl::context for_server_;
  std::pair<tcp_socket, tcp_socket> sockets_;
  Stream client_;
  Stream server_;
  bool paused_ = false;
  std::size_t ended_ = 0;
  error_code worst_;
};

// Which of our operations the log names, and how many handlers of sockets and timers it has without one.
struct log_summary {
  explicit log_summary(const std::string& log) {
    std::istringstream lines(log);
    std::set<std::string> named; // handlers, by number
    for (std::string line; std::getline(lines, line);) {
      std::istringstream fields(line);
      std::string at, time, action, what;
      std::getline(fields, at, '|');
      std::getline(fields, time, '|');
      std::getline(fields, action, '|');
      std::getline(fields, what);
      if (at != "@asio") continue;
      if (const auto caret = action.find('^'); caret != std::string::npos) {
        if (what.find("/tlsmode/asio/detail/") == std::string::npos) continue;
        named.insert(action.substr(caret + 1));
        const auto from = what.find('\'') + 1;
        operations.insert(what.substr(from, what.find('\'', from) - from));
      } else if (const auto star = action.find('*'); star != std::string::npos) {
        ++handlers;
        if (named.count(action.substr(star + 1)) == 0) unnamed.insert(what);
      }
    }
  }
  std::set<std::string> operations;
  std::multiset<std::string> unnamed;
  int handlers = 0;
};

template <class Stream>
void check_log_of_a_session() {
  captured_errors errors;
  session<Stream>().run();
  const std::string log = errors.stop();
  const log_summary found(log);
  BOOST_TEST(found.handlers > 20);
  for (const char* const name : {"async_handshake", "async_read_some", "async_write_some", "async_wait",
                                 "async_shutdown", "paused job", "time limit"})
    BOOST_TEST(found.operations.count(name) == 1U, name);
  for (const std::string& what : found.unnamed) BOOST_TEST(what == "", "a handler of nobody");
}

} // namespace

BOOST_AUTO_TEST_SUITE(handler_tracking)

BOOST_AUTO_TEST_CASE(over_a_plain_socket) { check_log_of_a_session<stream<tcp_socket>>(); }
BOOST_AUTO_TEST_CASE(over_another_layer) { check_log_of_a_session<stream<counting_layer>>(); }

BOOST_AUTO_TEST_SUITE_END()

// These only have to compile.
net::awaitable<void> run_everything(stream<tcp_socket>& s, std::array<char, 10>& room);
net::awaitable<void> run_everything(stream<tcp_socket>& s, std::array<char, 10>& room) {
  co_await s.async_handshake(net::ssl::stream_base::client, net::use_awaitable);
  co_await s.async_read_some(net::buffer(room), net::use_awaitable);
}

} // namespace tlsmode::test
