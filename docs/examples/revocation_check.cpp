// SPDX-License-Identifier: BSL-1.0
// A server that demands a certificate of its clients and asks a status service, in the middle of the
// handshake, whether it has been revoked. The handshake waits; all other connections go on. No answer is a
// refusal.
//
//   revocation_check PORT CERTIFICATE KEY CA REVOKED      (PEM files; listens on 127.0.0.1)
//
// REVOKED is a file with a serial number in each line, which may change at any time. The service that knows
// it is in revocation_check/status_service.cpp; here it runs in the same program, behind a socket of its own.
#include "revocation_check/status_service.hpp"

#include <tlsmode/asio/hooks.hpp>
#include <tlsmode/asio/stream.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/write.hpp>

#include <openssl/x509_vfy.h>

#include <cstdlib>
#include <iostream>

namespace net = boost::asio;
using tcp = net::ip::tcp;

constexpr auto as_result = net::as_tuple(net::use_awaitable); // error codes instead of exceptions

// OpenSSL has judged the chain before this is asked. What it does not trust is refused whatever is said here.
net::awaitable<tlsmode::verify_answer> check(tlsmode::peer_certificates peer, tcp::endpoint service) {
  if (!peer.trusted || peer.chain.empty()) co_return tlsmode::verify_answer::reject(peer.error);
  const std::string serial = serial_of(peer.chain.front().get());
  const std::string status = co_await ask_status(service, serial);
  std::clog << serial + " is " + status + "\n";
  if (status == "good") co_return tlsmode::verify_answer::accept();
  co_return tlsmode::verify_answer::reject(X509_V_ERR_CERT_REVOKED);
}

tlsmode::context make_context(char** files, tcp::endpoint service) {
  auto context = tlsmode::context::server();
  if (auto ec = context.use_certificate_chain_file(files[0])) throw std::system_error(ec, files[0]);
  if (auto ec = context.use_private_key_file(files[1])) throw std::system_error(ec, files[1]);
  if (auto ec = context.require_client_certificate(std::string(files[2])))
    throw std::system_error(ec, files[2]);
  tlsmode::async_hooks hooks;
  hooks.set_time_limit(std::chrono::seconds(5));
  hooks.on_verify([service](tlsmode::peer_certificates peer) { return check(std::move(peer), service); });
  if (auto ec = set_hooks(context, std::move(hooks))) throw std::system_error(ec, "hooks");
  return context;
}

net::awaitable<void> session(tcp::socket socket, const tlsmode::context& context) {
  tlsmode::stream<tcp::socket> tls(std::move(socket), context);
  tls.expires_after(std::chrono::seconds(30));
  if (auto [ec] = co_await tls.async_handshake(tls.server, as_result); ec) {
    std::cerr << tls.last_failure().to_string() << '\n';
    co_return;
  }
  co_await net::async_write(tls, net::buffer("welcome\n", 8), as_result);
  co_await tls.async_shutdown(tlsmode::shutdown_form::send_only, as_result);
}

net::awaitable<void> accept_connections(tcp::acceptor acceptor, const tlsmode::context& context) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(net::use_awaitable);
    net::co_spawn(acceptor.get_executor(), session(std::move(socket), context), net::detached);
  }
}

int main(int argc, char** argv) try {
  if (argc != 6) throw std::invalid_argument("usage: revocation_check PORT CERTIFICATE KEY CA REVOKED");
  net::io_context io(1); // one thread: a job that waits goes on where it began
  tcp::acceptor status(io, {net::ip::address_v4::loopback(), 0});
  const auto context = make_context(argv + 2, status.local_endpoint());
  const auto port = static_cast<net::ip::port_type>(std::atoi(argv[1]));
  tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), port});
  std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

  net::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&io](auto, auto) { io.stop(); });
  const auto rethrow = [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  };
  net::co_spawn(io, serve_status(std::move(status), argv[5]), rethrow);
  net::co_spawn(io, accept_connections(std::move(acceptor), context), rethrow);
  io.run();
} catch (const std::exception& e) {
  std::cerr << "revocation_check: " << e.what() << '\n';
  return 1;
}
