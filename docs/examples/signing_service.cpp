// SPDX-License-Identifier: BSL-1.0
// The process with the private key: signs for servers that show a certificate of the right authority, and
// signs nothing but what proves to a TLS 1.3 client that a server is who it says. The other half of
// remote_signer.cpp.
//
//   signing_service PORT CERTIFICATE KEY CA SIGNING-KEY
//
// CERTIFICATE and KEY are the service's own; CA signed the certificates of those who may ask; SIGNING-KEY is
// the private key that they have not. Listens on 127.0.0.1 (port 0: any free one) until SIGINT or SIGTERM.
#include "remote_signer/frames.hpp"

#include <tlsmode/context.hpp>
#include <tlsmode/signer.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace {

using tcp = net::ip::tcp;
constexpr auto as_result = net::as_tuple(net::use_awaitable);

constexpr std::size_t most_connections = 64;
constexpr auto handshake_limit = std::chrono::seconds(10);
constexpr auto idle_limit = std::chrono::minutes(10);
constexpr auto answer_limit = std::chrono::seconds(10);

class service {
 public:
  service(const tlsmode::context& context, tlsmode::private_key key)
      : context_(context), key_(std::move(key)), public_key_(tlsmode::inline_signer(key_).public_key_der()) {}

  net::awaitable<void> accept_connections(tcp::acceptor acceptor) {
    for (;;) {
      auto [ec, socket] = co_await acceptor.async_accept(as_result);
      if (ec == net::error::operation_aborted) co_return;
      if (ec) { // there may be no descriptors for now
        net::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(100));
        co_await pause.async_wait(as_result);
        continue;
      }
      if (connections_ == most_connections) continue; // closes the socket
      ++connections_;
      net::co_spawn(acceptor.get_executor(), serve(std::move(socket)), [this](std::exception_ptr e) {
        --connections_;
        report(e);
      });
    }
  }

 private:
  net::awaitable<void> serve(tcp::socket socket) const {
    tls_stream tls(std::move(socket), context_);
    tls.expires_after(handshake_limit);
    if (auto [ec] = co_await tls.async_handshake(tls.server, as_result); ec) {
      std::cerr << (tls.last_failure().code ? tls.last_failure().to_string() : ec.message()) + '\n';
      co_return;
    }
    for (;;) {
      tls.expires_after(idle_limit);
      const bytes question = co_await read_frame(tls);
      bytes answer = answer_to(question);
      tls.expires_after(answer_limit);
      co_await write_frame(tls, std::move(answer));
    }
  }

  // Only for our key, and only what can be mistaken for nothing else: whoever can have arbitrary bytes signed
  // has the key, as good as.
  [[nodiscard]] bytes answer_to(const bytes& question) const {
    bytes answer;
    const auto task = tlsmode::parse_signing_task(question);
    if (!task || task->public_key_der != public_key_ ||
        !tlsmode::is_certificate_verify(task->message, tlsmode::role::server) ||
        tlsmode::sign_with(key_.get(), task->scheme, task->message, answer)) {
      std::cerr << "refused to sign\n";
      return {refused};
    }
    answer.insert(answer.begin(), good);
    return answer;
  }

  static void report(const std::exception_ptr& e) {
    if (!e) return;
    try {
      std::rethrow_exception(e);
    } catch (const boost::system::system_error& s) {
      if (s.code() != net::error::eof) std::cerr << s.code().message() + '\n';
    } catch (const std::exception& other) {
      std::cerr << std::string(other.what()) + '\n';
    }
  }

  const tlsmode::context& context_;
  const tlsmode::private_key key_;
  const bytes public_key_;
  std::size_t connections_ = 0;
};

void check(std::error_code ec, const char* what) {
  if (ec) throw std::system_error(ec, what);
}

} // namespace

int main(int argc, char** argv) try {
  if (argc != 6) throw std::invalid_argument("usage: signing_service PORT CERTIFICATE KEY CA SIGNING-KEY");
  auto context = tlsmode::context::server();
  check(context.use_certificate_chain_file(argv[2]), argv[2]);
  check(context.use_private_key_file(argv[3]), argv[3]);
  check(context.require_client_certificate(std::string(argv[4])), argv[4]);
  service signing(context, tlsmode::load_private_key_file(argv[5]));

  net::io_context io(1);
  tcp::acceptor acceptor(io,
                         {net::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[1]))});
  std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
  net::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&io](auto, auto) { io.stop(); });
  net::co_spawn(io, signing.accept_connections(std::move(acceptor)), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  io.run();
} catch (const std::exception& e) {
  std::cerr << "signing_service: " << e.what() << '\n';
  return 1;
}
