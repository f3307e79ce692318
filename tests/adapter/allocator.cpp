// SPDX-License-Identifier: BSL-1.0
// Does the memory of an operation come from the handler's allocator, all of it, and is it given back before
// the handler is called?
#include "asio_counters.hpp"
#include "asio_layered.hpp"
#include "job_pauser.hpp"

#include <tlsmode/job_threads.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdlib>

BOOST_AUTO_TEST_SUITE(allocators)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

struct memory {
  long live = 0;
  long taken = 0;
};

// Takes memory from malloc, past operator new.
template <class T>
struct counting_allocator {
  using value_type = T;
  memory* counts;
  explicit counting_allocator(memory* m) noexcept : counts(m) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) noexcept : counts(other.counts) {}
  T* allocate(std::size_t n) const {
    ++counts->live;
    ++counts->taken;
    return static_cast<T*>(std::malloc(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t) const {
    --counts->live;
    std::free(p);
  }
  template <class U>
  friend bool operator==(const counting_allocator& a, const counting_allocator<U>& b) noexcept {
    return a.counts == b.counts;
  }
};

template <>
struct counting_allocator<void> {
  using value_type = void;
  memory* counts;
  explicit counting_allocator(memory* m) noexcept : counts(m) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) noexcept : counts(other.counts) {}
  template <class U>
  friend bool operator==(const counting_allocator& a, const counting_allocator<U>& b) noexcept {
    return a.counts == b.counts;
  }
};

// One operation and its memory.
struct measured {
  memory counts;
  int calls = 0;
  long live_at_upcall = -1;
  long others = 0; // allocations past the allocator, from the initiation to the upcall
  error_code ec;
  std::size_t bytes = 0;

  struct handler {
    measured* m;
    using allocator_type = counting_allocator<void>;
    [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(&m->counts); }
    void operator()(error_code result, std::size_t n = 0) const {
      ++m->calls;
      m->live_at_upcall = m->counts.live;
      m->others += allocations();
      m->ec = result;
      m->bytes = n;
    }
  };
  handler start() {
    others = -allocations();
    return handler{this};
  }
  void check() const {
    BOOST_TEST(calls == 1);
    BOOST_TEST(ec == error_code());
    BOOST_TEST(live_at_upcall == 0, "all memory is given back before the handler is called");
    BOOST_TEST(counts.live == 0);
    BOOST_TEST(counts.taken > 0);
  }
};

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(reads_and_writes_take_all_memory_from_the_handlers_allocator, Stream,
                              both_channels) {
  open_pair<tls_pair<Stream, tls_stream>> p;
  for (int round = 0; round < 2; ++round) { // in the first one the io_context and OpenSSL grow
    std::array<char, 4> room{};
    std::array<char, 10> text{};
    measured reads[4];
    measured writes[2];
    // One waits for the socket, the next one in the queue; two more are complete at once.
    p.client.async_read_some(net::buffer(room), reads[0].start());
    p.client.async_read_some(net::buffer(room), reads[1].start());
    settle(p.io);
    p.server.async_write_some(net::buffer(text), writes[0].start());
    run_until(p.io, [&] { return reads[1].calls != 0 && writes[0].calls != 0; });
    p.client.async_read_some(net::buffer(room), reads[2].start());
    run_until(p.io, [&] { return reads[2].calls != 0; });
    p.server.async_write_some(net::buffer(text), writes[1].start());
    wait_for_bytes(socket_of(p.client));
    p.client.async_read_some(net::buffer(room), reads[3].start());
    run_until(p.io, [&] { return reads[3].calls != 0 && writes[1].calls != 0; });
    for (const measured& m : reads) m.check();
    for (const measured& m : writes) m.check();
    if (round == 0) continue;
    // Another layer's bytes are in blocks that the stream owns.
    if (std::is_same_v<Stream, tls_stream>)
      for (const measured& m : reads) BOOST_TEST(m.others == 0);
    for (const measured& m : writes) BOOST_TEST(m.others == 0);
    std::array<char, 100> rest{};
    const operation drain = start_read(p.client, net::buffer(rest));
    run_until(p.io, [&] { return drain.done(); });
  }
  for (const char* name : {"read", "read behind a read", "write"})
    conforms("allocators", name, channel_name<Stream>);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(operations_that_wait_for_room_and_for_each_other_give_it_back, Stream,
                              both_channels) {
  tls_pair<Stream, tls_stream> p(pair_options{TLS1_3_VERSION, tiny});
  measured c;
  measured s;
  p.client.async_handshake(as_client, c.start());
  p.server.async_handshake(as_server, s.start());
  run_until(p.io, [&] { return c.calls == 1 && s.calls == 1; });
  c.check();
  s.check();
  const std::string text = random_bytes(100000, 1);
  p.client.clear_mode(mode::enable_partial_write);
  measured writes[3];
  measured bye;
  measured peer;
  for (measured& m : writes) p.client.async_write_some(net::buffer(text), m.start());
  p.client.async_shutdown(bye.start());
  settle(p.io);
  BOOST_TEST(writes[0].calls == 0);
  receiver in(p.server);
  in.start();
  run_until(p.io, [&] { return in.done(); });
  p.server.async_shutdown(peer.start());
  run_until(p.io, [&] { return bye.calls == 1 && peer.calls == 1; });
  for (const measured& m : writes) m.check();
  bye.check();
  peer.check();
  for (const char* name : {"handshake", "write behind a write", "shutdown behind a write", "shutdown"})
    conforms("allocators", name, channel_name<Stream>);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(waits_for_readiness_give_it_back, Stream, both_channels) {
  open_pair<tls_pair<Stream, tls_stream>> p({TLS1_3_VERSION, tiny});
  measured readable;
  measured second;
  p.client.async_wait(net::socket_base::wait_read, readable.start());
  p.client.async_wait(net::socket_base::wait_read, second.start());
  settle(p.io);
  BOOST_TEST(readable.calls + second.calls == 0);
  const operation write = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] { return readable.calls == 1 && second.calls == 1 && write.done(); });
  readable.check();
  second.check();

  p.client.clear_mode(mode::enable_partial_write);
  const std::string text = random_bytes(1 << 20, 1);
  measured room;
  const operation blocked = start_write(p.client, net::buffer(text));
  p.client.async_wait(net::socket_base::wait_write, room.start());
  settle(p.io);
  BOOST_TEST(room.calls == 0);
  receiver in(p.server);
  in.start(text.size());
  run_until(p.io, [&] { return room.calls == 1 && blocked.done() && in.done(); });
  room.check();
  conforms("allocators", "wait for reading", channel_name<Stream>);
  conforms("allocators", "wait for writing", channel_name<Stream>);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(handshakes_that_have_begun_elsewhere_and_that_wait_for_jobs_give_it_back,
                              Stream, both_channels) {
  for (const bool calls_back : {false, true}) {
    tls_pair<asio_stream, Stream> p;
    job_pauser crypto(p.server.native_handle());
    crypto.arm(job_pauser::point::certificate);
    if (calls_back) crypto.promise_callback(); // else the job is asked again and again
    p.server.set_mode(mode::async);
    p.server.set_placement(placement::inline_);
    const operation c = start_handshake(p.client, as_client);
    p.io.restart();
    p.io.poll();
    wait_for_bytes(socket_of(p.server));
    std::array<char, 2000> hello{};
    const std::size_t size = socket_of(p.server).read_some(net::buffer(hello));
    measured s;
    p.server.async_handshake(as_server, net::buffer(hello, size), s.start());
    run_until(p.io, [&] { return crypto.pauses() != 0; });
    BOOST_TEST(s.calls == 0);
    crypto.release();
    if (calls_back) crypto.call_back();
    run_until(p.io, [&] { return s.calls == 1 && c.done(); });
    s.check();
    BOOST_TEST(s.bytes == size);
  }
  conforms("allocators", "handshake that has begun, as a job", channel_name<Stream>);
}

// A step that goes to a job thread is kept in one place until it is back.
BOOST_AUTO_TEST_CASE_TEMPLATE(steps_on_job_threads_give_it_back, Stream, both_channels) {
  tls_pair<asio_stream, Stream> p;
  job_threads pool(1);
  p.server.set_mode(mode::async);
  p.server.set_placement(placement::job_threads);
  p.server.set_job_threads(pool);
  const operation c = start_handshake(p.client, as_client);
  measured s;
  p.server.async_handshake(as_server, s.start());
  run_until(p.io, [&] { return s.calls == 1 && c.done(); });
  s.check();
}

// What is complete at once is posted, and that takes memory too.
BOOST_AUTO_TEST_CASE_TEMPLATE(so_does_what_is_posted_to_an_executor_of_the_handler, Stream, both_channels) {
  open_pair<tls_pair<Stream, tls_stream>> p;
  measured write;
  p.client.async_write_some(net::const_buffer(), net::bind_executor(p.io.get_executor(), write.start()));
  run_until(p.io, [&] { return write.calls == 1; });
  write.check();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(pending_operations_give_it_back_when_their_io_context_is_destroyed, Stream,
                              both_channels) {
  measured read;
  measured second;
  std::array<char, 10> room{};
  {
    open_pair<tls_pair<Stream, tls_stream>> p;
    p.client.async_read_some(net::buffer(room), read.start());
    p.client.async_read_some(net::buffer(room), second.start());
    settle(p.io);
    BOOST_TEST(read.counts.live > 0);
    BOOST_TEST(second.counts.live > 0);
  }
  BOOST_TEST(read.calls + second.calls == 0);
  BOOST_TEST(read.counts.live == 0);
  BOOST_TEST(second.counts.live == 0);
  conforms("allocators", "io_context destroyed", channel_name<Stream>);
}

BOOST_AUTO_TEST_SUITE_END()
