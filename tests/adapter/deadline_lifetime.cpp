// SPDX-License-Identifier: BSL-1.0
// What does a time limit cost besides? It keeps no loop running and no memory, follows the stream when that
// moves, ends with it, and keeps to the executors and allocators of the handlers.
#include "asio_layered.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>

BOOST_AUTO_TEST_SUITE(deadline_lifetime)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr auto soon = std::chrono::milliseconds(5);
constexpr auto late = std::chrono::hours(1);

template <class Stream>
using client_pair = open_pair<tls_pair<Stream, asio_stream>>;

// Counts what it gives out.
template <class T>
struct counting_allocator {
  using value_type = T;
  long* live;
  explicit counting_allocator(long* l) noexcept : live(l) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) noexcept : live(other.live) {}
  T* allocate(std::size_t n) const {
    ++*live;
    return static_cast<T*>(std::malloc(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t) const {
    --*live;
    std::free(p);
  }
  template <class U>
  friend bool operator==(const counting_allocator& a, const counting_allocator<U>& b) noexcept {
    return a.live == b.live;
  }
};

// A read with an allocator, and a cancellation slot or not.
struct measured {
  long live = 0;
  long most = 0; // when it was asked
  int calls = 0;
  long live_at_upcall = -1;
  error_code ec;
  net::cancellation_signal signal;

  struct handler {
    measured* m;
    bool slot;
    using allocator_type = counting_allocator<char>;
    using cancellation_slot_type = net::cancellation_slot;
    [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(&m->live); }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
      return slot ? m->signal.slot() : net::cancellation_slot();
    }
    void operator()(error_code e, std::size_t) const {
      ++m->calls;
      m->live_at_upcall = m->live;
      m->ec = e;
    }
  };
};

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(the_loop_ends_with_the_operations, Stream, both_channels) {
  client_pair<Stream> p;
  p.client.expires_after(late);
  std::array<char, 10> room{};
  for (int i = 0; i < 3; ++i) {
    const operation reply = start_write(p.server, net::buffer("hello", 5));
    const operation read = start_read(p.client, net::buffer(room));
    const operation write = start_write(p.client, net::buffer("hello", 5));
    run_out(p.io);
    BOOST_TEST(reply.good());
    BOOST_TEST(read.good());
    BOOST_TEST(write.good());
  }
  p.server.next_layer().close();
  const operation end = start_read(p.client, net::buffer(room)); // and when they fail
  run_out(p.io);
  BOOST_TEST(bool(end.ec()));
  BOOST_TEST(end.ec() != net::error::timed_out);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_stream_goes_away, Stream, both_channels) {
  client_pair<Stream> p({TLS1_3_VERSION, tiny});
  auto mortal = std::make_unique<Stream>(std::move(p.client));
  mortal->expires_after(late);
  const std::string text = random_bytes(200000, 1);
  std::array<char, 10> room{};
  const operation ops[] = {start_read(*mortal, net::buffer(room)), start_read(*mortal, net::buffer(room)),
                           start_write(*mortal, net::buffer(text)), start_write(*mortal, net::buffer(text)),
                           start_wait(*mortal, net::socket_base::wait_read)};
  settle(p.io);
  mortal.reset();
  run_out(p.io);
  for (const operation& op : ops) {
    BOOST_TEST(op.calls() == 1);
    BOOST_TEST(op.aborted());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_handler_destroys_the_stream, Stream, both_channels) {
  client_pair<Stream> p;
  auto mortal = std::make_unique<Stream>(std::move(p.client));
  mortal->expires_after(soon);
  std::array<char, 10> room{};
  const operation read =
      start_read(*mortal, net::buffer(room), [&](error_code, std::size_t) { mortal.reset(); });
  const operation behind = start_read(*mortal, net::buffer(room));
  run_out(p.io);
  BOOST_TEST(read.ec() == net::error::timed_out);
  BOOST_TEST(behind.calls() == 1);
  BOOST_TEST(bool(behind.ec()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_stream_moves, Stream, both_channels) {
  client_pair<Stream> p;
  p.client.expires_after(late);
  std::array<char, 10> room{};
  operation read = start_read(p.client, net::buffer(room));
  settle(p.io);
  read.cancel();
  run_until(p.io, [&] { return read.done(); });
  p.client.expires_after(soon);
  Stream moved(std::move(p.client)); // with a limit that is not reached yet, and a watch on its way out
  const operation timed = start_read(moved, net::buffer(room));
  run_until(p.io, [&] { return timed.done(); });
  BOOST_TEST(timed.ec() == net::error::timed_out);
  p.client = std::move(moved);
  const operation again = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return again.done(); });
  BOOST_TEST(again.ec() == net::error::timed_out, "it stays until another one is set");
  p.client.expires_after(soon);
  const operation last = start_read(p.client, net::buffer(room));
  run_out(p.io);
  BOOST_TEST(last.ec() == net::error::timed_out);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(handlers_run_where_they_belong, Stream, both_channels) {
  client_pair<Stream> p;
  auto strand = net::make_strand(p.io);
  p.client.expires_after(soon);
  std::array<char, 10> room{};
  operation timed;
  bool inside = false;
  p.client.async_read_some(net::buffer(room),
                           net::bind_executor(strand, timed.make_handler([&](error_code, std::size_t) {
                             inside = strand.running_in_this_thread();
                           })));
  run_until(p.io, [&] { return timed.done(); });
  BOOST_TEST(timed.ec() == net::error::timed_out);
  BOOST_TEST(inside);
}

// An executor whose loop nobody runs any more must not take the limits of later operations with it.
BOOST_AUTO_TEST_CASE_TEMPLATE(another_loop_may_be_gone, Stream, both_channels) {
  client_pair<Stream> p;
  std::array<char, 10> room{};
  auto other = std::make_unique<net::io_context>();
  p.client.expires_after(late);
  operation first;
  p.client.async_read_some(net::buffer(room),
                           net::bind_executor(other->get_executor(), first.make_handler()));
  const operation reply = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] {
    other->restart();
    if (!first.done()) other->poll_one();
    return first.done() && reply.done();
  });
  BOOST_TEST(first.good());
  p.client.expires_after(soon);
  const operation second = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return second.done(); });
  BOOST_TEST(second.ec() == net::error::timed_out);
  other.reset();
  p.client.expires_after(soon);
  const operation third = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return third.done(); });
  BOOST_TEST(third.ec() == net::error::timed_out);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(all_memory_is_the_handlers_and_free_before_the_upcall, Stream, both_channels) {
  for (const bool with_slot : {true, false}) {
    for (const bool in_time : {true, false}) {
      client_pair<Stream> p;
      p.client.expires_after(in_time ? std::chrono::milliseconds(late) : soon);
      std::array<char, 10> room{};
      measured read;
      p.client.async_read_some(net::buffer(room), measured::handler{&read, with_slot});
      BOOST_TEST(read.live >= 2, "the operation, and its place under the limit");
      operation reply;
      if (in_time) reply = start_write(p.server, net::buffer("hello", 5));
      run_out(p.io);
      BOOST_TEST(read.calls == 1);
      BOOST_TEST(read.ec == (in_time ? error_code() : error_code(net::error::timed_out)));
      BOOST_TEST(read.live_at_upcall == 0);
      BOOST_TEST(read.live == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_loop_goes_away, Stream, both_channels) {
  const std::string text = random_bytes(200000, 1);
  std::array<char, 10> room{};
  measured read; // must outlive the loop, which holds its memory
  operation write;
  auto p = std::make_unique<client_pair<Stream>>(pair_options{TLS1_3_VERSION, tiny});
  p->client.expires_after(late);
  p->client.async_read_some(net::buffer(room), measured::handler{&read, true});
  write = start_write(p->client, net::buffer(text));
  settle(p->io);
  p.reset();
  BOOST_TEST(read.calls == 0);
  BOOST_TEST(write.calls() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
