// SPDX-License-Identifier: BSL-1.0
// Invariant 1, cancelled writes: does a cancelled write report exactly the bytes that the peer gets, and does
// the connection go on after it as if they had been a write of their own?
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

BOOST_AUTO_TEST_SUITE(cancelled_writes)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

struct fault {
  std::size_t capacity;
  std::size_t fragment;
  int steps; // how many times the write is tried before it is cancelled
  bool partial;
  bool delivered; // whether the peer takes bytes between these tries
};

std::ostream& operator<<(std::ostream& out, const fault& f) {
  return out << "capacity " << f.capacity << ", fragment " << f.fragment << ", steps " << f.steps
             << ", partial " << f.partial << ", delivered " << f.delivered;
}

void settle_slowly(memory_pair& pair) {
  for (int i = 0; i < 100'000; ++i) {
    const step s = pair.client.flush();
    if (deliver(pair.client, pair.server) == 0) pair.client.wire.set_capacity(333);
    if (s.complete()) return;
  }
}

// Cancels a write under the fault and then goes on with another write.
void try_fault(const fault& f) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  endpoint& c = pair.client;
  if (!f.partial) c.tls.clear_mode(mode::enable_partial_write);
  SSL_set_max_send_fragment(c.native(), static_cast<long>(f.fragment));
  c.wire.set_capacity(f.capacity);
  std::string data = pattern(60'000);
  const std::string expected = data;

  step s;
  for (int i = 0; i < f.steps; ++i) {
    s = c.write(data);
    if (s.complete()) break;
    if (f.delivered) deliver(c, pair.server);
  }
  const std::size_t announced = c.tls.unfinished_write();
  const std::size_t cancelled = c.tls.cancel_write();
  data.assign(data.size(), '!'); // the caller's memory is the caller's again
  const std::size_t n = s.why == suspend::none ? s.bytes : cancelled;
  if (s.why != suspend::none) {
    BOOST_TEST(announced == cancelled);
    BOOST_TEST(n > 0);
    BOOST_TEST((n % f.fragment == 0 || n == data.size()));
  } else {
    BOOST_TEST(cancelled == 0u);
  }
  BOOST_TEST(c.tls.unfinished_write() == 0u);
  BOOST_TEST(c.tls.cancel_write() == 0u);
  BOOST_TEST(c.tls.stats().plain_written == n);

  const std::string next = pattern(20'000, 2);
  std::string_view rest = next;
  for (int i = 0; i < 100'000 && !rest.empty(); ++i) {
    const step w = c.write(rest);
    BOOST_REQUIRE(!w.error);
    rest.remove_prefix(w.bytes);
    if (!w.complete() && deliver(c, pair.server) == 0) c.wire.set_capacity(333);
  }
  BOOST_TEST(rest.empty());
  settle_slowly(pair);
  BOOST_TEST(same_bytes(pair.server.read_all(), expected.substr(0, n) + next));
  BOOST_TEST(pair.server.last.why == suspend::want_read);
  BOOST_TEST(pair.server.tls.stats().plain_read == n + next.size());
}

} // namespace

BOOST_AUTO_TEST_CASE(the_reported_bytes_arrive_and_then_the_next_write) {
  for (const std::size_t capacity : {0u, 1u, 5u, 100u, 5000u, 16000u, 16406u, 20000u, 40000u})
    for (const std::size_t fragment : {std::size_t{512}, std::size_t{16384}})
      for (const int steps : {1, 2, 3, 7})
        for (const bool partial : {false, true})
          for (const bool delivered : {false, true}) {
            const fault f{capacity, fragment, steps, partial, delivered};
            BOOST_TEST_CONTEXT(f) try_fault(f);
          }
}

BOOST_AUTO_TEST_CASE(the_number_of_bytes_is_what_the_sealed_records_hold) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  pair.client.tls.clear_mode(mode::enable_partial_write);
  pair.client.wire.set_capacity(40'000);
  const std::string data = pattern(100'000);
  BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
  const std::size_t n = pair.client.tls.cancel_write();
  pair.client.wire.set_capacity(no_limit);
  BOOST_TEST(completes(pair.client.flush()));
  std::size_t sealed = 0;
  for (const record& r : records_of(text_of(pair.client.wire.output())))
    sealed += r.body.size() + 5 - record_overhead;
  BOOST_TEST(n == sealed);
}

BOOST_AUTO_TEST_CASE(a_read_starts_the_flush_and_does_not_wait_for_it) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  pair.client.wire.set_capacity(100);
  const std::string data = pattern(16384);
  BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
  BOOST_TEST(pair.client.tls.cancel_write() == data.size());
  BOOST_TEST(completes(pair.server.write("the peer wants to be read first"), 31));
  deliver(pair.server, pair.client);
  pair.client.wire.consume(pair.client.wire.output().size()); // room for 100 more
  std::string room(100, '\0');
  BOOST_TEST(completes(pair.client.read(room), 31));
  BOOST_TEST(pair.client.wire.output().size() == 100u);
  BOOST_TEST(stops(pair.client.read(room), suspend::want_read));
  BOOST_TEST(pair.client.tls.flush_pending());
}

BOOST_AUTO_TEST_CASE(nothing_is_unfinished_before_and_after_a_complete_write) {
  memory_pair pair;
  BOOST_TEST(pair.client.tls.cancel_write() == 0u);
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(completes(pair.client.write("whole"), 5));
  BOOST_TEST(pair.client.tls.unfinished_write() == 0u);
  BOOST_TEST(pair.client.tls.cancel_write() == 0u);
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), "whole"));
}

BOOST_AUTO_TEST_CASE(close_notify_follows_a_cancelled_write) {
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  pair.client.wire.set_capacity(100);
  const std::string data = pattern(30'000);
  BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
  const std::size_t n = pair.client.tls.cancel_write();
  step s;
  for (int i = 0; i < 1000; ++i) {
    s = pair.client.shutdown(shutdown_form::send_only);
    if (s.complete()) break;
    BOOST_TEST(s.why == suspend::want_write);
    deliver(pair.client, pair.server);
  }
  BOOST_TEST(completes(s));
  pair.settle();
  BOOST_TEST(same_bytes(pair.server.read_all(), data.substr(0, n)));
  BOOST_TEST(fails(pair.server.last, error::end_of_stream));
}

BOOST_AUTO_TEST_SUITE_END()
