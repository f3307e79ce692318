// SPDX-License-Identifier: BSL-1.0
// Is a stream at home on an io_context that four threads run, as long as its handlers are in one strand? Made
// for ThreadSanitizer.
#define BOOST_TEST_MODULE adapter_threads
#include "asio_layered.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(threads)

using namespace tlsmode;
using namespace tlsmode::test;
using namespace net::experimental::awaitable_operators;

namespace {

using strand = net::strand<net::io_context::executor_type>;

// What the sessions found out; Boost.Test's own checks are not for several threads.
struct verdict {
  std::atomic<int> finished{0};
  std::atomic<int> off_strand{0};
  std::atomic<int> wrong{0};
};

net::awaitable<void> look(const strand& s, verdict& v) {
  if (!s.running_in_this_thread()) ++v.off_strand;
  co_return;
}

// How reads are given up on the way: to a timer of the program's, or to the stream's own limit.
enum class giving_up { timer, limit };

template <class Stream>
net::awaitable<void> write_all(Stream& s, std::string_view text) {
  while (!text.empty()) {
    s.expires_never(); // the limit is for the reads
    text.remove_prefix(co_await s.async_write_some(net::buffer(text), net::use_awaitable));
  }
}

// Sends `text` and gets it back, with reads given up on the way, then closes.
template <class Stream>
net::awaitable<void> ask(Stream& s, strand on, const std::string& text, giving_up how, verdict& v) {
  co_await s.async_handshake(as_client, net::use_awaitable);
  co_await look(on, v);
  std::string back(text.size(), '\0');
  std::size_t got = 0;
  error_code ec;
  // What the read got is counted here: where the timer was first, || would not tell.
  const auto read = [&]() -> net::awaitable<void> {
    const auto [read_ec, n] =
        co_await s.async_read_some(net::buffer(back) + got, net::as_tuple(net::use_awaitable));
    ec = read_ec;
    got += n;
  };
  const auto patient_read = [&]() -> net::awaitable<void> {
    while (got != back.size()) {
      constexpr auto soon = std::chrono::microseconds(50);
      if (how == giving_up::limit) {
        s.expires_after(soon);
        co_await read();
      } else {
        net::steady_timer timer(co_await net::this_coro::executor, soon);
        co_await (read() || timer.async_wait(net::use_awaitable));
      }
      co_await look(on, v);
      if (ec && ec != net::error::operation_aborted && ec != net::error::timed_out)
        throw boost::system::system_error(ec);
    }
  };
  co_await (write_all(s, text) && patient_read());
  if (back != text) ++v.wrong;
  s.expires_never();
  co_await s.async_shutdown(net::use_awaitable);
}

template <class Stream>
net::awaitable<void> answer(Stream& s, strand on, verdict& v) {
  co_await s.async_handshake(as_server, net::use_awaitable);
  std::array<char, 5000> room{};
  for (;;) {
    const auto [ec, n] = co_await s.async_read_some(net::buffer(room), net::as_tuple(net::use_awaitable));
    co_await look(on, v);
    if (ec) break;
    co_await write_all(s, {room.data(), n});
  }
  co_await s.async_shutdown(net::use_awaitable);
}

void run_by_four(net::io_context& io) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&io] { io.run_for(std::chrono::seconds(60)); });
  for (std::thread& t : threads) t.join();
}

// Sixteen pairs; the streams' own executor is their strand, or only the handlers' is.
template <class Stream>
void check_many(bool strand_on_socket, giving_up how) {
  net::io_context io;
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  verdict v;
  const std::string text = random_bytes(60000, 1);
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 16; ++i) {
    const strand on_client = net::make_strand(io);
    const strand on_server = net::make_strand(io);
    auto sockets = strand_on_socket ? tcp_pair(on_client, on_server, tiny)
                                    : tcp_pair(io.get_executor(), io.get_executor(), tiny);
    auto client = std::make_unique<Stream>(std::move(sockets.first), client_settings);
    auto server = std::make_unique<Stream>(std::move(sockets.second), server_settings);
    const auto end = [&v](const std::exception_ptr& e) { ++(e ? v.wrong : v.finished); };
    net::co_spawn(on_client, ask(*client, on_client, text, how, v), end);
    net::co_spawn(on_server, answer(*server, on_server, v), end);
    streams.push_back(std::move(client));
    streams.push_back(std::move(server));
  }
  run_by_four(io);
  BOOST_TEST(v.finished == 32);
  BOOST_TEST(v.off_strand == 0);
  BOOST_TEST(v.wrong == 0);
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(streams_on_strands_under_four_threads, Stream, both_channels) {
  for (const auto how : {giving_up::timer, giving_up::limit}) check_many<Stream>(true, how);
}
BOOST_AUTO_TEST_CASE_TEMPLATE(handlers_on_strands_under_four_threads, Stream, both_channels) {
  for (const auto how : {giving_up::timer, giving_up::limit}) check_many<Stream>(false, how);
}

// Reads that wait for each other are carried out in order, and tell of it in the same order, or whoever puts
// their bytes together has them in the wrong one.
BOOST_AUTO_TEST_CASE_TEMPLATE(overlapping_reads_tell_in_the_order_in_which_they_were_started, Stream,
                              both_channels) {
  constexpr int rounds = 2000, reads = 8;
  net::io_context io;
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor());
  Stream client(std::move(sockets.first), client_settings);
  Stream server(std::move(sockets.second), server_settings);
  const strand on = net::make_strand(io);
  const std::string text = "01234567";
  std::array<std::array<char, reads>, rounds> room{};
  std::array<std::string, rounds> got;
  const auto send = [&]() -> net::awaitable<void> {
    co_await client.async_handshake(as_client, net::use_awaitable);
    for (int i = 0; i < rounds; ++i) co_await client.async_write_some(net::buffer(text), net::use_awaitable);
  };
  const auto receive = [&]() -> net::awaitable<void> {
    co_await server.async_handshake(as_server, net::use_awaitable);
    for (std::size_t i = 0; i < rounds; ++i) {
      net::steady_timer done(io, net::steady_timer::time_point::max());
      for (std::size_t k = 0; k < reads; ++k)
        server.async_read_some(net::buffer(&room[i][k], 1),
                               net::bind_executor(on, [&, i, k](error_code, std::size_t) {
                                 got[i] += room[i][k];
                                 if (got[i].size() == reads) done.cancel();
                               }));
      co_await done.async_wait(net::as_tuple(net::use_awaitable));
    }
  };
  std::atomic<int> ended{0};
  const auto end = [&](const std::exception_ptr& e) { ended += e ? 0 : 1; };
  net::co_spawn(net::make_strand(io), send(), end);
  net::co_spawn(on, receive(), end);
  run_by_four(io);
  BOOST_TEST(ended == 2);
  BOOST_TEST(std::count(got.begin(), got.end(), text) == rounds);
}

// All steps are jobs on job threads. A write that is started while the step of a read is away waits for the
// engine first; the next one waits there, too. They go out in the order in which they were started. As many
// are made as ten seconds allow: a sanitizer on a slow machine makes few.
BOOST_AUTO_TEST_CASE_TEMPLATE(overlapping_writes_stay_in_order_beside_reads_on_a_job_thread, Stream,
                              both_channels) {
  constexpr std::size_t pieces = 10000, length = 5;
  net::io_context io;
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  const strand on_client = net::make_strand(io);
  const strand on_server = net::make_strand(io);
  auto sockets = tcp_pair(on_client, on_server);
  Stream client(std::move(sockets.first), client_settings);
  Stream server(std::move(sockets.second), server_settings);
  server.set_mode(mode::async);
  server.set_job_scope(job_scope::all);
  std::vector<std::string> texts;
  std::string all, got;
  for (std::size_t i = 0; i < pieces; ++i) all += texts.emplace_back(std::to_string(10000 + i));
  std::atomic<std::size_t> total{
      all.size()}; // less when the time is over: known before the last write begins
  // The client gives back what it gets, so that the server has something to read all the time.
  const auto echo = [&]() -> net::awaitable<void> {
    co_await client.async_handshake(as_client, net::use_awaitable);
    std::array<char, 5000> room{};
    while (got.size() < total) {
      const std::size_t n = co_await client.async_read_some(net::buffer(room), net::use_awaitable);
      got.append(room.data(), n);
      co_await write_all(client, {room.data(), n});
    }
  };
  int outstanding = 0;
  const auto produce = [&]() -> net::awaitable<void> { // up to four at a time
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (std::size_t i = 0; i * length < total; ++i) {
      for (std::size_t turns = i % 3; turns != 0 || outstanding >= 4; turns -= turns != 0 ? 1 : 0)
        co_await net::post(on_server, net::use_awaitable);
      if (std::chrono::steady_clock::now() > until) total = (i + 1) * length;
      ++outstanding;
      server.async_write_some(net::buffer(texts[i]),
                              net::bind_executor(on_server, [&](error_code, std::size_t) { --outstanding; }));
    }
  };
  const auto serve = [&]() -> net::awaitable<void> {
    co_await server.async_handshake(as_server, net::use_awaitable);
    net::co_spawn(on_server, produce(), net::detached);
    std::array<char, 5000> room{};
    for (std::size_t back = 0; back < total;)
      back += co_await server.async_read_some(net::buffer(room), net::use_awaitable);
  };
  std::atomic<int> ended{0};
  const auto end = [&](const std::exception_ptr& e) { ended += e ? 0 : 1; };
  net::co_spawn(on_client, echo(), end);
  net::co_spawn(on_server, serve(), end);
  run_by_four(io);
  BOOST_TEST(ended == 2);
  BOOST_TEST(got.size() == total);
  BOOST_TEST((got == all.substr(0, total)));
}

// Streams made from one context, on one io_context per thread: nothing of theirs is shared.
BOOST_AUTO_TEST_CASE(one_io_context_per_thread) {
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  verdict v;
  const std::string text = random_bytes(60000, 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        net::io_context io(1);
        auto sockets = tcp_pair(io.get_executor(), io.get_executor());
        tls_stream client(std::move(sockets.first), client_settings);
        tls_stream server(std::move(sockets.second), server_settings);
        const auto end = [&v](const std::exception_ptr& e) { ++(e ? v.wrong : v.finished); };
        const strand on = net::make_strand(io);
        net::co_spawn(on, ask(client, on, text, giving_up::timer, v), end);
        net::co_spawn(on, answer(server, on, v), end);
        io.run_for(std::chrono::seconds(60));
      }
    });
  }
  for (std::thread& t : threads) t.join();
  BOOST_TEST(v.finished == 80);
  BOOST_TEST(v.wrong == 0);
}

BOOST_AUTO_TEST_SUITE_END()
