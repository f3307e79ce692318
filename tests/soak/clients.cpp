// SPDX-License-Identifier: BSL-1.0
// The clients: exchanges whose every byte is checked, as fast as they can or slowly, and connections that are
// idle.
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
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace soak {
namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;
using error_code = boost::system::error_code;
using clock = std::chrono::steady_clock;
constexpr auto as_result = net::as_tuple(net::use_awaitable);
constexpr unsigned handshakes_at_a_time = 64; // of idle connections

struct tally {
  unsigned long long handshakes = 0, resumed = 0, whole = 0, broken = 0, up = 0, down = 0, wrong = 0,
                     lost = 0;
  std::map<std::string, unsigned> errors; // what broke connections
};

class all_clients;

class connection {
 public:
  connection(all_clients& owner, const header& h);

  net::awaitable<bool> open();
  /// The whole exchange. Precondition: open.
  net::awaitable<void> exchange();

 private:
  net::awaitable<void> send();
  net::awaitable<void> receive();
  net::awaitable<void> pause(std::chrono::milliseconds length);
  void broke(const error_code& ec);

  all_clients& owner_;
  tlsmode::stream<tcp::socket> tls_;
  net::steady_timer sent_; // over when all is sent
  header header_;
  std::uint64_t received_ = 0, confirmed_ = 0;
  bool broken_ = false;
};

class all_clients {
 public:
  explicit all_clients(const settings& wanted)
      : s(wanted), context(tlsmode::context::client()), end_(clock::now() + wanted.time),
        slow_until(clock::now() + wanted.slow_time), random_(wanted.seed), input_(io) {
    if (const auto ec = context.trust_file(s.ca)) throw std::system_error(ec, s.ca);
    if (s.resume)
      if (const auto ec = context.resume_sessions(4096)) throw std::system_error(ec, "sessions");
    const int version = s.version == "1.2" ? TLS1_2_VERSION : s.version == "1.3" ? TLS1_3_VERSION : 0;
    SSL_CTX_set_max_proto_version(context.native_handle(), version);
    SSL_CTX_set_min_proto_version(context.native_handle(), version == 0 ? TLS1_2_VERSION : version);
  }

  void run() {
    const auto rethrow = [](std::exception_ptr e) {
      if (e) std::rethrow_exception(e);
    };
    if (s.idle != 0) {
      openers_ = handshakes_at_a_time;
      for (unsigned i = 0; i < handshakes_at_a_time; ++i) net::co_spawn(io, open_idle(), rethrow);
    } else {
      for (unsigned i = 0; i < s.parallel; ++i) net::co_spawn(io, exchange_on_and_on(), rethrow);
    }
    io.run();
    print(count);
  }

  net::io_context io{1};
  const settings& s;
  tlsmode::context context;
  tally count;

 private:
  [[nodiscard]] header next() {
    const auto size = [this](std::uint64_t most) {
      return s.random_sizes ? std::uniform_int_distribution<std::uint64_t>(0, most)(random_) : most;
    };
    header h;
    h.seed = random_();
    h.up = size(s.up);
    h.down = size(s.down);
    return h;
  }

  net::awaitable<void> exchange_on_and_on() {
    while (clock::now() < end_ && (s.exchanges == 0 || begun_ < s.exchanges)) {
      ++begun_;
      connection c(*this, next());
      const bool open = co_await c.open();
      if (open) co_await c.exchange();
    }
  }

  net::awaitable<void> open_idle() {
    while (begun_ < s.idle && clock::now() < end_) {
      ++begun_;
      auto c = std::make_unique<connection>(*this, next());
      const bool open = co_await c->open();
      if (open) idle_.push_back(std::move(c));
    }
    if (--openers_ != 0) co_return;
    print(count);
    input_.assign(::dup(STDIN_FILENO));
    std::string line;
    co_await net::async_read(input_, net::dynamic_buffer(line), as_result); // until its end
    // They must all still work.
    for (unsigned i = 0; i < handshakes_at_a_time; ++i) net::co_spawn(io, use_idle(), net::detached);
  }

  net::awaitable<void> use_idle() {
    while (!idle_.empty()) {
      const auto c = std::move(idle_.back());
      idle_.pop_back();
      co_await c->exchange();
    }
  }

  static void print(const tally& t) {
    std::string errors;
    for (const auto& [text, n] : t.errors)
      errors += (errors.empty() ? "\"" : ", \"") + text + "\": " + std::to_string(n);
    std::printf("{\"handshakes\": %llu, \"resumed\": %llu, \"whole\": %llu, \"broken\": %llu, \"up\": %llu, "
                "\"down\": %llu, "
                "\"wrong\": %llu, \"lost\": %llu, \"errors\": {%s}}\n",
                t.handshakes, t.resumed, t.whole, t.broken, t.up, t.down, t.wrong, t.lost, errors.c_str());
    std::fflush(stdout);
  }

  clock::time_point end_;

 public:
  clock::time_point slow_until;

 private:
  std::mt19937_64 random_;
  net::posix::stream_descriptor input_;
  std::vector<std::unique_ptr<connection>> idle_;
  std::uint64_t begun_ = 0;
  unsigned openers_ = 0;
};

connection::connection(all_clients& owner, const header& h)
    : owner_(owner), tls_(owner.io, owner.context), sent_(owner.io, net::steady_timer::time_point::max()),
      header_(h) {}

void connection::broke(const error_code& ec) {
  if (std::exchange(broken_, true)) return;
  ++owner_.count.broken;
  ++owner_.count.errors[ec.message()];
}

net::awaitable<bool> connection::open() {
  tls_.set_host("localhost", owner_.s.port);
  tls_.expires_after(owner_.s.patience);
  auto [ec] =
      co_await tls_.next_layer().async_connect({net::ip::address_v4::loopback(), owner_.s.port}, as_result);
  if (!ec) std::tie(ec) = co_await tls_.async_handshake(tls_.client, as_result);
  if (ec) {
    broke(ec);
    co_return false;
  }
  ++owner_.count.handshakes;
  if (tls_.resumed()) ++owner_.count.resumed;
  co_return true;
}

net::awaitable<void> connection::exchange() {
  tls_.expires_after(owner_.s.patience);
  net::co_spawn(owner_.io, send(), net::detached);
  co_await receive();
  if (broken_) {
    error_code ignored;
    tls_.next_layer().close(ignored); // ends a write that waits
  }
  co_await sent_.async_wait(as_result);
  if (broken_) co_return;
  tally& t = owner_.count;
  ++t.whole;
  t.up += header_.up;
  t.down += header_.down;
  t.lost += (header_.up - confirmed_) + (header_.down + sizeof(confirmed_) - received_);
}

net::awaitable<void> connection::pause(std::chrono::milliseconds length) {
  if (length.count() == 0 || clock::now() > owner_.slow_until) co_return;
  net::steady_timer timer(owner_.io, length);
  co_await timer.async_wait(as_result);
}

net::awaitable<void> connection::send() {
  std::vector<char> data(owner_.s.write_size);
  auto [ec, written] = co_await net::async_write(tls_, net::buffer(&header_, sizeof(header_)), as_result);
  for (std::uint64_t done = 0; done < header_.up && !ec;) {
    const std::size_t n = std::min<std::uint64_t>(data.size(), header_.up - done);
    fill({data.data(), n}, header_.seed, done);
    std::tie(ec, written) = co_await net::async_write(tls_, net::buffer(data, n), as_result);
    done += n;
    co_await pause(owner_.s.write_pause);
  }
  if (!ec) std::tie(ec) = co_await tls_.async_shutdown(tlsmode::shutdown_form::send_only, as_result);
  if (ec) broke(ec);
  sent_.expires_at({});
}

net::awaitable<void> connection::receive() {
  std::vector<char> data(owner_.s.read_size);
  for (;;) {
    const auto [ec, n] = co_await tls_.async_read_some(net::buffer(data), as_result);
    if (ec == net::error::eof && received_ == header_.down + sizeof(confirmed_)) break;
    if (ec) {
      broke(ec);
      break;
    }
    const std::size_t patterned =
        std::min<std::uint64_t>(n, received_ < header_.down ? header_.down - received_ : 0);
    if (!fits({data.data(), patterned}, ~header_.seed, received_)) ++owner_.count.wrong;
    for (std::size_t i = patterned; i < n; ++i) { // the count at the end
      const std::uint64_t at = received_ + i - header_.down;
      if (at >= sizeof(confirmed_))
        ++owner_.count.wrong;
      else
        std::memcpy(reinterpret_cast<char*>(&confirmed_) + at, &data[i], 1);
    }
    received_ += n;
    co_await pause(owner_.s.read_pause);
  }
}

} // namespace

void run_clients(const settings& s) { all_clients(s).run(); }

} // namespace soak
