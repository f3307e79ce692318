// SPDX-License-Identifier: BSL-1.0
// Making and sending one response of any body type.
#ifndef EXAMPLES_HTTPS_SERVER_RESPONSES_HPP
#define EXAMPLES_HTTPS_SERVER_RESPONSES_HPP

#include "http_session.hpp"
#include "log.hpp"
#include "worker.hpp"

#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>

namespace https_server {

/// The Date of a response, now.
[[nodiscard]] std::string_view http_date();

template <class Body>
http::response<Body> http_session::make_response(http::status status) const {
  http::response<Body> response(status, version_);
  response.set(http::field::server, "tlsmode-example");
  response.set(http::field::date, http_date());
  response.keep_alive(keep_alive_ && !connection_.owner().draining());
  return response;
}

// The stream takes header and body together, so a small response is one TLS record and one system call, and a
// large body goes out as many records at a time.
template <class Body>
net::awaitable<http_session::next> http_session::send(http::response<Body>& response) {
  const bool last = !response.keep_alive();
  http::response_serializer<Body> serializer(response);
  std::uint64_t sent = 0;
  do {
    // Starts anew with every piece that the kernel took; the connection looks after pieces that take longer.
    connection_.expect(phase::response, connection_.owner().settings().idle_timeout);
    const auto [ec, n] = co_await http::async_write_some(connection_.stream(), serializer, as_result);
    sent += n;
    if (ec) {
      connection_.report(connection_.expired() ? "timed out: the peer does not read the response"
                                               : "response cut short: " + connection_.reason(ec));
      co_return next::abort;
    }
  } while (!serializer.is_done());
  if (!request_line_.empty())
    log_line(connection_.peer(), "'" + request_line_ + "' " + std::to_string(response.result_int()) + ", " +
                                     std::to_string(sent) + " bytes");
  co_return last ? next::close : next::another_request;
}

} // namespace https_server

#endif
