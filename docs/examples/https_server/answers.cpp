// SPDX-License-Identifier: BSL-1.0
// What is served under which path.
#include "responses.hpp"
#include "static_files.hpp"

#include <boost/beast/core/string.hpp>

#include <array>
#include <charconv>
#include <ctime>

namespace https_server {
namespace {

constexpr std::uint64_t largest_download = 1'000'000'000'000;

constexpr std::string_view front_page = "This is https_server, an example of tlsmode::stream.\n"
                                        "GET /download/N  N bytes\n"
                                        "GET /stream/N    N bytes, length not announced\n"
                                        "POST /echo       the body comes back\n";

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

} // namespace

std::string_view http_date() {
  thread_local std::time_t known = 0;
  thread_local std::array<char, 40> text{};
  thread_local std::size_t size = 0;
  if (const std::time_t now = std::time(nullptr); now != known) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    known = now;
  }
  return {text.data(), size};
}

net::awaitable<http_session::next> http_session::answer(request_parser& parser) {
  const header& request = parser.get();
  const auto path = path_of(view(request.target()));
  if (!path) co_return co_await answer_text(http::status::bad_request, "bad path\n");
  if (request.version() == 11 && request.count(http::field::host) != 1) // RFC 9112, section 3.2
    co_return co_await answer_text(http::status::bad_request, "exactly one Host is needed\n");
  if (request.count(http::field::expect) != 0 &&
      !boost::beast::iequals(request[http::field::expect], "100-continue"))
    co_return co_await answer_text(http::status::expectation_failed, "unknown expectation\n");
  if (*path == "/echo") co_return co_await answer_echo(parser);

  if (!parser.is_done()) keep_alive_ = false; // the body stays unread
  if (request.method() != http::verb::get && request.method() != http::verb::head)
    co_return co_await answer_text(http::status::method_not_allowed, "GET and HEAD only\n", "GET, HEAD");
  constexpr std::string_view download = "/download/", stream = "/stream/";
  if (path->starts_with(download))
    co_return co_await answer_download(std::string_view(*path).substr(download.size()), true);
  if (path->starts_with(stream))
    co_return co_await answer_download(std::string_view(*path).substr(stream.size()), false);
  if (connection_.owner().files() != nullptr) co_return co_await answer_file(*path);
  if (*path == "/") co_return co_await answer_text(http::status::ok, std::string(front_page));
  co_return co_await answer_text(http::status::not_found, "not found\n");
}

net::awaitable<http_session::next> http_session::answer_file(const std::string& path) {
  using outcome = static_files::outcome;
  auto found = connection_.owner().files()->open(path);
  error_code ec;
  const std::uint64_t size = found.what == outcome::found ? found.file.size(ec) : 0;
  switch (ec ? outcome::unavailable : found.what) {
  case outcome::found: break;
  case outcome::directory:
    co_return co_await answer_text(http::status::moved_permanently, "see the same path with '/'\n", {},
                                   encoded_path(path) + "/");
  case outcome::not_found: co_return co_await answer_text(http::status::not_found, "not found\n");
  case outcome::forbidden: co_return co_await answer_text(http::status::forbidden, "forbidden\n");
  case outcome::unavailable:
    co_return co_await answer_text(http::status::service_unavailable, "the file cannot be opened now\n");
  }
  const auto describe = [&](auto& response) {
    response.set(http::field::content_type, found.type);
    response.set("X-Content-Type-Options", "nosniff");
    response.content_length(size);
  };
  if (head_only_) {
    auto response = make_response<http::empty_body>(http::status::ok);
    describe(response);
    co_return co_await send(response);
  }
  auto response = make_response<file_body>(http::status::ok);
  describe(response);
  response.body() = {std::move(found.file), size};
  co_return co_await send(response);
}

net::awaitable<http_session::next> http_session::answer_download(std::string_view count, bool announce_length) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), size);
  if (error != std::errc{} || end != count.data() + count.size() || size > largest_download)
    co_return co_await answer_text(http::status::bad_request,
                                   "a number of bytes up to " + std::to_string(largest_download) + " is needed\n");
  const bool ended_by_close = !announce_length && version_ < 11;
  if (ended_by_close) keep_alive_ = false; // HTTP/1.0 has no chunks: the end is the close_notify
  const auto describe = [&](auto& response) {
    response.set(http::field::content_type, "application/octet-stream");
    if (announce_length)
      response.content_length(size);
    else if (!ended_by_close)
      response.chunked(true);
  };
  if (head_only_) {
    auto response = make_response<http::empty_body>(http::status::ok);
    describe(response);
    co_return co_await send(response);
  }
  auto response = make_response<download_body>(http::status::ok);
  describe(response);
  response.body() = size;
  co_return co_await send(response);
}

net::awaitable<http_session::next> http_session::answer_echo(request_parser& head) {
  if (head.get().method() != http::verb::post) {
    if (!head.is_done()) keep_alive_ = false;
    co_return co_await answer_text(http::status::method_not_allowed, "POST only\n", "POST");
  }
  http::request_parser<http::string_body> parser(std::move(head));
  if (const error_code ec = co_await read_body(parser)) co_return co_await answer_broken_request(ec);
  auto request = parser.release();
  auto response = make_response<http::string_body>(http::status::ok);
  const auto type = request[http::field::content_type];
  response.set(http::field::content_type, type.empty() ? "application/octet-stream" : type);
  response.body() = std::move(request.body());
  response.prepare_payload();
  co_return co_await send(response);
}

net::awaitable<http_session::next> http_session::answer_text(http::status status, std::string text,
                                                             std::string_view allow, std::string_view location) {
  const auto describe = [&](auto& response) {
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    if (!allow.empty()) response.set(http::field::allow, allow);
    if (!location.empty()) response.set(http::field::location, location);
    response.content_length(text.size());
  };
  if (head_only_) {
    auto response = make_response<http::empty_body>(status);
    describe(response);
    co_return co_await send(response);
  }
  auto response = make_response<http::string_body>(status);
  describe(response);
  response.body() = std::move(text);
  co_return co_await send(response);
}

} // namespace https_server
