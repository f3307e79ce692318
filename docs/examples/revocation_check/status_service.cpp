// SPDX-License-Identifier: BSL-1.0
// The status service and its client.
#include "status_service.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>

#include <fstream>
#include <memory>
#include <new>

namespace net = boost::asio;
using tcp = net::ip::tcp;

namespace {

constexpr std::size_t longest_line = 100;

// A line without its end.
net::awaitable<std::string> read_line(tcp::socket& socket) {
  std::string line;
  const std::size_t n = co_await net::async_read_until(socket, net::dynamic_buffer(line, longest_line), '\n',
                                                       net::use_awaitable);
  line.resize(n - 1);
  co_return line;
}

std::string status_of(const std::string& serial, const std::string& revoked) {
  std::ifstream list(revoked);
  if (!list) return "unknown";
  for (std::string line; std::getline(list, line);)
    if (line == serial) return "revoked";
  return "good";
}

net::awaitable<void> answer(tcp::socket socket, std::string revoked) {
  const std::string serial = co_await read_line(socket);
  const std::string line = status_of(serial, revoked) + '\n';
  co_await net::async_write(socket, net::buffer(line), net::use_awaitable);
}

} // namespace

std::string serial_of(const X509* certificate) {
  const std::unique_ptr<BIGNUM, decltype([](BIGNUM* n) { BN_free(n); })> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  const std::unique_ptr<char, decltype([](char* p) { OPENSSL_free(p); })> text(
      number ? BN_bn2hex(number.get()) : nullptr);
  if (!text) throw std::bad_alloc();
  return text.get();
}

net::awaitable<std::string> ask_status(tcp::endpoint service, std::string serial) {
  tcp::socket socket(co_await net::this_coro::executor);
  co_await socket.async_connect(service, net::use_awaitable);
  serial += '\n';
  co_await net::async_write(socket, net::buffer(serial), net::use_awaitable);
  co_return co_await read_line(socket);
}

net::awaitable<void> serve_status(tcp::acceptor acceptor, std::string revoked) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(net::use_awaitable);
    net::co_spawn(acceptor.get_executor(), answer(std::move(socket), revoked), net::detached);
  }
}
