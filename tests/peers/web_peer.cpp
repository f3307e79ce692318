// SPDX-License-Identifier: BSL-1.0
// A server for programs that want the web: pages, large bodies and WebSockets of Beast over our stream, on
// 127.0.0.1. What is posted to /report is printed as it is, in one line, and so is each end of a WebSocket.
//
//   web_peer CERTIFICATE KEY [PAGE]      PAGE is the file that "/" gives
#include <tlsmode/asio/stream.hpp>
#include <tlsmode/context.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <charconv>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using tcp = net::ip::tcp;
using tls_stream = tlsmode::stream<tcp::socket>;
using request = http::request<http::string_body>;
using response = http::response<http::string_body>;

constexpr auto as_result = net::as_tuple(net::use_awaitable);
constexpr std::uint64_t largest_body = 32'000'000;

void print(const std::string& line) { std::cout << line + '\n' << std::flush; }

// Each message goes back as it came, text as text.
net::awaitable<void> serve_web_socket(tls_stream& tls, const request& upgrade) {
  websocket::stream<tls_stream&> ws(tls);
  ws.read_message_max(largest_body);
  beast::flat_buffer message;
  std::uint64_t messages = 0, bytes = 0;
  auto [ec] = co_await ws.async_accept(upgrade, as_result);
  while (!ec) {
    std::tie(ec, std::ignore) = co_await ws.async_read(message, as_result);
    if (ec) break;
    ws.text(ws.got_text());
    std::tie(ec, std::ignore) = co_await ws.async_write(message.data(), as_result);
    ++messages;
    bytes += message.size();
    message.clear();
  }
  // Browsers close the socket without close_notify after their close frame: then `ec` is stream_truncated.
  const std::string end = ws.reason().code == websocket::close_code::normal ? "closed" : ec.message();
  print("websocket " + std::to_string(messages) + " messages " + std::to_string(bytes) + " bytes " + end);
}

// Byte i of a body is the top byte of the 32-bit product (i % 65521) * 2654435761, as with https_server.
std::string download(std::uint64_t size) {
  std::string body(size, '\0');
  for (std::uint64_t i = 0; i < size; ++i)
    body[i] = static_cast<char>((static_cast<std::uint32_t>(i % 65521) * 2654435761U) >> 24U);
  return body;
}

response answer(request& asked, const std::string& page) {
  response r{http::status::ok, asked.version()};
  const std::string target(asked.target());
  constexpr std::string_view prefix = "/download/";
  r.set(http::field::content_type, "application/octet-stream");
  if (target == "/") {
    r.set(http::field::content_type, "text/html; charset=utf-8");
    r.body() = page;
  } else if (target.starts_with(prefix)) {
    std::uint64_t size = 0;
    std::from_chars(target.data() + prefix.size(), target.data() + target.size(), size);
    r.body() = download(std::min(size, largest_body));
  } else if (target == "/echo") {
    r.body() = std::move(asked.body());
  } else if (target == "/report") {
    print("report " + asked.body());
  } else {
    r.result(http::status::not_found);
  }
  r.keep_alive(asked.keep_alive());
  r.prepare_payload();
  return r;
}

net::awaitable<void> serve(tcp::socket socket, const tlsmode::context& context, const std::string& page) {
  tls_stream tls(std::move(socket), context);
  auto [ec] = co_await tls.async_handshake(tls.server, as_result);
  if (ec) {
    print("failed " + tls.last_failure().to_string());
    co_return;
  }
  print("connection " + std::string(tls.protocol()) + (tls.resumed() ? " resumed" : " new"));
  beast::flat_buffer unread;
  for (bool more = true; more;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(largest_body);
    std::tie(ec, std::ignore) = co_await http::async_read(tls, unread, parser, as_result);
    if (ec) break;
    request asked = parser.release();
    if (websocket::is_upgrade(asked)) {
      co_await serve_web_socket(tls, asked);
      co_return;
    }
    const response r = answer(asked, page);
    std::tie(ec, std::ignore) = co_await http::async_write(tls, r, as_result);
    more = !ec && r.keep_alive();
  }
  co_await tls.async_shutdown(tlsmode::shutdown_form::send_only, as_result);
}

net::awaitable<void> accept(tcp::acceptor& acceptor, const tlsmode::context& context,
                            const std::string& page) {
  for (;;) {
    auto [ec, socket] = co_await acceptor.async_accept(as_result);
    if (!ec) net::co_spawn(acceptor.get_executor(), serve(std::move(socket), context, page), net::detached);
  }
}

} // namespace

int main(int argc, char** argv) try {
  if (argc != 3 && argc != 4) throw std::invalid_argument("usage: web_peer CERTIFICATE KEY [PAGE]");
  auto context = tlsmode::context::server();
  if (auto ec = context.use_certificate_chain_file(argv[1])) throw std::system_error(ec, argv[1]);
  if (auto ec = context.use_private_key_file(argv[2])) throw std::system_error(ec, argv[2]);
  if (auto ec = context.set_alpn({"http/1.1"})) throw std::system_error(ec, "ALPN");
  std::string page;
  if (argc == 4) {
    std::ifstream in(argv[3], std::ios::binary);
    page.assign(std::istreambuf_iterator<char>(in), {});
  }
  net::io_context io(1);
  tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), 0});
  std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
  net::co_spawn(io, accept(acceptor, context, page), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  io.run();
} catch (const std::exception& e) {
  std::cerr << "web_peer: " << e.what() << '\n';
  return 1;
}
