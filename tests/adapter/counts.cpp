// SPDX-License-Identifier: BSL-1.0
// What does an operation cost: how many system calls, and how many allocations outside OpenSSL?
#define BOOST_TEST_MODULE adapter_counts
#include "asio_counters.hpp"
#include "asio_layered.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>

BOOST_AUTO_TEST_SUITE(counts)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

using message = std::array<char, 64>;

// Request and response, back and forth, with handlers that hold one pointer.
class ping_pong {
 public:
  explicit ping_pong(open_pair<both_ours>& p) : pair_(p) {}
  void run(int rounds) {
    left_ = to_serve_ = rounds;
    done_ = false;
    pair_.io.restart();
    server_waits();
    client_asks();
    while (!done_ && pair_.io.run_one_for(std::chrono::seconds(20)) != 0) {
    }
    BOOST_REQUIRE((done_ && to_serve_ == 0));
  }

 private:
  void client_asks() {
    pair_.client.async_write_some(net::buffer(up_), [this](error_code ec, std::size_t n) {
      if (ec || n != up_.size()) return;
      pair_.client.async_read_some(net::buffer(up_), [this](error_code e, std::size_t k) {
        if (e || k != up_.size()) return;
        if (--left_ != 0) return client_asks();
        done_ = true;
      });
    });
  }
  void server_waits() {
    pair_.server.async_read_some(net::buffer(down_), [this](error_code ec, std::size_t n) {
      if (ec || n != down_.size()) return;
      pair_.server.async_write_some(net::buffer(down_), [this](error_code e, std::size_t k) {
        if (!e && k == down_.size() && --to_serve_ != 0) server_waits();
      });
    });
  }
  open_pair<both_ours>& pair_;
  message up_{};
  message down_{};
  int left_ = 0;
  int to_serve_ = 0;
  bool done_ = false;
};

net::awaitable<void> ask(tls_stream& s, int rounds, bool& done) {
  message m{};
  for (; rounds != 0; --rounds) {
    co_await s.async_write_some(net::buffer(m), net::use_awaitable);
    co_await s.async_read_some(net::buffer(m), net::use_awaitable);
  }
  done = true;
}

net::awaitable<void> answer(tls_stream& s, int rounds) {
  message m{};
  for (; rounds != 0; --rounds) {
    co_await s.async_read_some(net::buffer(m), net::use_awaitable);
    co_await s.async_write_some(net::buffer(m), net::use_awaitable);
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(one_mebibyte_takes_at_most_80_calls_on_each_side) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    open_pair<both_ours> p({version});
    const std::string text = random_bytes(1 << 20, 1);
    std::string room(text.size(), '\0');
    const int from = p.client.next_layer().native_handle();
    const int to = p.server.next_layer().native_handle();
    settle(p.io);
    clear_calls();
    std::size_t written = 0;
    std::size_t got = 0;
    std::function<void(error_code, std::size_t)> more_out;
    more_out = [&](error_code, std::size_t n) {
      written += n;
      if (written != text.size()) start_write(p.client, net::buffer(text) + written, more_out);
    };
    std::function<void(error_code, std::size_t)> more_in;
    more_in = [&](error_code, std::size_t n) {
      got += n;
      if (got != room.size()) start_read(p.server, net::buffer(room) + got, more_in);
    };
    more_out({}, 0);
    more_in({}, 0);
    run_until(p.io, [&] { return got == room.size() && written == text.size(); });
    BOOST_TEST((room == text));
    BOOST_TEST(calls_on(from).sends <= 80);
    BOOST_TEST(calls_on(to).receives <= 80);
    BOOST_TEST(calls_on(from).sends > 0);
    BOOST_TEST(calls_on(to).receives > 0);
    BOOST_TEST(calls_on(to).sends == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_small_message_takes_one_send_and_one_receive) {
  open_pair<both_ours> p;
  ping_pong both(p);
  both.run(10);
  const int client = p.client.next_layer().native_handle();
  const int server = p.server.next_layer().native_handle();
  clear_calls();
  both.run(100);
  BOOST_TEST(calls_on(client).sends == 100);
  BOOST_TEST(calls_on(client).receives == 100);
  BOOST_TEST(calls_on(server).sends == 100);
  BOOST_TEST(calls_on(server).receives == 100);
  BOOST_TEST(epoll_ctl_calls() <= 200, "one wait for each message");
}

BOOST_AUTO_TEST_CASE(a_gathered_write_is_one_record_and_one_send) {
  open_pair<our_client> p;
  const std::string text = random_bytes(8 * 64, 1);
  std::vector<net::const_buffer> buffers;
  for (std::size_t i = 0; i < 8; ++i) buffers.push_back(net::buffer(text.data() + 64 * i, 64));
  clear_calls();
  operation write;
  p.client.async_write_some(buffers, write.make_handler());
  run_until(p.io, [&] { return write.done(); });
  BOOST_TEST(write.bytes() == text.size());
  BOOST_TEST(calls_on(p.client.next_layer().native_handle()).sends == 1);
  BOOST_TEST(p.client.stats().cipher_written < 3000U);
  std::string room(1000, '\0');
  const operation read = start_read(p.server, net::buffer(room));
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST(read.bytes() == text.size(), "one record");
}

BOOST_AUTO_TEST_CASE(many_small_records_that_are_there_take_one_receive) {
  open_pair<our_client> p;
  p.server.next_layer().set_option(net::ip::tcp::no_delay(true)); // or the kernel holds the later ones back
  settle(p.io);
  const std::size_t tickets = p.client.next_layer().available();
  const std::string text = random_bytes(1000, 1);
  for (std::size_t i = 0; i < 100; ++i) {
    const operation write = start_write(p.server, net::buffer(text.data() + 10 * i, 10));
    run_until(p.io, [&] { return write.done(); });
  }
  // The kernel sends ten segments and then waits for the peer's delayed acknowledgement.
  constexpr std::size_t record = 10 + 22; // TLS 1.3: header, content type and tag
  for (int i = 0; i < 1000 && p.client.next_layer().available() < tickets + 100 * record; ++i) settle(p.io);
  clear_calls();
  std::string room(2000, '\0');
  const operation read = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST(read.bytes() == 1000U);
  BOOST_TEST((room.substr(0, 1000) == text));
  BOOST_TEST(calls_on(p.client.next_layer().native_handle()).receives == 1);
}

BOOST_AUTO_TEST_CASE(messages_allocate_nothing_with_callbacks) {
  open_pair<both_ours> p;
  ping_pong both(p);
  both.run(20);
  const long before = allocations();
  both.run(100);
  BOOST_TEST(allocations() - before == 0);
}

BOOST_AUTO_TEST_CASE(messages_allocate_nothing_in_coroutines) {
  const auto cost = [](int rounds) {
    open_pair<both_ours> p;
    bool done = false;
    net::co_spawn(p.io, answer(p.server, rounds), net::detached);
    net::co_spawn(p.io, ask(p.client, rounds, done), net::detached);
    const long before = allocations();
    p.io.restart();
    while (!done && p.io.run_one_for(std::chrono::seconds(20)) != 0) {
    }
    BOOST_REQUIRE(done);
    return allocations() - before;
  };
  cost(20);
  BOOST_TEST(cost(1100) - cost(100) == 0, "a thousand more messages cost nothing more");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(zero_length_operations_cause_no_traffic_and_need_no_connection, Stream,
                              both_channels) {
  net::io_context io;
  net::ssl::context settings = client_context(TLS1_3_VERSION);
  Stream unopened(tcp_socket(io), settings);
  clear_calls();
  const operation read = start_read(unopened, net::mutable_buffer());
  const operation write = start_write(unopened, net::const_buffer());
  run_out(io);
  BOOST_TEST(read.ec() == error_code());
  BOOST_TEST(write.ec() == error_code());
  BOOST_TEST(read.bytes() == 0U);
  error_code ec = net::error::eof;
  BOOST_TEST(unopened.read_some(net::mutable_buffer(), ec) == 0U);
  BOOST_TEST(ec == error_code());
  ec = net::error::eof;
  BOOST_TEST(unopened.write_some(net::const_buffer(), ec) == 0U);
  BOOST_TEST(ec == error_code());
  BOOST_TEST(unopened.stats().transport_reads == 0U);
  BOOST_TEST(unopened.stats().transport_writes == 0U);

  open_pair<tls_pair<Stream, asio_stream>> p;
  settle(p.io);
  clear_calls();
  const operation empty_read = start_read(p.client, net::mutable_buffer());
  const operation empty_write = start_write(p.client, net::const_buffer());
  run_until(p.io, [&] { return empty_read.done() && empty_write.done(); });
  BOOST_TEST(empty_read.good());
  BOOST_TEST(empty_write.good());
  BOOST_TEST(calls_on(socket_of(p.client).native_handle()).sends == 0);
  BOOST_TEST(calls_on(socket_of(p.client).native_handle()).receives == 0);
}

BOOST_AUTO_TEST_SUITE_END()
