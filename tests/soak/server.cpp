// SPDX-License-Identifier: BSL-1.0
// The server under load: one thread, a coroutine per connection, which has no buffer until its header is
// there.
#include "heap_counter.hpp"
#include "pattern.hpp"
#include "soak.hpp"

#include <tlsmode/asio/stream.hpp>
#include <tlsmode/context.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <system_error>
#include <vector>

namespace soak {
namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;
using error_code = boost::system::error_code;
constexpr auto as_result = net::as_tuple(net::use_awaitable);
constexpr std::size_t piece = 16384;
constexpr auto back_off = std::chrono::milliseconds(50); // when a connection cannot be accepted

struct tally {
  unsigned long long accepted = 0, open = 0, whole = 0, broken = 0, checked = 0, wrong = 0, refused = 0;
};
tally counts;

void print() {
  std::printf("{\"heap\": %zu, \"accepted\": %llu, \"open\": %llu, \"whole\": %llu, \"broken\": %llu, "
              "\"checked\": %llu, "
              "\"wrong\": %llu, \"not_accepted\": %llu}\n",
              tlsmode::test::heap_bytes(), counts.accepted, counts.open, counts.whole, counts.broken,
              counts.checked, counts.wrong, counts.refused);
  std::fflush(stdout);
}

class session {
 public:
  session(tcp::socket socket, const tlsmode::context& context, const settings& s)
      : tls_(std::move(socket), context), settings_(s),
        sent_(tls_.get_executor(), net::steady_timer::time_point::max()) {
    ++counts.open;
  }
  ~session() { --counts.open; }
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  net::awaitable<void> run() {
    tls_.expires_after(settings_.patience);
    auto [ec] = co_await tls_.async_handshake(tls_.server, as_result);
    if (!ec) {
      tls_.expires_never(); // clients may be idle
      std::tie(ec, std::ignore) =
          co_await net::async_read(tls_, net::buffer(&header_, sizeof(header_)), as_result);
    }
    if (!ec) {
      tls_.expires_after(settings_.patience);
      net::co_spawn(tls_.get_executor(), send(), net::detached);
      co_await receive();
      co_await sent_.async_wait(as_result);
      ec = broken_;
    }
    if (!ec) {
      const std::uint64_t checked = checked_;
      std::tie(ec, std::ignore) =
          co_await net::async_write(tls_, net::buffer(&checked, sizeof(checked)), as_result);
    }
    if (!ec) std::tie(ec) = co_await tls_.async_shutdown(tlsmode::shutdown_form::send_only, as_result);
    ++(ec ? counts.broken : counts.whole);
  }

 private:
  net::awaitable<void> receive() {
    std::vector<char> data(piece);
    for (;;) {
      const auto [ec, n] = co_await tls_.async_read_some(net::buffer(data), as_result);
      if (ec) {
        const bool whole = ec == net::error::eof && checked_ == header_.up;
        if (!whole) broken_ = ec;
        break;
      }
      if (!fits({data.data(), n}, header_.seed, checked_)) ++counts.wrong;
      checked_ += n;
      counts.checked += n;
    }
  }

  net::awaitable<void> send() {
    std::vector<char> data(piece);
    error_code ec;
    for (std::uint64_t done = 0; done < header_.down && !ec;) {
      const std::size_t n = std::min<std::uint64_t>(piece, header_.down - done);
      fill({data.data(), n}, ~header_.seed, done);
      std::tie(ec, std::ignore) = co_await net::async_write(tls_, net::buffer(data, n), as_result);
      done += n;
    }
    if (ec) broken_ = ec;
    sent_.expires_at({});
  }

  tlsmode::stream<tcp::socket> tls_;
  const settings& settings_;
  net::steady_timer sent_; // over when all is sent
  header header_;
  std::uint64_t checked_ = 0;
  error_code broken_;
};

net::awaitable<void> serve(tcp::socket socket, const tlsmode::context& context, const settings& s) {
  session connection(std::move(socket), context, s);
  co_await connection.run();
}

net::awaitable<void> accept(tcp::acceptor& acceptor, const tlsmode::context& context, const settings& s) {
  net::steady_timer pause(acceptor.get_executor());
  for (;;) {
    auto [ec, socket] = co_await acceptor.async_accept(as_result);
    if (ec == net::error::operation_aborted) co_return;
    if (ec) { // descriptors are all in use: it would fail at once again
      ++counts.refused;
      pause.expires_after(back_off);
      co_await pause.async_wait(as_result);
    } else {
      ++counts.accepted;
      net::co_spawn(acceptor.get_executor(), serve(std::move(socket), context, s), net::detached);
    }
  }
}

net::awaitable<void> report(net::signal_set& signals, net::io_context& io) {
  for (int number = 0; number != SIGTERM;) {
    error_code ec;
    std::tie(ec, number) = co_await signals.async_wait(as_result);
    print();
  }
  io.stop();
}

void check(std::error_code ec, const std::string& what) {
  if (ec) throw std::system_error(ec, what);
}

} // namespace

void run_server(const settings& s) {
  if (!tlsmode::test::heap_is_counted()) throw std::runtime_error("the heap is not counted");
  auto context = tlsmode::context::server();
  check(context.use_certificate_chain_file(s.cert), s.cert);
  check(context.use_private_key_file(s.key), s.key);
  net::io_context io(1);
  tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), s.port});
  if (s.buffer != 0) acceptor.set_option(net::socket_base::send_buffer_size(s.buffer)); // sockets inherit it
  acceptor.listen(4096);
  net::signal_set signals(io, SIGUSR1, SIGTERM);
  const auto rethrow = [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  };
  net::co_spawn(io, accept(acceptor, context, s), rethrow);
  net::co_spawn(io, report(signals, io), rethrow);
  std::printf("listening on 127.0.0.1:%u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
  std::fflush(stdout);
  io.run();
}

} // namespace soak
