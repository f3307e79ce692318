// SPDX-License-Identifier: BSL-1.0
// An echo server and its client, both with callbacks and classes that keep themselves alive. It was written
// for boost::asio::ssl::stream; only the alias below tells which stream it is built with.
#include TLS_STREAM_HEADER
template <class NextLayer>
using tls_stream = TLS_STREAM<NextLayer>;

#include "program.hpp"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace ssl = boost::asio::ssl;
using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr int connections = 3;

// ---- server ----

class session : public std::enable_shared_from_this<session> {
 public:
  session(tls_stream<tcp::socket> socket, std::function<void()> ended)
      : socket_(std::move(socket)), ended_(std::move(ended)) {}
  ~session() { ended_(); }

  void start() {
    auto self(shared_from_this());
    socket_.async_handshake(boost::asio::ssl::stream_base::server, [this, self](const error_code& error) {
      say("handshake", text(error));
      if (!error) do_read();
    });
  }

 private:
  void do_read() {
    auto self(shared_from_this());
    socket_.async_read_some(
        boost::asio::buffer(data_), [this, self](const error_code& ec, std::size_t length) {
          if (!ec) return do_write(length);
          say("read", text(ec));
          say("echoed", std::to_string(total_));
          if (ec == boost::asio::error::eof)
            socket_.async_shutdown([self](const error_code& e) { say("shutdown", text(e)); });
        });
  }
  void do_write(std::size_t length) {
    auto self(shared_from_this());
    boost::asio::async_write(socket_, boost::asio::buffer(data_, length),
                             [this, self](const error_code& ec, std::size_t n) {
                               total_ += n;
                               if (!ec) return do_read();
                               say("write", text(ec));
                             });
  }

  tls_stream<tcp::socket> socket_;
  std::function<void()> ended_;
  std::size_t total_ = 0;
  std::array<char, 4096> data_{};
};

class server {
 public:
  server(boost::asio::io_context& io_context, const arguments& args)
      : acceptor_(io_context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
        context_(ssl::context::sslv23) {
    context_.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                         ssl::context::single_dh_use);
    context_.set_password_callback([](std::size_t, ssl::context::password_purpose) { return "test"; });
    context_.use_certificate_chain_file(args.certificate);
    context_.use_private_key_file(args.key, ssl::context::pem);
    say("port", std::to_string(acceptor_.local_endpoint().port()));
    do_accept();
  }

 private:
  void do_accept() {
    if (left_-- == 0) return;
    acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
      if (error) return say("accept", text(error));
      std::make_shared<session>(tls_stream<tcp::socket>(std::move(socket), context_), [this] {
        do_accept();
      })->start();
    });
  }

  tcp::acceptor acceptor_;
  ssl::context context_;
  int left_ = connections;
};

// ---- client ----

class client {
 public:
  enum class ending { polite, abrupt };

  client(boost::asio::io_context& io_context, ssl::context& context, const std::string& host,
         const tcp::resolver::results_type& endpoints, ending end)
      : socket_(io_context, context), end_(end) {
    socket_.set_verify_mode(boost::asio::ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    socket_.set_verify_depth(4);
    socket_.set_verify_callback(
        std::bind(&client::verify_certificate, this, host, std::placeholders::_1, std::placeholders::_2));
    SSL_set_tlsext_host_name(socket_.native_handle(), host.c_str());
    boost::asio::async_connect(socket_.lowest_layer(), endpoints,
                               [this](const error_code& error, const tcp::endpoint&) {
                                 if (error) return say("connect", text(error));
                                 socket_.lowest_layer().set_option(tcp::no_delay(true));
                                 handshake();
                               });
  }

 private:
  bool verify_certificate(const std::string& host, bool preverified, ssl::verify_context& ctx) {
    std::array<char, 256> subject{};
    X509* cert = X509_STORE_CTX_get_current_cert(ctx.native_handle());
    X509_NAME_oneline(X509_get_subject_name(cert), subject.data(), static_cast<int>(subject.size()));
    say("verifying", subject.data());
    say(preverified ? "preverified" : "not preverified");
    return ssl::host_name_verification(host)(preverified, ctx);
  }

  void handshake() {
    socket_.async_handshake(decltype(socket_)::client, [this](const error_code& error) {
      say("handshake", text(error));
      if (error) return;
      say("version", SSL_get_version(socket_.native_handle()));
      send();
    });
  }

  void send() {
    if (sizes_.empty()) return finish();
    request_ = made_up(sizes_.back(), static_cast<std::uint32_t>(sizes_.size()));
    reply_.assign(request_.size(), '\0');
    sizes_.pop_back();
    waiting_ = 2;
    // Both ways at once: the server echoes before it has read everything.
    boost::asio::async_write(socket_, boost::asio::buffer(request_),
                             std::bind(&client::transferred, this, std::placeholders::_1));
    boost::asio::async_read(socket_, boost::asio::buffer(reply_),
                            std::bind(&client::transferred, this, std::placeholders::_1));
  }
  void transferred(const error_code& error) {
    if (error) say("transfer", text(error));
    if (--waiting_ != 0) return;
    say(reply_ == request_ ? "same" : "different", brief(reply_));
    send();
  }

  void finish() {
    if (end_ == ending::abrupt) return socket_.lowest_layer().close();
    socket_.async_shutdown([this](const error_code& error) {
      say("shutdown", text(error));
      error_code ignored;
      socket_.next_layer().close(ignored);
    });
  }

  tls_stream<tcp::socket> socket_;
  ending end_;
  std::vector<std::size_t> sizes_{1, 100'000, 16'384, 16'385, 5};
  std::string request_, reply_;
  int waiting_ = 0;
};

void run_server(const arguments& args) {
  boost::asio::io_context io_context;
  server s(io_context, args);
  io_context.run();
}

void run_client(const arguments& args) {
  const auto once = [&](const std::string& host, client::ending end) {
    boost::asio::io_context io_context;
    tcp::resolver resolver(io_context);
    auto endpoints = resolver.resolve("127.0.0.1", std::to_string(args.port));
    ssl::context ctx(ssl::context::sslv23);
    ctx.load_verify_file(args.authority);
    client c(io_context, ctx, host, endpoints, end);
    io_context.run();
  };
  once("localhost", client::ending::polite);
  once("elsewhere.example", client::ending::polite);
  once("localhost", client::ending::abrupt);
}

} // namespace

int main(int argc, char** argv) { return run_program(argc, argv, run_server, run_client); }
