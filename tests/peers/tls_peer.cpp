// SPDX-License-Identifier: BSL-1.0
// Our end of connections with other people's programs: a server or a client on 127.0.0.1, one coroutine per
// connection, that prints what was agreed on, what arrived and how it ended, one line of JSON for each.
// A server first prints "listening on ADDRESS:PORT", and serves until it is killed.
#include "options.hpp"
#include "report.hpp"

#include <tlsmode/asio/stream.hpp>
#include <tlsmode/context.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;
using error_code = boost::system::error_code;
using namespace peers;

constexpr auto as_result = net::as_tuple(net::use_awaitable);
constexpr auto patience = std::chrono::seconds(60);     // for a whole connection
constexpr auto last_patience = std::chrono::seconds(5); // for the peer's end after ours
constexpr std::size_t piece = std::size_t{64} * 1024;

std::string file_content(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string words(const error_code& ec) {
  if (!ec) return "ok";
  if (ec == net::error::eof) return "close_notify";
  if (ec == net::ssl::error::stream_truncated) return "truncated";
  return ec.message();
}

// One connection: what it sends and what it receives.
class conversation {
 public:
  conversation(tcp::socket socket, const tlsmode::context& context, const options& o, const std::string& file)
      : tls_(std::move(socket), context), options_(o), file_(file),
        all_sent_(tls_.get_executor(), net::steady_timer::time_point::max()) {
    tls_.expires_after(patience);
    if (!o.receive.empty()) out_.open(o.receive, std::ios::binary | std::ios::trunc);
  }

  net::awaitable<void> serve() {
    const bool open = co_await handshake(tls_.server);
    if (open) co_await converse();
    if (open) co_await finish();
    print(result_);
  }

  /// Sends the file while it receives.
  net::awaitable<void> talk() {
    tls_.set_host(options_.host, options_.port);
    const bool open = co_await handshake(tls_.client);
    if (open) {
      net::co_spawn(tls_.get_executor(), send_file(), net::detached);
      co_await receive([this] { return options_.until == 0 || result_.received.count() < options_.until; });
      if (result_.end.empty()) result_.end = "enough";
      co_await all_sent_.async_wait(as_result); // until send_file() cancels it
      co_await finish();
    }
    print(result_);
  }

  [[nodiscard]] bool good() const { return result_.failure.empty(); }

 private:
  net::awaitable<bool> handshake(decltype(tlsmode::stream<tcp::socket>::client) side) {
    const auto [ec] = co_await tls_.async_handshake(side, as_result);
    if (ec) {
      result_.end = "handshake: " + words(ec);
      result_.failure = tls_.last_failure().code ? tls_.last_failure().to_string() : ec.message();
      // The alert must arrive before our socket's end does: let the peer close first.
      std::vector<char> dropped(piece);
      error_code end;
      tls_.next_layer().shutdown(tcp::socket::shutdown_send, end);
      while (!end)
        std::tie(end, std::ignore) =
            co_await tls_.next_layer().async_read_some(net::buffer(dropped), as_result);
      co_return false;
    }
    result_.protocol = tls_.protocol();
    result_.cipher = tls_.cipher();
    result_.group = tls_.group();
    result_.alpn = tls_.alpn();
    result_.resumed = tls_.resumed();
    result_.peer = subject_of(tls_.peer_certificate().get());
    co_return true;
  }

  void keep(std::span<const char> bytes) {
    result_.received.add(bytes);
    if (out_.is_open()) out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  void ended(const boost::system::error_code& ec) {
    result_.end = words(ec);
    if (tls_.last_failure().code) result_.failure = tls_.last_failure().to_string();
  }

  /// Reads until the end, or until `more` is false; then `end` stays empty.
  template <class More>
  net::awaitable<void> receive(More more) {
    std::vector<char> data(piece);
    while (more()) {
      const auto [ec, n] = co_await tls_.async_read_some(net::buffer(data), as_result);
      if (ec) {
        ended(ec);
        break;
      }
      keep({data.data(), n});
      last_ = std::string(data.data() + (n < 4 ? 0 : n - 4), std::min<std::size_t>(n, 4));
    }
    out_.close();
  }

  net::awaitable<void> send(std::string_view bytes) {
    const auto [ec, n] = co_await net::async_write(tls_, net::buffer(bytes), as_result);
    result_.sent += n;
    if (ec) result_.send_error = words(ec);
  }

  net::awaitable<void> send_file() {
    const std::string_view bytes = file_;
    const std::size_t half = bytes.size() / 2;
    co_await send(bytes.substr(0, half));
    if (options_.update_keys) tls_.update_keys(true);
    if (result_.send_error.empty()) co_await send(bytes.substr(half));
    if (options_.half_close && result_.send_error.empty())
      co_await shut_down(tlsmode::shutdown_form::send_only);
    all_sent_.expires_at({});
  }

  // Not coroutines with a switch: GCC 12 loses its way in them.
  net::awaitable<void> converse() {
    switch (options_.what) {
    case service::echo: return echo();
    case service::sink: return take_all();
    case service::send: return send(file_);
    case service::answer: break;
    }
    return answer();
  }

  net::awaitable<void> echo() {
    std::vector<char> data(piece);
    while (result_.end.empty()) {
      const auto [ec, n] = co_await tls_.async_read_some(net::buffer(data), as_result);
      if (ec) {
        ended(ec);
        break;
      }
      keep({data.data(), n});
      co_await send({data.data(), n});
      if (!result_.send_error.empty()) result_.end = "cannot send";
    }
  }

  net::awaitable<void> take_all() {
    co_await receive([] { return true; });
    const std::string answer = std::to_string(result_.received.count()) + ' ' + result_.received.hex() + '\n';
    if (result_.end == "close_notify") co_await send(answer);
  }

  net::awaitable<void> answer() {
    co_await receive([this] { return last_ != "\r\n\r\n"; });
    if (result_.end.empty()) co_await send(file_);
  }

  net::awaitable<void> shut_down(tlsmode::shutdown_form form) {
    const auto [ec] = co_await tls_.async_shutdown(form, as_result);
    result_.shutdown = words(ec);
  }

  net::awaitable<void> finish() {
    auto& socket = tls_.next_layer();
    error_code ignored;
    tls_.expires_after(last_patience);
    if (options_.end == ending::notify) co_await shut_down(tlsmode::shutdown_form::send_only);
    if (options_.end == ending::wait) co_await shut_down(tlsmode::shutdown_form::wait_for_peer);
    if (options_.end == ending::reset) {
      socket.set_option(net::socket_base::linger(true, 0), ignored);
      socket.close(ignored);
      co_return;
    }
    // Closing over unread bytes would be a reset, which overtakes what we have sent.
    if (result_.end.empty() && options_.end == ending::notify) co_await receive([] { return true; });
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  tlsmode::stream<tcp::socket> tls_;
  const options& options_;
  const std::string& file_;
  net::steady_timer all_sent_;
  std::ofstream out_;
  std::string last_;
  report result_;
};

void check(std::error_code ec, const std::string& what) {
  if (ec) throw std::system_error(ec, what);
}

tlsmode::context make_context(const options& o) {
  auto context = o.server ? tlsmode::context::server() : tlsmode::context::client();
  if (!o.cert.empty()) {
    check(context.use_certificate_chain_file(o.cert), o.cert);
    check(context.use_private_key_file(o.key), o.key);
  }
  if (!o.server)
    check(context.trust_file(o.ca), o.ca);
  else if (o.ask_only)
    check(context.ask_for_client_certificate(o.ca), o.ca);
  else if (!o.ca.empty())
    check(context.require_client_certificate(o.ca), o.ca);
  if (o.forget)
    context.disable_resumption();
  else if (!o.server)
    check(context.resume_sessions(), "sessions");
  if (!o.alpn.empty()) check(context.set_alpn({o.alpn}), o.alpn);
  if (!o.version.empty()) {
    const int version = o.version == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context.native_handle(), version);
    SSL_CTX_set_max_proto_version(context.native_handle(), version);
  }
  return context;
}

net::awaitable<void> serve(tcp::socket socket, const tlsmode::context& context, const options& o,
                           const std::string& file) {
  conversation c(std::move(socket), context, o, file);
  co_await c.serve();
}

net::awaitable<void> accept(tcp::acceptor& acceptor, const tlsmode::context& context, const options& o,
                            const std::string& file) {
  for (;;) {
    auto [ec, socket] = co_await acceptor.async_accept(as_result);
    if (ec) continue;
    net::co_spawn(acceptor.get_executor(), serve(std::move(socket), context, o, file), net::detached);
  }
}

net::awaitable<void> connect(const tlsmode::context& context, const options& o, const std::string& file,
                             bool& all_good) {
  for (unsigned i = 0; i < o.times; ++i) {
    tcp::socket socket(co_await net::this_coro::executor);
    co_await socket.async_connect({net::ip::address_v4::loopback(), o.port}, net::use_awaitable);
    conversation c(std::move(socket), context, o, file);
    co_await c.talk();
    all_good = all_good && c.good();
  }
}

} // namespace

int main(int argc, char** argv) try {
  const options o = parse_options(argc, argv);
  const tlsmode::context context = make_context(o);
  const std::string file = file_content(o.send);
  net::io_context io(1);
  bool all_good = true;
  std::exception_ptr failed;
  const auto at_end = [&failed](std::exception_ptr e) { failed = e; };
  tcp::acceptor acceptor(io);
  if (o.server) {
    acceptor = tcp::acceptor(io, {net::ip::address_v4::loopback(), o.port});
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    net::co_spawn(io, accept(acceptor, context, o, file), at_end);
  } else {
    net::co_spawn(io, connect(context, o, file, all_good), at_end);
  }
  io.run();
  if (failed) std::rethrow_exception(failed);
  return all_good ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << "tls_peer: " << e.what() << '\n';
  return 2;
}
