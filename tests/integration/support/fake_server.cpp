// SPDX-License-Identifier: BSL-1.0
// One accepted connection, one scripted answer.
#include "fake_server.hpp"

#include "child_process.hpp"

#include <openssl/ssl.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace integration {
namespace {

int pick_alpn(SSL*, const unsigned char** out, unsigned char* size, const unsigned char*, unsigned,
              void* chosen) {
  const auto& name = *static_cast<const std::string*>(chosen);
  *out = reinterpret_cast<const unsigned char*>(name.data());
  *size = static_cast<unsigned char>(name.size());
  return SSL_TLSEXT_ERR_OK;
}

} // namespace

fake_server::fake_server(fake_script script)
    : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  std::signal(SIGPIPE, SIG_IGN);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 4) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::system_error(errno, std::system_category(), "fake server");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

fake_server::~fake_server() { finish(); }

void fake_server::finish() {
  ::shutdown(listener_, SHUT_RDWR); // ends an accept() that is still waiting
  if (thread_.joinable()) thread_.join();
  if (listener_ >= 0) ::close(std::exchange(listener_, -1));
}

std::string fake_server::request() {
  finish();
  return request_;
}

std::string fake_server::sni() {
  finish();
  return sni_;
}

bool fake_server::close_notify_answered() {
  finish();
  return answered_;
}

void fake_server::serve() {
  const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection < 0) return;
  const timeval limit{patience.count(), 0};
  ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (script_.speaks_tls) {
    serve_tls(connection);
  } else {
    std::array<char, 4096> hello{};
    request_.assign(hello.data(),
                    static_cast<std::size_t>(::recv(connection, hello.data(), hello.size(), 0)));
    (void)::send(connection, script_.response.data(), script_.response.size(), MSG_NOSIGNAL);
  }
  if (script_.how == fake_script::end::reset) {
    const linger now{1, 0};
    ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  } else { // let the client read everything: closing over unread bytes would be a reset
    ::shutdown(connection, SHUT_WR);
    std::array<char, 4096> rest{};
    while (::recv(connection, rest.data(), rest.size(), 0) > 0) {
    }
  }
  ::close(connection);
}

void fake_server::serve_tls(int connection) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()),
                                                                  &SSL_CTX_free);
  SSL_CTX_use_certificate_chain_file(context.get(), script_.certificate.c_str());
  SSL_CTX_use_PrivateKey_file(context.get(), script_.key.c_str(), SSL_FILETYPE_PEM);
  if (!script_.alpn.empty()) SSL_CTX_set_alpn_select_cb(context.get(), &pick_alpn, &script_.alpn);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
  SSL_set_fd(ssl.get(), connection);
  const int accepted = SSL_accept(ssl.get());
  if (const char* name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name)) sni_ = name;
  if (accepted != 1) return;
  std::array<char, 4096> piece{};
  while (request_.find("\r\n\r\n") == std::string::npos) {
    const int n = SSL_read(ssl.get(), piece.data(), static_cast<int>(piece.size()));
    if (n <= 0) return;
    request_.append(piece.data(), static_cast<std::size_t>(n));
  }
  if (!script_.answers) {
    (void)SSL_read(ssl.get(), piece.data(), 1); // until the client gives up
    return;
  }
  SSL_write(ssl.get(), script_.response.data(), static_cast<int>(script_.response.size()));
  if (script_.how == fake_script::end::close_notify)
    answered_ = SSL_shutdown(ssl.get()) == 1 || SSL_shutdown(ssl.get()) == 1;
}

} // namespace integration
