// SPDX-License-Identifier: BSL-1.0
// Does a mode that is set on a stream arrive, for synchronous and asynchronous operations, over a plain
// socket and over another layer? A case fails when its bit is not applied.
#include "asio_layered.hpp"
#include "asio_pausing.hpp"
#include "asio_relay.hpp"
#include "heap_counter.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <memory>
#include <thread>

BOOST_AUTO_TEST_SUITE(modes_at_work)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

template <class Stream>
using client_pair = open_pair<tls_pair<Stream, asio_stream>>;

template <class Stream>
void apply(Stream& s, mode m, bool on) {
  const mode_set now = on ? s.set_mode(m) : s.clear_mode(m);
  BOOST_TEST(now.contains(m) == on);
  BOOST_TEST(s.mode().contains(m) == on);
}

// Writes all of `text` on a non-blocking stream whose peer reads now and then, each time from a new copy of
// what is left; if that is refused, from where the blocked write began. Returns how often it was.
template <class Stream>
int write_from_copies(client_pair<Stream>& p, const std::string& text) {
  receiver in(p.server);
  std::unique_ptr<std::string> begun; // what the blocked write was given, if there is one
  std::string_view left = text;
  int refused = 0;
  for (int i = 0; i < 200000 && !left.empty(); ++i) {
    auto copy = std::make_unique<std::string>(left);
    error_code ec;
    std::size_t n = p.client.write_some(net::buffer(*copy), ec);
    if (ec == tlsmode::error::write_buffer_moved) {
      ++refused;
      n = p.client.write_some(net::buffer(*begun), ec);
    } else {
      if (begun) std::fill(begun->begin(), begun->end(), '!'); // nobody may look there any more
      begun = std::move(copy);
    }
    left.remove_prefix(n);
    if (ec) {
      BOOST_REQUIRE(ec == net::error::would_block);
      in.start(in.data().size() + 1000);
      p.io.restart();
      p.io.poll();
    } else {
      begun.reset();
    }
  }
  BOOST_REQUIRE(left.empty());
  // A layer may still hold the end of it: that goes out with the next operation.
  p.client.async_wait(net::socket_base::wait_write, [](error_code) {});
  in.start(text.size());
  run_until(p.io, [&] { return in.done(); });
  BOOST_TEST((in.data() == text));
  return refused;
}

// Header, message, content type and tag (RFC 8446, sections 4.6.3 and 5.2).
constexpr std::size_t key_update_record = 5 + 5 + 1 + 16;

void count_key_updates(SSL* ssl, int& received) {
  SSL_set_msg_callback(ssl,
                       [](int writing, int, int type, const void* data, std::size_t n, SSL*, void* count) {
                         if (writing == 0 && type == SSL3_RT_HANDSHAKE && n != 0 &&
                             *static_cast<const unsigned char*>(data) == SSL3_MT_KEY_UPDATE)
                           ++*static_cast<int*>(count);
                       });
  SSL_set_msg_callback_arg(ssl, &received);
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(enable_partial_write, Stream, both_channels) {
  const std::string text = random_bytes(1 << 20, 1);
  for (const bool on : {false, true}) {
    client_pair<Stream> p({TLS1_3_VERSION, tiny});
    apply(p.client, mode::enable_partial_write, on);
    const operation write = start_write(p.client, net::buffer(text));
    settle(p.io);
    BOOST_TEST(!write.done(), "the window is shut");
    receiver in(p.server);
    in.start();
    run_until(p.io, [&] { return write.done(); });
    BOOST_TEST(write.good());
    BOOST_TEST((write.bytes() == text.size()) == !on);
    run_until(p.io, [&] { return in.data().size() >= write.bytes(); });
    BOOST_TEST((in.data() == text.substr(0, write.bytes())));
  }
  for (const bool on : {false, true}) {
    client_pair<Stream> p;
    apply(p.client, mode::enable_partial_write, on);
    const watchdog dog({socket_of(p.client).native_handle(), socket_of(p.server).native_handle()});
    std::string got;
    std::thread peer([&] {
      std::string room(100000, '\0');
      error_code ec;
      while (!ec) got.append(room, 0, p.server.read_some(net::buffer(room), ec));
    });
    error_code ec;
    const std::size_t n = p.client.write_some(net::buffer(text), ec);
    error_code ignored;
    p.client.shutdown(shutdown_form::send_only, ignored);
    peer.join();
    BOOST_TEST(ec == error_code());
    BOOST_TEST((n == text.size()) == !on);
    BOOST_TEST((got == text.substr(0, n)));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(accept_moving_write_buffer, Stream, both_channels) {
  for (const long fragment : {512L, 16384L}) {
    for (const bool partial : {false, true}) {
      client_pair<Stream> p({TLS1_3_VERSION, tiny});
      SSL_set_max_send_fragment(p.client.native_handle(), fragment);
      apply(p.client, mode::enable_partial_write, partial);
      socket_of(p.client).non_blocking(true);
      apply(p.client, mode::accept_moving_write_buffer, true);
      BOOST_TEST(write_from_copies(p, random_bytes(200000, 1)) == 0);
    }
    client_pair<Stream> p({TLS1_3_VERSION, tiny});
    SSL_set_max_send_fragment(p.client.native_handle(), fragment);
    apply(p.client, mode::enable_partial_write, false);
    socket_of(p.client).non_blocking(true);
    apply(p.client, mode::accept_moving_write_buffer, false);
    BOOST_TEST(write_from_copies(p, random_bytes(200000, 1)) > 0);
  }
}

// With the tickets there and nothing behind them: OpenSSL goes on by itself and asks the transport again, or
// it does not.
BOOST_AUTO_TEST_CASE_TEMPLATE(auto_retry, Stream, both_channels) {
  for (const bool synchronous : {false, true}) {
    std::array<std::uint64_t, 2> reads{};
    for (const bool on : {false, true}) {
      client_pair<Stream> p;
      settle(p.io);
      wait_for_bytes(socket_of(p.client), 300);
      apply(p.client, mode::auto_retry, on);
      const auto before = p.client.stats().transport_reads;
      std::array<char, 10> room{};
      operation read;
      if (synchronous) {
        error_code ec;
        socket_of(p.client).non_blocking(true);
        p.client.read_some(net::buffer(room), ec);
        BOOST_TEST(ec == net::error::would_block);
      } else {
        read = start_read(p.client, net::buffer(room));
        settle(p.io);
        BOOST_TEST(!read.done());
      }
      reads[on ? 1 : 0] = p.client.stats().transport_reads - before;
      const operation reply = start_write(p.server, net::buffer("hello", 5));
      if (synchronous) read = start_read(p.client, net::buffer(room));
      run_until(p.io, [&] { return read.done() && reply.done(); });
      BOOST_TEST(std::string_view(room.data(), read.bytes()) == "hello");
    }
    if (std::is_same_v<Stream, tls_stream>) // another layer cannot say that it has no more
      BOOST_TEST(reads[1] == reads[0] + 1);
    else
      BOOST_TEST(reads[1] <= reads[0] + 1);
  }
}

// The same with new keys instead of tickets, which come alone and then between data.
BOOST_AUTO_TEST_CASE_TEMPLATE(auto_retry_with_new_keys, Stream, both_channels) {
  for (const bool synchronous : {false, true}) {
    std::array<std::uint64_t, 2> reads{};
    for (const bool on : {false, true}) {
      relayed_pair<Stream, tls_stream> p;
      p.handshake();
      int updates = 0;
      count_key_updates(p.client.native_handle(), updates);
      std::array<char, 10> room{};
      apply(p.client, mode::auto_retry, on);
      // What the server writes, in one go, once the client has the tickets.
      const auto write = [&](std::string_view text) {
        const operation op = start_write(p.server, net::buffer(text));
        run_until(p.io, [&] { return op.done(); });
      };
      const auto read = [&](std::string_view expected) {
        std::string got;
        while (got.size() < expected.size()) {
          const operation op = start_read(p.client, net::buffer(room));
          run_until(p.io, [&] { return op.done(); });
          BOOST_REQUIRE(op.good());
          got.append(room.data(), op.bytes());
        }
        BOOST_TEST(got == expected);
      };
      write("one");
      p.send_to_client(p.next_from_server());
      read("one");

      p.server.update_keys(false);
      write("two");
      p.send_to_client(p.next_from_server(key_update_record));
      wait_for_bytes(socket_of(p.client), key_update_record);
      const auto before = p.client.stats().transport_reads;
      operation waiting;
      error_code ec;
      if (synchronous) {
        socket_of(p.client).non_blocking(true);
        p.client.read_some(net::buffer(room), ec);
        BOOST_TEST(ec == net::error::would_block);
      } else {
        waiting = start_read(p.client, net::buffer(room));
        settle(p.io);
        BOOST_TEST(!waiting.done());
      }
      BOOST_TEST(updates == 1);
      reads[on ? 1 : 0] = p.client.stats().transport_reads - before;
      p.send_to_client(p.next_from_server());
      if (synchronous) waiting = start_read(p.client, net::buffer(room));
      run_until(p.io, [&] { return waiting.done(); });
      BOOST_TEST(std::string_view(room.data(), waiting.bytes()) == "two");

      // Between data, all of it there at once, and with a key asked of the client.
      write("three");
      p.server.update_keys(true);
      write("four");
      p.server.update_keys(false);
      write("five");
      p.send_to_client(p.next_from_server());
      read("threefourfive");
      BOOST_TEST(updates == 3);
      const operation back = start_write(p.client, net::buffer("back", 4));
      const operation answer = start_read(p.server, net::buffer(room));
      p.run_until([&] { return back.done() && answer.done(); });
      BOOST_TEST(std::string_view(room.data(), answer.bytes()) == "back");
    }
    if (std::is_same_v<Stream, tls_stream>) // another layer cannot say that it has no more
      BOOST_TEST(reads[1] == reads[0] + 1);
    else
      BOOST_TEST(reads[1] <= reads[0] + 1);
  }
}

// In bytes of heap: what a write leaves behind, and what a stream holds that waits.
BOOST_AUTO_TEST_CASE_TEMPLATE(release_buffers_and_the_idle_policy, Stream, both_channels) {
  constexpr std::size_t one_record = 16384;
  BOOST_REQUIRE(heap_is_counted());
  for (const bool synchronous : {false, true}) {
    for (const bool on : {false, true}) {
      client_pair<Stream> p;
      p.handshake(); // nothing to do, but the handlers' memory is there
      std::array<char, 10> room{};
      operation read = start_read(p.client, net::buffer(room));
      settle(p.io);
      read.cancel();
      run_until(p.io, [&] { return read.done(); });
      const std::size_t idle = heap_bytes();
      apply(p.client, mode::release_buffers, on);
      if (synchronous) {
        p.client.write_some(net::buffer("x", 1));
      } else {
        const operation write = start_write(p.client, net::buffer("x", 1));
        run_until(p.io, [&] { return write.done(); });
      }
      BOOST_TEST((heap_bytes() >= idle + one_record) == !on);
      read = start_read(p.client, net::buffer(room)); // waits: with or without the mode nothing is held
      settle(p.io);
      constexpr std::size_t block = std::is_same_v<Stream, tls_stream> ? 0 : 4096;
      BOOST_TEST(heap_bytes() < idle + block + 2048);
      read.cancel();
      run_until(p.io, [&] { return read.done(); });
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(send_fallback_scsv, Stream, both_channels) {
  constexpr std::uint16_t scsv = 0x5600;
  for (const bool synchronous : {false, true}) {
    for (const bool on : {false, true}) {
      relayed_pair<Stream, asio_stream> p(TLS1_2_VERSION);
      apply(p.client, mode::send_fallback_scsv, on);
      operation c;
      if (synchronous) {
        error_code ec;
        socket_of(p.client).non_blocking(true);
        p.client.handshake(as_client, ec);
        BOOST_TEST(ec == net::error::would_block);
      } else {
        c = start_handshake(p.client, as_client);
        settle(p.io);
      }
      const auto suites = client_hello_of(p.next_from_client()).cipher_suites;
      BOOST_TEST((std::count(suites.begin(), suites.end(), scsv) == 1) == on);
      c.cancel();
      settle(p.io);
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(async, Stream, both_channels) {
  for (const bool synchronous : {false, true}) {
    for (const bool on : {false, true}) {
      tls_pair<asio_stream, Stream> p;
      pausing key(waking::callback, true); // ready before the step returns: nobody must be told
      key.install(p.server.native_handle());
      apply(p.server, mode::async, on);
      const operation c = start_handshake(p.client, as_client);
      if (synchronous) {
        error_code ec = net::error::would_block;
        socket_of(p.server).non_blocking(true);
        run_until(p.io, [&] {
          if (ec) p.server.handshake(as_server, ec);
          return !ec && c.done();
        });
      } else {
        const operation s = start_handshake(p.server, as_server);
        run_until(p.io, [&] { return c.done() && s.done(); });
        BOOST_TEST(s.good());
      }
      BOOST_TEST(c.good());
      BOOST_TEST(key.was_in_job() == on);
      BOOST_TEST(key.pauses() == (on ? 1 : 0));
      BOOST_TEST((p.server.stats().suspended_async > 0) == on);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
