// SPDX-License-Identifier: BSL-1.0
// A server for many names: the certificate of each is loaded from a directory when a client first asks for
// it, on another thread, while the connection waits and all others go on.
//
//   sni_certificates PORT DIRECTORY      (NAME.pem and NAME.key for each name; listens on 127.0.0.1)
#include <tlsmode/asio/hooks.hpp>
#include <tlsmode/asio/stream.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>

namespace net = boost::asio;
using tcp = net::ip::tcp;
using tenant = std::shared_ptr<const tlsmode::context>; // null: there is none

constexpr auto as_result = net::as_tuple(net::use_awaitable); // error codes instead of exceptions

// What the server knows of its names. Used on the thread of the connections only.
class tenants {
 public:
  explicit tenants(std::filesystem::path directory) : directory_(std::move(directory)) {}

  net::awaitable<tenant> find(std::string name) {
    if (name.empty()) co_return nullptr;
    if (const auto known = loaded_.find(name); known != loaded_.end()) co_return known->second;
    tenant t = co_await net::co_spawn(disk_, load(directory_, name), net::use_awaitable);
    if (loaded_.size() >= most) loaded_.clear(); // connections keep what they use
    if (t) loaded_[name] = t;
    co_return t;
  }

 private:
  // Each name has a context of its own, so that no session of one is taken by another.
  static net::awaitable<tenant> load(std::filesystem::path directory, std::string name) {
    const std::string file = directory / name;
    if (!std::filesystem::exists(file + ".pem")) co_return nullptr;
    auto context = std::make_shared<tlsmode::context>(tlsmode::context::server());
    auto ec = context->use_certificate_chain_file(file + ".pem");
    if (!ec) ec = context->use_private_key_file(file + ".key");
    if (ec) {
      std::cerr << file + ": " + ec.message() + "\n";
      throw std::system_error(ec);
    }
    std::clog << "loaded " + name + "\n";
    co_return context;
  }

  static constexpr std::size_t most = 1000;
  std::filesystem::path directory_;
  std::map<std::string, tenant> loaded_;
  net::thread_pool disk_{1};
};

// The name has come from the network, but it is a host name in lower case or empty: no path.
tlsmode::context make_context(tenants& known) {
  auto context = tlsmode::context::server();
  tlsmode::async_hooks hooks;
  hooks.on_client_hello(
      [&known](tlsmode::client_hello hello) -> net::awaitable<tlsmode::client_hello_answer> {
        const tenant t = co_await known.find(hello.server_name);
        if (!t) co_return tlsmode::client_hello_answer::refuse(tlsmode::alert::unrecognized_name);
        co_return tlsmode::client_hello_answer::use(*t);
      });
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
  co_await net::async_write(tls, net::buffer("hello\n", 6), as_result);
  co_await tls.async_shutdown(tlsmode::shutdown_form::send_only, as_result);
}

net::awaitable<void> accept_connections(tcp::acceptor acceptor, const tlsmode::context& context) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(net::use_awaitable);
    net::co_spawn(acceptor.get_executor(), session(std::move(socket), context), net::detached);
  }
}

int main(int argc, char** argv) try {
  if (argc != 3) throw std::invalid_argument("usage: sni_certificates PORT DIRECTORY");
  if (!std::filesystem::is_directory(argv[2]))
    throw std::invalid_argument(argv[2] + std::string(": no directory"));
  net::io_context io(1); // before the threads that load: they come back to it
  tenants known(argv[2]);
  const auto context = make_context(known);
  const auto port = static_cast<net::ip::port_type>(std::atoi(argv[1]));
  tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), port});
  std::cout << "listening on " << acceptor.local_endpoint() << std::endl;

  net::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&io](auto, auto) { io.stop(); });
  net::co_spawn(io, accept_connections(std::move(acceptor), context), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  io.run();
} catch (const std::exception& e) {
  std::cerr << "sni_certificates: " << e.what() << '\n';
  return 1;
}
