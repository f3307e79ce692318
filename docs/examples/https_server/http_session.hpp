// SPDX-License-Identifier: BSL-1.0
// HTTP/1.1 and 1.0 on one connection: a request is read, answered, and the next one follows, in order.
#ifndef EXAMPLES_HTTPS_SERVER_HTTP_SESSION_HPP
#define EXAMPLES_HTTPS_SERVER_HTTP_SESSION_HPP

#include "connection.hpp"
#include "download_body.hpp"
#include "file_body.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace https_server {

namespace http = boost::beast::http;

class http_session {
public:
  explicit http_session(connection& c) : connection_(c) {}

  /// Serves requests until the peer, an error or the server's end stops it; says how to close.
  net::awaitable<ending> run();

private:
  using request_parser = http::request_parser<http::empty_body>;
  using header = http::request_header<>;
  enum class next { another_request, close_idle, close, abort };

  // http_session.cpp: what waits for the peer's requests
  net::awaitable<next> wait_for_request();
  net::awaitable<next> serve_request();
  net::awaitable<next> answer_broken_request(const error_code& ec);
  net::awaitable<error_code> read_body(http::request_parser<http::string_body>& parser);

  // answers.cpp: what is served under which path
  net::awaitable<next> answer(request_parser& parser);
  net::awaitable<next> answer_file(const std::string& path);
  net::awaitable<next> answer_download(std::string_view count, bool announce_length);
  net::awaitable<next> answer_echo(request_parser& parser);
  net::awaitable<next> answer_text(http::status status, std::string text, std::string_view allow = {},
                                   std::string_view location = {});

  // responses.hpp
  template <class Body>
  http::response<Body> make_response(http::status status) const;
  template <class Body>
  net::awaitable<next> send(http::response<Body>& response);

  connection& connection_;
  boost::beast::flat_buffer buffer_{64 * 1024};
  unsigned served_ = 0;

  // The request being served.
  std::string request_line_; ///< for the log; only filled if that is verbose
  unsigned version_ = 11;
  bool keep_alive_ = false;
  bool head_only_ = false;
};

} // namespace https_server

#endif
