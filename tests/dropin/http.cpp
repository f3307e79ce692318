// SPDX-License-Identifier: BSL-1.0
// An HTTP server and client of Beast over its tcp_stream, with time limits. Written for
// boost::asio::ssl::stream; only the alias below tells which stream it is built with.
#include TLS_STREAM_HEADER
template <class NextLayer>
using tls_stream = TLS_STREAM<NextLayer>;

#include "program.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

namespace net = boost::asio;
namespace ssl = boost::asio::ssl;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = net::ip::tcp;
using namespace std::chrono_literals;

constexpr auto limit = 20s;

// ---- server ----

class http_session : public std::enable_shared_from_this<http_session> {
 public:
  http_session(tcp::socket&& socket, ssl::context& ctx, std::function<void()> ended)
      : stream_(std::move(socket), ctx), ended_(std::move(ended)) {}
  ~http_session() { ended_(); }

  void run() {
    net::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->handshake(); });
  }

 private:
  void handshake() {
    beast::get_lowest_layer(stream_).expires_after(limit);
    stream_.async_handshake(ssl::stream_base::server,
                            beast::bind_front_handler(&http_session::on_handshake, shared_from_this()));
  }
  void on_handshake(beast::error_code ec) {
    say("handshake", text(ec));
    if (!ec) read();
  }

  void read() {
    parser_.emplace();
    parser_->body_limit(10'000'000);
    beast::get_lowest_layer(stream_).expires_after(limit);
    http::async_read(stream_, buffer_, *parser_,
                     beast::bind_front_handler(&http_session::on_read, shared_from_this()));
  }
  void on_read(beast::error_code ec, std::size_t) {
    if (ec == http::error::end_of_stream) return close();
    if (ec) return say("read", text(ec));
    const auto& request = parser_->get();
    say(std::string(request.method_string()) + ' ' + std::string(request.target()), brief(request.body()));
    if (request.target() == "/silence") {
      // Says nothing, and waits for the client to lose its patience.
      beast::get_lowest_layer(stream_).expires_after(limit);
      http::async_read(stream_, buffer_, again_,
                       [self = shared_from_this()](beast::error_code e, std::size_t) {
                         say(e ? "the client has gone" : "the client goes on");
                       });
      return;
    }
    answer_ = {http::status::ok, request.version()};
    answer_.set(http::field::server, "drop-in");
    answer_.set(http::field::content_type, "text/plain");
    answer_.keep_alive(request.keep_alive());
    answer_.body() = request.method() == http::verb::post ? request.body() : made_up(300'000, 5);
    if (request.target() == "/chunked")
      answer_.chunked(true);
    else
      answer_.prepare_payload();
    serializer_.emplace(answer_);
    beast::get_lowest_layer(stream_).expires_after(limit);
    http::async_write(
        stream_, *serializer_,
        beast::bind_front_handler(&http_session::on_write, shared_from_this(), answer_.need_eof()));
  }
  void on_write(bool close_now, beast::error_code ec, std::size_t n) {
    say("answered", std::to_string(n));
    if (ec) return say("write", text(ec));
    if (close_now) return close();
    read();
  }

  void close() {
    beast::get_lowest_layer(stream_).expires_after(limit);
    stream_.async_shutdown([self = shared_from_this()](beast::error_code ec) { say("shutdown", text(ec)); });
  }

  tls_stream<beast::tcp_stream> stream_;
  std::function<void()> ended_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::request<http::string_body> again_;
  http::response<http::string_body> answer_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

void run_server(const arguments& args) {
  net::io_context ioc;
  ssl::context ctx{ssl::context::tlsv12};
  ctx.use_certificate_chain_file(args.certificate);
  ctx.use_private_key_file(args.key, ssl::context::pem);
  tcp::acceptor acceptor(ioc, {net::ip::address_v4::loopback(), 0});
  say("port", std::to_string(acceptor.local_endpoint().port()));
  int left = 2;
  std::function<void()> accept = [&] {
    if (left-- == 0) return;
    acceptor.async_accept(net::make_strand(ioc), [&](beast::error_code ec, tcp::socket socket) {
      if (ec) return say("accept", text(ec));
      std::make_shared<http_session>(std::move(socket), ctx, accept)->run();
    });
  };
  accept();
  ioc.run();
}

// ---- client ----

class http_client : public std::enable_shared_from_this<http_client> {
 public:
  http_client(net::io_context& ioc, ssl::context& ctx, std::vector<http::request<http::string_body>> requests)
      : stream_(net::make_strand(ioc), ctx), requests_(std::move(requests)) {}

  void run(unsigned short port) {
    stream_.set_verify_callback(ssl::host_name_verification("localhost"));
    beast::get_lowest_layer(stream_).expires_after(limit);
    beast::get_lowest_layer(stream_).async_connect(
        tcp::endpoint(net::ip::address_v4::loopback(), port),
        [self = shared_from_this()](beast::error_code ec) {
          if (ec) return say("connect", text(ec));
          self->stream_.async_handshake(ssl::stream_base::client,
                                        beast::bind_front_handler(&http_client::on_handshake, self));
        });
  }

 private:
  void on_handshake(beast::error_code ec) {
    say("handshake", text(ec));
    stream_.lowest_layer().set_option(tcp::no_delay(true));
    if (!ec) write();
  }
  void write() {
    if (next_ == requests_.size()) return close();
    const bool silence = requests_[next_].target() == "/silence";
    beast::get_lowest_layer(stream_).expires_after(silence ? 300ms : std::chrono::milliseconds(limit));
    http::async_write(stream_, requests_[next_++],
                      beast::bind_front_handler(&http_client::on_write, shared_from_this()));
  }
  void on_write(beast::error_code ec, std::size_t n) {
    say("asked", std::to_string(n));
    if (ec) return say("write", text(ec));
    response_ = {};
    http::async_read(stream_, buffer_, response_,
                     beast::bind_front_handler(&http_client::on_read, shared_from_this()));
  }
  void on_read(beast::error_code ec, std::size_t n) {
    say("read", text(ec));
    if (ec) return;
    say(response_[http::field::server], std::to_string(response_.result_int()));
    say(response_.chunked() ? "in chunks" : "whole", brief(response_.body()));
    say("in all", std::to_string(n));
    write();
  }
  void close() {
    beast::get_lowest_layer(stream_).expires_after(limit);
    stream_.async_shutdown([self = shared_from_this()](beast::error_code ec) { say("shutdown", text(ec)); });
  }

  tls_stream<beast::tcp_stream> stream_;
  std::vector<http::request<http::string_body>> requests_;
  std::size_t next_ = 0;
  beast::flat_buffer buffer_;
  http::response<http::string_body> response_;
};

http::request<http::string_body> request(http::verb verb, const char* target, std::string body = {}) {
  http::request<http::string_body> r{verb, target, 11};
  r.set(http::field::host, "localhost");
  r.body() = std::move(body);
  r.prepare_payload();
  return r;
}

void run_client(const arguments& args) {
  ssl::context ctx{ssl::context::tls_client};
  ctx.load_verify_file(args.authority);
  ctx.set_verify_mode(ssl::verify_peer);
  const auto converse = [&](std::vector<http::request<http::string_body>> requests) {
    net::io_context ioc;
    std::make_shared<http_client>(ioc, ctx, std::move(requests))->run(args.port);
    ioc.run();
  };
  http::request<http::string_body> last = request(http::verb::get, "/");
  last.keep_alive(false);
  converse({request(http::verb::get, "/plain"), request(http::verb::get, "/chunked"),
            request(http::verb::post, "/echo", made_up(1'000'000, 9)), last});
  converse({request(http::verb::post, "/echo", made_up(10, 9)), request(http::verb::get, "/silence")});
}

} // namespace

int main(int argc, char** argv) { return run_program(argc, argv, run_server, run_client); }
