// SPDX-License-Identifier: BSL-1.0
// fork() and a socket between the two. See client_process.hpp.
#include "client_process.hpp"

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace bench {

void send_bytes(const unique_fd& to, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(to.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) throw std::system_error(errno, std::generic_category(), "the other process");
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

void receive_bytes(const unique_fd& from, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const auto received = ::recv(from.value(), bytes.data(), bytes.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) throw std::system_error(errno, std::generic_category(), "the other process");
    if (received == 0) throw std::runtime_error("the other process has ended");
    bytes = bytes.subspan(static_cast<std::size_t>(received));
  }
}

client_process::client_process(const std::function<void(const unique_fd& control)>& body) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::system_error(errno, std::generic_category(), "socketpair");
  control_ = unique_fd(ends[0]);
  unique_fd other(ends[1]);
  const pid_t parent = ::getpid();
  child_ = ::fork();
  if (child_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1); // it went away in between
  ::close(control_.release());
  body(other);
  ::_exit(0); // nothing of the parent's is to be cleaned up twice
}

client_process::~client_process() {
  ::kill(child_, SIGKILL); // not reaped yet: the number is still its own
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
}

} // namespace bench
