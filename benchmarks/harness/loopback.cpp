// SPDX-License-Identifier: BSL-1.0
// Connected TCP pairs. See loopback.hpp.
#include "loopback.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace bench {
namespace {

int check(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

sockaddr_in address_of(unsigned short port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

} // namespace

void no_delay(const unique_fd& fd) {
  const int on = 1;
  check(::setsockopt(fd.value(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "setsockopt");
}

unique_fd::~unique_fd() {
  if (fd_ >= 0) ::close(fd_);
}

loopback::loopback(int backlog)
    : listener_(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
  sockaddr_in address = address_of(0);
  socklen_t size = sizeof(address);
  check(::bind(listener_.value(), reinterpret_cast<sockaddr*>(&address), size), "bind");
  check(::listen(listener_.value(), backlog), "listen");
  check(::getsockname(listener_.value(), reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  port_ = ntohs(address.sin_port);
}

tcp_pair loopback::connect() {
  tcp_pair pair;
  pair.client = connect_to(port_);
  pair.server = unique_fd(check(::accept4(listener_.value(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
  no_delay(pair.server);
  return pair;
}

unique_fd connect_to(unsigned short port) {
  const sockaddr_in address = address_of(port);
  unique_fd client(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  check(::connect(client.value(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "connect");
  no_delay(client);
  return client;
}

} // namespace bench
