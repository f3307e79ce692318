// SPDX-License-Identifier: BSL-1.0
// Reading requests and sending responses: the part that waits for the peer. What the answers are is in
// answers.cpp.
#include "http_session.hpp"

#include "log.hpp"
#include "responses.hpp"
#include "worker.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

namespace https_server {
namespace {

constexpr std::size_t idle_buffer = 4 * 1024; // all that a waiting connection holds
constexpr std::size_t body_buffer = 64 * 1024;
constexpr std::uint32_t header_limit = 16 * 1024;
constexpr std::uint64_t body_limit = 16 * 1024 * 1024;

http::status status_of(const error_code& ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
    return http::status::request_header_fields_too_large;
  if (ec == http::error::body_limit) return http::status::payload_too_large;
  if (ec == http::error::bad_version) return http::status::http_version_not_supported;
  return http::status::bad_request;
}

} // namespace

net::awaitable<ending> http_session::run() {
  auto what = next::another_request;
  while (what == next::another_request) {
    what = co_await wait_for_request();
    if (what == next::another_request) what = co_await serve_request();
  }
  if (what == next::close_idle) co_return ending::idle;
  co_return what == next::close ? ending::graceful : ending::abort;
}

net::awaitable<http_session::next> http_session::wait_for_request() {
  if (connection_.owner().draining()) co_return next::close_idle;
  if (buffer_.size() != 0) co_return next::another_request; // the client did not wait for the last response
  if (buffer_.capacity() > idle_buffer) buffer_.shrink_to_fit();
  connection_.expect(phase::idle, connection_.owner().settings().idle_timeout);
  const auto [ec, n] = co_await connection_.stream().async_read_some(buffer_.prepare(idle_buffer), as_result);
  if (!ec) {
    buffer_.commit(n);
    co_return next::another_request;
  }
  // Clients end a connection that has served them in many ways. Only an end by force, or one without any
  // request before it, is worth a line.
  if (connection_.expired()) {
    if (served_ == 0) connection_.report("timed out: no request");
  } else if (ec == net::ssl::error::stream_truncated) {
    if (served_ == 0) connection_.report("closed without close_notify and without a request");
  } else if (ec != net::error::eof && ec != net::error::operation_aborted) {
    connection_.report("connection lost between requests: " + connection_.reason(ec));
    co_return next::close;
  }
  co_return next::close_idle;
}

net::awaitable<http_session::next> http_session::serve_request() {
  request_parser parser;
  parser.header_limit(header_limit);
  parser.body_limit(body_limit);
  // One deadline for the whole header: a client that sends a byte now and then does not prolong it.
  connection_.expect(phase::request, connection_.owner().settings().idle_timeout);
  const auto [ec, n] = co_await http::async_read_header(connection_.stream(), buffer_, parser, as_result);
  if (ec) co_return co_await answer_broken_request(ec);

  const header& request = parser.get();
  version_ = request.version();
  head_only_ = request.method() == http::verb::head;
  // A body that nobody will read stands between this request and the next one, so there is no next one.
  const bool reads_body = request.method() == http::verb::post;
  keep_alive_ = parser.get().keep_alive() && (parser.is_done() || reads_body);
  if (connection_.owner().settings().verbose)
    request_line_ = escaped(std::string(request.method_string()) + " " + std::string(request.target()), 200);
  ++served_;
  co_return co_await answer(parser);
}

net::awaitable<http_session::next> http_session::answer_broken_request(const error_code& ec) {
  keep_alive_ = false;
  head_only_ = false;
  version_ = 11;
  request_line_.clear(); // the line about what is wrong is enough
  if (connection_.expired()) {
    connection_.report("timed out: request not complete");
    co_return co_await answer_text(http::status::request_timeout, "the request took too long\n");
  }
  const bool malformed = ec.category() == http::make_error_code(http::error::bad_method).category() &&
                         ec != http::error::partial_message && ec != http::error::end_of_stream;
  if (!malformed) {
    connection_.report("connection lost in a request: " + connection_.reason(ec));
    co_return next::close;
  }
  const auto rest = buffer_.cdata();
  connection_.report("bad request: " + ec.message() + ": '" +
                     escaped({static_cast<const char*>(rest.data()), rest.size()}, 60) + "'");
  co_return co_await answer_text(status_of(ec), ec.message() + "\n");
}

net::awaitable<error_code> http_session::read_body(http::request_parser<http::string_body>& parser) {
  if (parser.get().version() == 11 && parser.get().count(http::field::expect) != 0 && buffer_.size() == 0) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    connection_.expect(phase::response, connection_.owner().settings().idle_timeout);
    const auto [ec, n] = co_await net::async_write(connection_.stream(), net::buffer(go_on), as_result);
    if (ec) co_return ec;
  }
  buffer_.reserve(body_buffer);
  parser.eager(true);
  while (!parser.is_done()) {
    connection_.expect(phase::request, connection_.owner().settings().idle_timeout);
    const auto [ec, n] = co_await http::async_read_some(connection_.stream(), buffer_, parser, as_result);
    if (ec) co_return ec;
  }
  co_return error_code{};
}

} // namespace https_server
