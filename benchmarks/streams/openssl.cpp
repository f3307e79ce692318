// SPDX-License-Identifier: BSL-1.0
// The limit from the same libssl: OpenSSL on a socket of its own (SSL_set_fd), on a bare epoll loop, without
// Asio. Once as libssl comes, and once with what libssl offers to those who want more: read-ahead with a
// larger buffer, and buffers only while there is something in them.
#include "adapter.hpp"
#include "epoll_loop.hpp"
#include "harness/free_with.hpp"
#include "registry.hpp"
#include "scenarios/run.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

using context_ptr = std::unique_ptr<SSL_CTX, free_with<SSL_CTX_free>>;
using session_ptr = std::unique_ptr<SSL, free_with<SSL_free>>;

[[noreturn]] void fail(const char* what) {
  char text[256] = "the connection ended";
  if (const auto code = ERR_get_error()) ERR_error_string_n(code, text, sizeof(text));
  throw std::runtime_error(std::string(what) + ": " + text);
}

struct openssl {
  struct loop : epoll_loop {
    loop() { std::signal(SIGPIPE, SIG_IGN); } // libssl calls write()
  };
  template <class T>
  using task = bench::task<T>;

  struct context {
    context_ptr value;
    explicit context(role side, const tls_parameters& tls = {})
        : value(SSL_CTX_new(side == role::server ? TLS_server_method() : TLS_client_method())) {
      if (!value) fail("SSL_CTX_new");
      configure(value.get(), side, tls);
    }
  };

  struct connection {
    std::unique_ptr<watched_socket> socket;
    session_ptr session;
  };
  static connection open(loop& where, context& settings, unique_fd fd) {
    connection opened{std::make_unique<watched_socket>(where, std::move(fd)),
                      session_ptr(SSL_new(settings.value.get()))};
    if (!opened.session || SSL_set_fd(opened.session.get(), opened.socket->fd()) != 1) fail("SSL_new");
    return opened;
  }

  // Calls step(), a function of libssl, until it succeeds.
  template <class Step>
  static task<void> perform(connection& on, const char* what, Step step) {
    for (;;) {
      ERR_clear_error();
      const int result = step(on.session.get());
      if (result > 0) co_return;
      switch (SSL_get_error(on.session.get(), result)) {
      case SSL_ERROR_WANT_READ: co_await on.socket->readable(); break;
      case SSL_ERROR_WANT_WRITE: co_await on.socket->writable(); break;
      default: fail(what);
      }
    }
  }

  static task<void> handshake(connection& on, role side) {
    side == role::server ? SSL_set_accept_state(on.session.get()) : SSL_set_connect_state(on.session.get());
    return perform(on, "handshake", SSL_do_handshake);
  }
  static task<std::size_t> read_some(connection& from, std::span<std::byte> to) {
    std::size_t size = 0;
    co_await perform(from, "read",
                     [&](SSL* session) { return SSL_read_ex(session, to.data(), to.size(), &size); });
    co_return size;
  }
  static task<std::size_t> write_all(connection& to, std::span<const std::byte> from) {
    std::size_t size = 0;
    co_await perform(to, "write",
                     [&](SSL* session) { return SSL_write_ex(session, from.data(), from.size(), &size); });
    co_return size; // all: partial writes are not enabled
  }
  // One SSL_write for each buffer: libssl has no gathered write.
  static task<std::size_t> write_sequence(connection& to, std::span<const std::span<const std::byte>> from) {
    std::size_t size = 0;
    for (const std::span<const std::byte> one : from) size += co_await write_all(to, one);
    co_return size;
  }
  static SSL* native(connection& which) { return which.session.get(); }
  static void check(connection& which) { check_session(which.session.get()); }

  template <class Done>
  static void spawn(loop& where, task<void> what, Done done) {
    where.spawn(std::move(what), std::move(done));
  }
  static void run(loop& which) { which.run(); }
  static void run_for(loop& which, std::chrono::milliseconds time) {
    which.run_until(std::chrono::steady_clock::now() + time);
  }
  static void stop(loop& which) { which.stop(); }
};

struct openssl_tuned : openssl {
  struct context : openssl::context {
    explicit context(role side, const tls_parameters& tls = {}) : openssl::context(side, tls) {
      SSL_CTX* const native = value.get();
      SSL_CTX_set_read_ahead(native, 1);
      SSL_CTX_set_default_read_buffer_len(native, 64 * 1024);
      SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    }
  };
};

} // namespace

const stream_type openssl_stream{"openssl", "OpenSSL alone", run<openssl>, false, server_adapter<openssl>};
const stream_type openssl_tuned_stream{"openssl-tuned", "OpenSSL alone, read-ahead", run<openssl_tuned>,
                                       false, server_adapter<openssl_tuned>};

} // namespace bench
