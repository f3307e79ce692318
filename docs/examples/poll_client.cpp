// SPDX-License-Identifier: BSL-1.0
// The core without Asio: an HTTPS request over poll(2) and a plain descriptor. It shows what any other event
// loop has to do: feed what came, drain what is to go, and wait for the socket while a step is not complete.
// Nothing blocks but the look-up of the name and the one poll().
//
//   poll_client HOST PORT CA-FILE
#include <tlsmode/context.hpp>
#include <tlsmode/engine.hpp>
#include <tlsmode/memory_transport.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <iostream>
#include <memory>
#include <netdb.h>
#include <new>
#include <poll.h>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace {

constexpr int patience_ms = 10'000; // for each wait

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// A connected TCP socket that never blocks.
class tcp_socket {
 public:
  // Connects to the first address of the host that answers.
  tcp_socket(const char* host, const char* port) : tcp_socket() { // whatever is thrown here, it is closed
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int rc = ::getaddrinfo(host, port, &hints, &found); rc != 0)
      throw std::runtime_error(std::string(host) + ": " + ::gai_strerror(rc));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    int error = EADDRNOTAVAIL;
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next)
      if ((error = connect(*a)) == 0) return;
    throw std::system_error(error, std::system_category(), "connecting to " + std::string(host));
  }
  ~tcp_socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  tcp_socket(const tcp_socket&) = delete;
  tcp_socket& operator=(const tcp_socket&) = delete;

  // Sends what is to go, as far as the kernel takes it.
  void drain(tlsmode::memory_transport& memory) const {
    while (!memory.output().empty()) {
      const auto out = memory.output();
      const ssize_t n = ::send(fd_, out.data(), out.size(), MSG_NOSIGNAL);
      if (n < 0 && would_block(errno)) return;
      if (n < 0) memory.fail_writes({errno, std::system_category()}); // and nobody waits for the rest
      memory.consume(n < 0 ? out.size() : static_cast<std::size_t>(n));
    }
  }

  // Waits for bytes from the peer, and for room if there is something to send; reads what came.
  void wait_and_feed(tlsmode::memory_transport& memory) const {
    const auto events = static_cast<short>(POLLIN | (memory.output().empty() ? 0 : POLLOUT));
    const short ready = wait(events);
    if (ready == 0) throw std::runtime_error("the peer does not answer");
    if ((ready & ~POLLOUT) == 0) return;
    const auto room = memory.prepare(16 * 1024);
    if (room.empty()) throw std::bad_alloc();
    const ssize_t n = ::recv(fd_, room.data(), room.size(), 0);
    const int error = errno;
    memory.commit(n > 0 ? static_cast<std::size_t>(n) : 0);
    if (n == 0) memory.feed_eof();
    if (n < 0 && !would_block(error)) memory.fail_reads({error, std::system_category()});
  }

  // Sends all that is to go.
  void drain_all(tlsmode::memory_transport& memory) const {
    for (drain(memory); !memory.output().empty(); drain(memory))
      if (wait(POLLOUT) == 0) throw std::runtime_error("the peer does not read");
  }

 private:
  tcp_socket() = default;

  // 0, or the error number; there is no socket then.
  int connect(const addrinfo& a) {
    fd_ = ::socket(a.ai_family, a.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a.ai_protocol);
    if (fd_ < 0) return errno;
    int error = ::connect(fd_, a.ai_addr, a.ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      socklen_t size = sizeof error;
      if (wait(POLLOUT) == 0)
        error = ETIMEDOUT;
      else if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    }
    if (error != 0) ::close(std::exchange(fd_, -1));
    return error;
  }

  // What the socket is ready for; 0 if it stays as it is for too long.
  [[nodiscard]] short wait(short events) const {
    pollfd p{fd_, events, 0};
    int n = 0;
    do n = ::poll(&p, 1, patience_ms);
    while (n < 0 && errno == EINTR);
    if (n < 0) throw std::system_error(errno, std::system_category(), "poll");
    return p.revents;
  }

  int fd_ = -1;
};

// One TLS connection: the engine, the bytes on their way, and the socket.
class session {
 public:
  session(const tlsmode::context& context, const char* host, const char* port)
      : socket_(host, port), engine_(context) {
    if (const auto ec = engine_.set_host(host)) throw std::system_error(ec, host);
  }

  // Repeats a step until the operation is over; returns its bytes. The peer's close_notify is an error, or,
  // where it may come, 0 bytes.
  template <class Step>
  std::size_t finish(Step step, bool end_may_come = false) {
    for (;;) {
      const tlsmode::step s = step(engine_, memory_);
      socket_.drain(memory_); // also after a failure: the peer shall see the alert
      if (end_may_come && s.error == tlsmode::error::end_of_stream) return 0;
      if (s.error) throw std::runtime_error(why(s.error));
      if (s.complete()) return s.bytes;
      // Without mode::async and callbacks that suspend, all it can wait for is the socket.
      socket_.wait_and_feed(memory_);
    }
  }
  void drain_all() { socket_.drain_all(memory_); }

  [[nodiscard]] const tlsmode::engine& engine() const { return engine_; }

 private:
  [[nodiscard]] std::string why(std::error_code ec) const {
    const tlsmode::failure& f = engine_.last_failure(); // of the connection; misuse of the engine is none
    return f.code ? f.to_string() : ec.message();
  }

  tcp_socket socket_;
  tlsmode::memory_transport memory_;
  tlsmode::engine engine_;
};

void fetch(const std::string& host, const std::string& port, const char* ca) {
  auto context = tlsmode::context::client(); // verifies, TLS 1.2 or newer
  if (const auto ec = context.trust_file(ca)) throw std::system_error(ec, ca);
  session tls(context, host.c_str(), port.c_str());

  tls.finish([](auto& engine, auto& memory) { return engine.handshake(memory, tlsmode::role::client); });
  std::cerr << tls.engine().protocol() << ' ' << tls.engine().cipher() << '\n';

  const bool ipv6 = host.find(':') != std::string::npos;
  const std::string request =
      "GET / HTTP/1.0\r\nHost: " + (ipv6 ? '[' + host + ']' : host) + ':' + port + "\r\n\r\n";
  tlsmode::const_buffer unsent = std::as_bytes(std::span(request));
  while (!unsent.empty())
    unsent = unsent.subspan(
        tls.finish([&](auto& engine, auto& memory) { return engine.write(memory, std::span(&unsent, 1)); }));

  std::array<char, 16 * 1024> text{};
  tlsmode::mutable_buffer room = std::as_writable_bytes(std::span(text));
  const auto read = [&](auto& engine, auto& memory) { return engine.read(memory, std::span(&room, 1)); };
  while (const std::size_t n = tls.finish(read, true))
    std::cout.write(text.data(), static_cast<std::streamsize>(n));
  if (!std::cout.flush()) throw std::runtime_error("cannot write the answer");

  tls.finish(
      [](auto& engine, auto& memory) { return engine.shutdown(memory, tlsmode::shutdown_form::send_only); });
  tls.drain_all();
}

} // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw std::invalid_argument("usage: poll_client HOST PORT CA-FILE");
  fetch(argv[1], argv[2], argv[3]);
} catch (const std::exception& e) {
  std::cerr << "poll_client: " << e.what() << '\n';
  return 1;
}
