// SPDX-License-Identifier: BSL-1.0
// Asking the service.
#include "signing_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

net::awaitable<bytes> signing_client::sign(const tlsmode::signature_request& request) {
  const bytes question = tlsmode::to_bytes(request);
  bytes answer;
  if (!idle_.empty()) {
    connection kept = std::move(idle_.back());
    idle_.pop_back();
    try {
      answer = co_await ask(*kept, question);
      keep(std::move(kept));
    } catch (const boost::system::system_error&) {
      idle_.clear(); // the service may have been started anew: the others are no better
    }
  }
  if (answer.empty()) { // throws here if that was a cancellation
    connection fresh = co_await connect();
    answer = co_await ask(*fresh, question);
    keep(std::move(fresh));
  }
  if (answer.empty() || answer.front() != good)
    throw boost::system::system_error(make_error_code(boost::system::errc::permission_denied));
  answer.erase(answer.begin());
  co_return answer;
}

net::awaitable<signing_client::connection> signing_client::connect() const {
  const auto executor = co_await net::this_coro::executor;
  net::ip::tcp::resolver resolver(executor);
  const auto addresses = co_await resolver.async_resolve(host_, port_, net::use_awaitable);
  net::ip::tcp::socket socket(executor);
  co_await net::async_connect(socket, addresses, net::use_awaitable);
  auto made = std::make_unique<tls_stream>(std::move(socket), context_);
  made->set_host(host_);
  co_await made->async_handshake(tls_stream::client, net::use_awaitable);
  co_return made;
}

net::awaitable<bytes> signing_client::ask(tls_stream& service, const bytes& question) {
  co_await write_frame(service, question);
  co_return co_await read_frame(service);
}

void signing_client::keep(connection service) {
  if (idle_.size() < most_idle) idle_.push_back(std::move(service));
}
