// SPDX-License-Identifier: BSL-1.0
// Does each mode bit do its work? A case fails when its bit is not applied. Partial and whole writes are also
// in test_writes.cpp, RELEASE_BUFFERS and the idle policy in test_buffers.cpp, the fallback signal in
// test_fallback_scsv.cpp, and jobs in test_handshake_jobs.cpp.
#include "counting_transport.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <memory>

BOOST_AUTO_TEST_SUITE(modes_at_work)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// How records come to be small: by the sender's own setting, or because the client asks for it (RFC 6066).
enum class fragments { by_setting, by_extension };

struct fragmented {
  std::size_t size; // 512 or 16,384 bytes
  fragments how;
};

std::ostream& operator<<(std::ostream& out, const fragmented& f) {
  return out << f.size << (f.how == fragments::by_setting ? " by setting" : " by extension");
}

const fragmented all_fragmented[] = {
    {512, fragments::by_setting}, {512, fragments::by_extension}, {16384, fragments::by_setting}};

struct cut_pair : memory_pair {
  explicit cut_pair(const fragmented& f) {
    if (f.how == fragments::by_extension)
      SSL_set_tlsext_max_fragment_length(client.native(), TLSEXT_max_fragment_length_512);
    BOOST_REQUIRE(connect());
    if (f.how == fragments::by_setting)
      BOOST_REQUIRE(SSL_set_max_send_fragment(client.native(), static_cast<long>(f.size)) == 1);
  }
  // Repeats the write of `data` until it is over, from a new copy each time; the old one is overwritten.
  step write_from_copies(std::string_view data, std::size_t room) {
    std::unique_ptr<std::string> copy;
    for (int i = 0; i < 10'000; ++i) {
      auto next = std::make_unique<std::string>(data);
      if (copy) std::fill(copy->begin(), copy->end(), '!');
      copy = std::move(next);
      client.wire.set_capacity(room);
      const step s = client.write(*copy);
      if (s.complete()) return s;
      BOOST_REQUIRE(stops(s, suspend::want_write));
      wire += text_of(client.wire.output());
      deliver(client, server);
    }
    return {suspend::want_write, 0, {}};
  }
  std::string received() {
    client.wire.set_capacity(no_limit);
    client.flush();
    wire += text_of(client.wire.output());
    settle();
    return server.read_all();
  }
  std::string wire; // all that the client has sent
};

} // namespace

BOOST_AUTO_TEST_CASE(enable_partial_write_with_the_window_shut) {
  for (const fragmented& f : all_fragmented) {
    BOOST_TEST_CONTEXT(f) {
      for (const bool on : {false, true}) {
        cut_pair pair(f);
        if (on)
          pair.client.tls.set_mode(mode::enable_partial_write);
        else
          pair.client.tls.clear_mode(mode::enable_partial_write);
        const std::string data = pattern(50'000);
        const step s = pair.write_from_copies(data, 100); // not even one record fits
        BOOST_TEST(completes(s, on ? f.size : data.size()));
        BOOST_TEST(same_bytes(pair.received(), data.substr(0, s.bytes)));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(accept_moving_write_buffer) {
  for (const fragmented& f : all_fragmented) {
    for (const std::size_t room : {100u, 1000u, 20'000u}) {
      BOOST_TEST_CONTEXT(f << ", room " << room) {
        cut_pair pair(f);
        pair.client.tls.clear_mode(mode::enable_partial_write);
        const std::string data = pattern(50'000);
        BOOST_TEST(completes(pair.write_from_copies(data, room), data.size()));
        BOOST_TEST(same_bytes(pair.received(), data));
        const std::size_t records = (data.size() + f.size - 1) / f.size;
        BOOST_TEST(count_records(pair.wire, content::application_data) ==
                   records); // they are as small as asked
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(without_accept_moving_write_buffer) {
  for (const fragmented& f : all_fragmented) {
    BOOST_TEST_CONTEXT(f) {
      cut_pair pair(f);
      pair.client.tls.clear_mode(mode::enable_partial_write | mode::accept_moving_write_buffer);
      const std::string data = pattern(50'000);
      const std::string copy = data;
      pair.client.wire.set_capacity(100);
      BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
      for (int i = 0; i < 2; ++i)
        BOOST_TEST(fails(pair.client.write(copy), error::write_buffer_moved)); // ours, and not OpenSSL's
      BOOST_TEST(pair.client.tls.state() == connection_state::open);
      step s{suspend::want_write, 0, {}};
      for (int i = 0; i < 10'000 && !s.complete(); ++i) {
        deliver(pair.client, pair.server);
        s = pair.client.write(data);
      }
      BOOST_TEST(completes(s, data.size()));
      BOOST_TEST(same_bytes(pair.received(), data));
    }
  }
}

// With tickets and KeyUpdates between the data. OpenSSL goes on by itself, and so asks the transport once
// more, or comes back after each of them, and then the engine knows better than to ask.
BOOST_AUTO_TEST_CASE(auto_retry) {
  for (const bool on : {false, true}) {
    BOOST_TEST_CONTEXT("on: " << on) {
      memory_pair pair;
      for (int i = 0; i < 10 && !(pair.server.last.complete() && pair.client.last.complete()); ++i)
        pair.advance();
      pair.settle(); // the tickets are with the client, unread
      if (on)
        pair.client.tls.set_mode(mode::auto_retry);
      else
        pair.client.tls.clear_mode(mode::auto_retry);
      counting_transport t(pair.client.wire, true);
      std::string room(100, '\0');
      const mutable_buffer to = room_in(room);
      const auto read = [&] { return pair.client.tls.read(t, {&to, 1}); };
      BOOST_TEST(stops(read(), suspend::want_read));
      BOOST_TEST(t.blocked_reads == (on ? 1 : 0));

      std::string sent;
      for (int i = 0; i < 4; ++i) {
        BOOST_REQUIRE(SSL_key_update(pair.server.native(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
        const std::string data = pattern(10, static_cast<std::uint64_t>(i));
        BOOST_REQUIRE(completes(pair.server.write(data), data.size()));
        sent += data;
      }
      deliver(pair.server, pair.client);
      BOOST_TEST(completes(read(), sent.size())); // one read takes it all
      BOOST_TEST(room.substr(0, sent.size()) == sent);

      // A KeyUpdate that nothing follows.
      const int before = t.blocked_reads;
      BOOST_REQUIRE(SSL_key_update(pair.server.native(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
      SSL_do_handshake(pair.server.native());
      pair.server.flush();
      pair.settle();
      BOOST_TEST(stops(read(), suspend::want_read));
      BOOST_TEST(t.blocked_reads - before == (on ? 1 : 0));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
