// SPDX-License-Identifier: BSL-1.0
// A WebSocket server and client of Beast that do not block, over its tcp_stream and over a plain socket.
// Written for boost::asio::ssl::stream; only the alias below, and the header before it, tell which stream it
// is built with.
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

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace net = boost::asio;
namespace ssl = boost::asio::ssl;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using tcp = net::ip::tcp;

template <class NextLayer>
using socket_type = websocket::stream<tls_stream<NextLayer>>;

template <class NextLayer>
void set_options(socket_type<NextLayer>& ws, beast::role_type role) {
  ws.set_option(websocket::stream_base::timeout::suggested(role));
  websocket::permessage_deflate deflate;
  deflate.client_enable = deflate.server_enable = std::is_same_v<NextLayer, beast::tcp_stream>;
  ws.set_option(deflate);
}

// ---- server: sends back what it gets ----

template <class NextLayer>
class session : public std::enable_shared_from_this<session<NextLayer>> {
 public:
  session(tcp::socket&& socket, ssl::context& ctx, std::function<void()> ended)
      : ws_(std::move(socket), ctx), ended_(std::move(ended)) {}
  ~session() { ended_(); }

  void run() {
    ws_.next_layer().async_handshake(
        ssl::stream_base::server,
        beast::bind_front_handler(&session::on_handshake, this->shared_from_this()));
  }

 private:
  void on_handshake(beast::error_code ec) {
    if (ec) return say("handshake", text(ec));
    set_options(ws_, beast::role_type::server);
    ws_.control_callback([](websocket::frame_type kind, beast::string_view payload) {
      if (kind == websocket::frame_type::ping) say("ping", payload);
      if (kind == websocket::frame_type::close) say("close", payload);
    });
    ws_.async_accept(beast::bind_front_handler(&session::on_accept, this->shared_from_this()));
  }
  void on_accept(beast::error_code ec) {
    say("accept", text(ec));
    if (!ec) read();
  }
  void read() {
    ws_.async_read(buffer_, beast::bind_front_handler(&session::on_read, this->shared_from_this()));
  }
  void on_read(beast::error_code ec, std::size_t) {
    if (ec) {
      say("read", text(ec));
      if (ec == websocket::error::closed) say("reason", std::string(ws_.reason().reason.c_str()));
      return;
    }
    say(ws_.got_text() ? "text" : "binary", brief(beast::buffers_to_string(buffer_.data())));
    ws_.text(ws_.got_text());
    ws_.async_write(buffer_.data(), beast::bind_front_handler(&session::on_write, this->shared_from_this()));
  }
  void on_write(beast::error_code ec, std::size_t) {
    if (ec) return say("write", text(ec));
    buffer_.consume(buffer_.size());
    read();
  }

  socket_type<NextLayer> ws_;
  std::function<void()> ended_;
  beast::flat_buffer buffer_;
};

void run_server(const arguments& args) {
  net::io_context ioc;
  ssl::context ctx{ssl::context::tls_server};
  ctx.use_certificate_chain_file(args.certificate);
  ctx.use_private_key_file(args.key, ssl::context::pem);
  tcp::acceptor acceptor(ioc, {net::ip::address_v4::loopback(), 0});
  say("port", std::to_string(acceptor.local_endpoint().port()));
  int made = 0;
  std::function<void()> accept = [&] {
    if (made == 4) return;
    acceptor.async_accept([&](beast::error_code ec, tcp::socket socket) {
      if (ec) return say("accept", text(ec));
      if (++made % 2 == 1)
        std::make_shared<session<beast::tcp_stream>>(std::move(socket), ctx, accept)->run();
      else
        std::make_shared<session<tcp::socket>>(std::move(socket), ctx, accept)->run();
    });
  };
  accept();
  ioc.run();
}

// ---- client ----

template <class NextLayer>
class client : public std::enable_shared_from_this<client<NextLayer>> {
 public:
  client(net::io_context& ioc, ssl::context& ctx, bool abrupt) : ws_(ioc, ctx), abrupt_(abrupt) {}

  void run(unsigned short port) {
    ws_.next_layer().set_verify_callback(ssl::host_name_verification("localhost"));
    beast::get_lowest_layer(ws_).async_connect(
        tcp::endpoint(net::ip::address_v4::loopback(), port),
        beast::bind_front_handler(&client::on_connect, this->shared_from_this()));
  }

 private:
  void on_connect(beast::error_code ec) {
    if (ec) return say("connect", text(ec));
    ws_.next_layer().async_handshake(ssl::stream_base::client,
                                     beast::bind_front_handler(&client::on_tls, this->shared_from_this()));
  }
  void on_tls(beast::error_code ec) {
    if (ec) return say("tls", text(ec));
    set_options(ws_, beast::role_type::client);
    ws_.async_handshake("localhost", "/chat",
                        beast::bind_front_handler(&client::on_open, this->shared_from_this()));
  }
  void on_open(beast::error_code ec) {
    say("open", text(ec));
    if (ec) return;
    ws_.control_callback([](websocket::frame_type kind, beast::string_view payload) {
      if (kind == websocket::frame_type::pong) say("pong", payload);
    });
    ws_.write_buffer_bytes(4096);
    ws_.async_ping("are you there?", beast::bind_front_handler(&client::on_ping, this->shared_from_this()));
  }
  void on_ping(beast::error_code ec) {
    say("pinged", text(ec));
    send();
  }
  void send() {
    if (next_ == sizes_.size()) return end();
    ws_.auto_fragment(next_ % 2 == 0);
    ws_.binary(next_ % 2 == 1);
    message_ = made_up(sizes_[next_], static_cast<std::uint32_t>(next_));
    ++next_;
    ws_.async_write(net::buffer(message_),
                    beast::bind_front_handler(&client::on_write, this->shared_from_this()));
  }
  void on_write(beast::error_code ec, std::size_t n) {
    if (ec) return say("write", text(ec));
    say("wrote", std::to_string(n));
    ws_.async_read(buffer_, beast::bind_front_handler(&client::on_read, this->shared_from_this()));
  }
  void on_read(beast::error_code ec, std::size_t n) {
    if (ec) return say("read", text(ec));
    say(beast::buffers_to_string(buffer_.data()) == message_ ? "same" : "different", std::to_string(n));
    buffer_.consume(n);
    send();
  }
  void end() {
    if (abrupt_) return beast::close_socket(beast::get_lowest_layer(ws_));
    ws_.async_close({websocket::close_code::going_away, "enough"},
                    [self = this->shared_from_this()](beast::error_code ec) {
                      say("close", text(ec));
                      say("open afterwards", self->ws_.is_open() ? "yes" : "no");
                    });
  }

  socket_type<NextLayer> ws_;
  bool abrupt_;
  std::vector<std::size_t> sizes_{0, 5, 100, 16'384, 100'000, 250'000};
  std::size_t next_ = 0;
  std::string message_;
  beast::flat_buffer buffer_;
};

template <class NextLayer>
void converse(ssl::context& ctx, unsigned short port, bool abrupt) {
  net::io_context ioc;
  std::make_shared<client<NextLayer>>(ioc, ctx, abrupt)->run(port);
  ioc.run();
}

void run_client(const arguments& args) {
  ssl::context ctx{ssl::context::tls_client};
  ctx.load_verify_file(args.authority);
  ctx.set_verify_mode(ssl::verify_peer);
  for (const bool abrupt : {false, true}) {
    converse<beast::tcp_stream>(ctx, args.port, abrupt);
    converse<tcp::socket>(ctx, args.port, abrupt);
  }
}

} // namespace

int main(int argc, char** argv) { return run_program(argc, argv, run_server, run_client); }
