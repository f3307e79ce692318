// SPDX-License-Identifier: BSL-1.0
// The core without Asio: an HTTPS request over poll(2) and a plain descriptor. It shows what any other event
// loop has to do: feed what came, drain what is to go, and wait for what the engine asks for.
//
//   poll_client HOST PORT CA-FILE
#include <tlsmode/context.hpp>
#include <tlsmode/engine.hpp>
#include <tlsmode/memory_transport.hpp>

#include <array>
#include <cerrno>
#include <iostream>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace {

constexpr int patience_ms = 10'000; // for each wait

[[noreturn]] void fail_with_errno(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

// A connected, non-blocking TCP socket.
class connection {
 public:
  connection(const char* host, const char* port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int rc = ::getaddrinfo(host, port, &hints, &found); rc != 0)
      throw std::runtime_error(std::string(host) + ": " + ::gai_strerror(rc));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
      fd_ = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
      if (fd_ >= 0 && ::connect(fd_, a->ai_addr, a->ai_addrlen) == 0) return;
      if (fd_ >= 0) ::close(fd_);
      fd_ = -1;
    }
    fail_with_errno("connect");
  }
  ~connection() { ::close(fd_); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Hands the socket what the engine wants sent, as far as it takes it.
  void drain(tlsmode::memory_transport& memory) const {
    while (!memory.output().empty()) {
      const auto out = memory.output();
      const ssize_t n = ::send(fd_, out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (n < 0) return memory.fail_writes({errno, std::system_category()});
      memory.consume(static_cast<std::size_t>(n));
    }
  }

  // Waits until there is something to read, or room for what is to be sent, and reads.
  void wait_and_feed(tlsmode::memory_transport& memory) const {
    pollfd p{fd_, static_cast<short>(POLLIN | (memory.output().empty() ? 0 : POLLOUT)), 0};
    const int ready = ::poll(&p, 1, patience_ms);
    if (ready < 0 && errno != EINTR) fail_with_errno("poll");
    if (ready == 0) throw std::runtime_error("the peer is silent");
    if ((p.revents & (POLLIN | POLLHUP | POLLERR)) == 0) return;
    const auto room = memory.prepare(16 * 1024);
    const ssize_t n = ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
    const int error = errno;
    memory.commit(n > 0 ? static_cast<std::size_t>(n) : 0);
    if (n == 0) memory.feed_eof();
    if (n < 0 && error != EAGAIN && error != EWOULDBLOCK) memory.fail_reads({error, std::system_category()});
  }

 private:
  int fd_ = -1;
};

// Repeats a step until the operation is over; returns its bytes. `end_is_fine` takes the peer's close_notify
// for 0 bytes.
template <class Step>
std::size_t finish(const connection& c, tlsmode::memory_transport& memory, bool end_is_fine, Step step) {
  for (;;) {
    const tlsmode::step s = step();
    c.drain(memory); // also after a failure: the peer shall see the alert
    if (s.complete() && !(s.error == tlsmode::error::end_of_stream && end_is_fine) && s.error)
      throw std::system_error(s.error);
    if (s.complete()) return s.bytes;
    c.wait_and_feed(memory);
  }
}

void fetch(const char* host, const char* port, const char* ca) {
  auto context = tlsmode::context::client();
  if (const auto ec = context.trust_file(ca)) throw std::system_error(ec, ca);
  tlsmode::engine engine(context);
  if (const auto ec = engine.set_host(host)) throw std::system_error(ec, host);
  tlsmode::memory_transport memory;
  const connection c(host, port);

  finish(c, memory, false, [&] { return engine.handshake(memory, tlsmode::role::client); });
  std::cerr << engine.protocol() << ' ' << engine.cipher() << '\n';

  const std::string request = "GET / HTTP/1.0\r\nHost: " + std::string(host) + "\r\n\r\n";
  const std::array out{std::as_bytes(std::span(request))};
  for (std::size_t sent = 0; sent < request.size();) {
    const std::array rest{out[0].subspan(sent)};
    sent += finish(c, memory, false, [&] { return engine.write(memory, rest); });
  }

  std::array<char, 4096> text{};
  const std::array in{std::as_writable_bytes(std::span(text))};
  while (const std::size_t n = finish(c, memory, true, [&] { return engine.read(memory, in); }))
    std::cout.write(text.data(), static_cast<std::streamsize>(n));
  finish(c, memory, false, [&] { return engine.shutdown(memory, tlsmode::shutdown_form::send_only); });
}

} // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw std::invalid_argument("usage: poll_client HOST PORT CA-FILE");
  fetch(argv[1], argv[2], argv[3]);
} catch (const std::exception& e) {
  std::cerr << "poll_client: " << e.what() << '\n';
  return 1;
}
