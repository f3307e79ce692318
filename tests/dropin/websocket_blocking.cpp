// SPDX-License-Identifier: BSL-1.0
// A WebSocket server and client of Beast that block, over its tcp_stream and over a plain socket. Written for
// boost::asio::ssl::stream; only the alias below, and the header before it, tell which stream it is built
// with.
#include TLS_STREAM_HEADER
template <class NextLayer>
using tls_stream = TLS_STREAM<NextLayer>;

#include "program.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include <string>

namespace {

namespace net = boost::asio;
namespace ssl = boost::asio::ssl;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using tcp = net::ip::tcp;

template <class NextLayer>
void answer(websocket::stream<tls_stream<NextLayer>> ws) {
  try {
    ws.next_layer().handshake(ssl::stream_base::server);
    ws.set_option(websocket::stream_base::decorator(
        [](websocket::response_type& response) { response.set(beast::http::field::server, "drop-in"); }));
    ws.accept();
    for (;;) {
      beast::flat_buffer buffer;
      ws.read(buffer);
      const std::string message = beast::buffers_to_string(buffer.data());
      say("got", brief(message));
      if (message == "close yourself") {
        ws.close(websocket::close_code::normal);
        return say("closed");
      }
      ws.text(ws.got_text());
      ws.write(buffer.data());
    }
  } catch (const beast::system_error& e) {
    say("ended:", text(e.code()));
  }
}

void run_server(const arguments& args) {
  net::io_context ioc;
  ssl::context ctx{ssl::context::tls_server};
  ctx.use_certificate_chain_file(args.certificate);
  ctx.use_private_key_file(args.key, ssl::context::pem);
  tcp::acceptor acceptor(ioc, {net::ip::address_v4::loopback(), 0});
  say("port", std::to_string(acceptor.local_endpoint().port()));
  for (int i = 0; i < 6; ++i) {
    tcp::socket socket = acceptor.accept();
    if (i % 2 == 0)
      answer(websocket::stream<tls_stream<beast::tcp_stream>>(std::move(socket), ctx));
    else
      answer(websocket::stream<tls_stream<tcp::socket>>(std::move(socket), ctx));
  }
}

enum class ending { ours, theirs, abrupt };

template <class NextLayer>
void converse(ssl::context& ctx, unsigned short port, ending end) {
  net::io_context ioc;
  websocket::stream<tls_stream<NextLayer>> ws(ioc, ctx);
  try {
    ws.next_layer().set_verify_callback(ssl::host_name_verification("localhost"));
    beast::get_lowest_layer(ws).connect(tcp::endpoint(net::ip::address_v4::loopback(), port));
    ws.next_layer().handshake(ssl::stream_base::client);
    websocket::response_type response;
    ws.handshake(response, "localhost", "/");
    say("opened by", response[beast::http::field::server]);
    beast::flat_buffer buffer;
    for (const std::size_t size : {std::size_t{1}, std::size_t{20'000}, std::size_t{200'000}}) {
      const std::string message = made_up(size, 3);
      ws.write_some(false, net::buffer(message.substr(0, size / 2)));
      ws.write_some(true, net::buffer(message.substr(size / 2)));
      ws.read(buffer);
      say(beast::buffers_to_string(buffer.data()) == message ? "same" : "different", std::to_string(size));
      buffer.consume(buffer.size());
    }
    if (end == ending::abrupt) return beast::close_socket(beast::get_lowest_layer(ws));
    ws.ping("ping"); // its answer would make the abrupt end a reset
    if (end == ending::ours) {
      ws.close(websocket::close_code::normal);
      return say("closed");
    }
    ws.write(net::buffer("close yourself", 14));
    ws.read(buffer);
  } catch (const beast::system_error& e) {
    say("ended:", text(e.code()));
  }
}

void run_client(const arguments& args) {
  ssl::context ctx{ssl::context::tls_client};
  ctx.load_verify_file(args.authority);
  ctx.set_verify_mode(ssl::verify_peer);
  for (const ending end : {ending::ours, ending::theirs, ending::abrupt}) {
    converse<beast::tcp_stream>(ctx, args.port, end);
    converse<tcp::socket>(ctx, args.port, end);
  }
}

} // namespace

int main(int argc, char** argv) { return run_program(argc, argv, run_server, run_client); }
