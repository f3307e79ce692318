// SPDX-License-Identifier: BSL-1.0
// Connect, handshake, request, response, shutdown; each step with its own words when it fails.
#include "fetch.hpp"

#include <tlsmode/asio/stream.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <exception>
#include <memory>
#include <optional>

namespace https_client {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using tcp = net::ip::tcp;
using error_code = boost::system::error_code;
using clock = std::chrono::steady_clock;
constexpr auto as_result = net::as_tuple(net::use_awaitable);
constexpr std::size_t piece_size = 128 * 1024;

class transfer {
public:
  transfer(net::any_io_executor executor, const tlsmode::context& context, url from, body_sink sink,
           std::chrono::milliseconds patience)
      : tls_(executor, context), from_(std::move(from)), sink_(std::move(sink)), patience_(patience) {
    progress("connecting");
  }

  net::awaitable<reply> run() {
    co_await connect();
    co_await handshake();
    co_await send_request();
    co_await read_header();
    co_await read_body();
    // The response is complete, so a peer that does not care for our close_notify is no failure.
    co_await tls_.async_shutdown(tlsmode::shutdown_form::send_only, as_result);
    co_return std::move(reply_);
  }

  /// Returns when nothing has happened for too long.
  net::awaitable<void> watch() {
    net::steady_timer timer(co_await net::this_coro::executor);
    while (clock::now() < deadline_) {
      timer.expires_at(deadline_);
      co_await timer.async_wait(net::use_awaitable);
    }
  }

  [[nodiscard]] std::string where() const { return step_; }

private:
  void progress(const char* step) {
    step_ = step;
    deadline_ = clock::now() + patience_;
  }

  [[noreturn]] void fail(const error_code& ec) const {
    const auto& failure = tls_.last_failure();
    throw fetch_error(step_ + ": " + (failure.code ? failure.to_string() : ec.message()));
  }

  net::awaitable<void> connect() {
    error_code bad_name;
    tls_.set_host(from_.host, bad_name); // SNI for names; names and addresses are checked in the certificate
    if (bad_name) throw fetch_error("'" + from_.host + "': " + bad_name.message());
    tcp::resolver resolver(tls_.get_executor());
    const auto [unknown, addresses] = co_await resolver.async_resolve(from_.host, from_.port, as_result);
    if (unknown) throw fetch_error("cannot resolve '" + from_.host + "': " + unknown.message());
    const auto [refused, address] = co_await net::async_connect(tls_.next_layer(), addresses, as_result);
    if (refused) throw fetch_error("cannot connect to " + from_.authority + ": " + refused.message());
    error_code ignored;
    tls_.next_layer().set_option(tcp::no_delay(true), ignored);
  }

  net::awaitable<void> handshake() {
    progress("TLS handshake");
    const auto [ec] = co_await tls_.async_handshake(tls_.client, as_result);
    if (ec) fail(ec);
    reply_.tls_version = tls_.protocol();
    reply_.cipher = tls_.cipher();
  }

  net::awaitable<void> send_request() {
    progress("sending the request");
    http::request<http::empty_body> request(http::verb::get, from_.target, 11);
    request.set(http::field::host, from_.authority);
    request.set(http::field::user_agent, "tlsmode-example");
    request.set(http::field::accept, "*/*");
    request.keep_alive(false);
    const auto [ec, n] = co_await http::async_write(tls_, request, as_result);
    if (ec) fail(ec);
  }

  net::awaitable<void> read_header() {
    do { // 1xx responses announce the real one
      progress("waiting for the response");
      parser_.emplace();
      parser_->body_limit(boost::none);
      const auto [ec, n] = co_await http::async_read_header(tls_, buffer_, *parser_, as_result);
      if (ec == http::error::end_of_stream) throw fetch_error("the server closed the connection without a response");
      if (ec) fail(ec);
    } while (parser_->get().result_int() < 200);
    const auto& header = parser_->get();
    reply_.status = header.result_int();
    reply_.reason = header.reason();
    reply_.http_version = header.version() == 11 ? "HTTP/1.1" : "HTTP/1.0";
    reply_.content_type = header[http::field::content_type];
  }

  net::awaitable<void> read_body() {
    const auto piece = std::make_unique_for_overwrite<char[]>(piece_size);
    buffer_.reserve(64 * 1024); // Beast reads as much as fits
    while (!parser_->is_done()) {
      progress("reading the body");
      auto& body = parser_->get().body();
      body.data = piece.get();
      body.size = piece_size;
      const auto [ec, n] = co_await http::async_read(tls_, buffer_, *parser_, as_result);
      const std::size_t got = piece_size - body.size;
      reply_.body_size += got;
      if (got != 0) sink_({piece.get(), got});
      if (ec == http::error::need_buffer || !ec) continue; // the piece is full, or this was the last one
      if (ec == http::error::partial_message || ec == net::ssl::error::stream_truncated)
        throw fetch_error("the body is truncated: the connection ended after " + std::to_string(reply_.body_size) +
                          " bytes");
      fail(ec);
    }
  }

  tlsmode::stream<tcp::socket> tls_;
  url from_;
  body_sink sink_;
  std::chrono::milliseconds patience_;
  clock::time_point deadline_;
  std::string step_;
  boost::beast::flat_buffer buffer_{256 * 1024};
  std::optional<http::response_parser<http::buffer_body>> parser_;
  reply reply_;
};

// The operator || below waits for a success, so a failure is carried as a value.
struct outcome {
  reply good;
  std::exception_ptr bad;
};

net::awaitable<outcome> outcome_of(transfer& t) {
  outcome result;
  try {
    result.good = co_await t.run();
  } catch (...) {
    result.bad = std::current_exception();
  }
  co_return result;
}

} // namespace

net::awaitable<reply> fetch(const tlsmode::context& context, url from, body_sink sink,
                            std::chrono::milliseconds patience) {
  using namespace net::experimental::awaitable_operators;
  transfer t(co_await net::this_coro::executor, context, std::move(from), std::move(sink), patience);
  auto first = co_await (outcome_of(t) || t.watch()); // the other one is cancelled
  if (first.index() == 1) throw fetch_error(t.where() + ": timed out");
  auto& result = std::get<0>(first);
  if (result.bad) std::rethrow_exception(result.bad);
  co_return std::move(result.good);
}

} // namespace https_client
