// SPDX-License-Identifier: BSL-1.0
// Over a layer that is not a plain socket: is there ever more than one read of the layer under way? A write
// or a shutdown that finds OpenSSL in the middle of a message of the peer needs the rest of it, as a read
// does.
#include "asio_layered.hpp"
#include "asio_relay.hpp"

#include <tlsmode/job_threads.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(layered_receive)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr net::cancellation_type types[] = {net::cancellation_type::terminal, net::cancellation_type::partial,
                                            net::cancellation_type::total};

net::ssl::context client_with_certificate() {
  net::ssl::context ctx = client_context(TLS1_3_VERSION);
  ctx.use_certificate(net::buffer(client_identity().certificate), net::ssl::context::pem);
  ctx.use_private_key(net::buffer(client_identity().key), net::ssl::context::pem);
  return ctx;
}

net::ssl::context server_with_small_records() {
  net::ssl::context ctx = server_context(TLS1_3_VERSION);
  ctx.add_certificate_authority(net::buffer(authority().certificate));
  ctx.set_verify_mode(net::ssl::verify_peer); // the client's certificate makes tickets long
  SSL_CTX_set_max_send_fragment(ctx.native_handle(), 512);
  return ctx;
}

// An open connection. The first record of the first ticket and what follows it are the test's to deliver.
struct long_tickets : relayed_pair<layered_stream, asio_stream> {
  long_tickets() : relayed_pair(client_with_certificate(), server_with_small_records()) {
    const operation c = start_handshake(client, as_client);
    const operation s = start_handshake(server, as_server);
    test::run_until(io, [&] {
      send_to_server(from_client());
      if (!c.done()) send_to_client(from_server());
      return c.done() && s.done();
    });
    BOOST_REQUIRE(c.good());
    BOOST_REQUIRE(s.good());
    rest = next_from_server();
    const std::size_t body =
        static_cast<unsigned char>(rest.at(3)) * 256U + static_cast<unsigned char>(rest.at(4));
    BOOST_REQUIRE(body > 512U); // more of the message follows
    first = rest.substr(0, 5 + body);
    rest.erase(0, 5 + body);
    client.next_layer().clear_counts();
  }
  [[nodiscard]] const layer_counts& counts() { return client.next_layer().counts(); }

  // A read that has taken the first record and waits for the next one.
  void give_up_reading_the_first_record() {
    operation read = read_the_first_record();
    read.cancel();
    tlsmode::test::run_until(io, [&] { return read.done(); });
  }
  operation read_the_first_record() {
    operation read = start_read(client, net::buffer(room));
    settle(io);
    send_to_client(first);
    test::run_until(io, [&] { return counts().reads == 2; });
    BOOST_TEST(!read.done());
    return read;
  }
  // What the client has written and reported reaches the server.
  void check_server_gets(std::string_view expected) {
    receiver<asio_stream> at_server(server);
    at_server.start(expected.size());
    run_until([&] { return at_server.done(); });
    BOOST_TEST(at_server.data() == expected);
  }
  // And the client can read.
  void check_answer(operation read) {
    const operation answer = start_write(server, net::buffer("hello", 5));
    run_until([&] { return answer.done() && read.done(); });
    BOOST_TEST(read.good());
    BOOST_TEST(std::string_view(room.data(), read.bytes()) == "hello");
  }

  std::string first;
  std::string rest;
  std::array<char, 10> room{};
};

operation start_write_or_shutdown(long_tickets& p, bool write) {
  return write ? start_write(p.client, net::buffer("data", 4))
               : start_shutdown_form(p.client, shutdown_form::send_only);
}

} // namespace

BOOST_AUTO_TEST_CASE(writing_and_closing_wait_for_the_read_that_is_under_way) {
  for (const bool write : {true, false}) {
    long_tickets p;
    const operation read = p.read_the_first_record();
    const operation other = start_write_or_shutdown(p, write);
    settle(p.io);
    BOOST_TEST(!other.done());
    BOOST_TEST(p.counts().reads == 2);
    p.send_to_client(p.rest);
    run_until(p.io, [&] { return other.done(); });
    BOOST_TEST(other.good());
    if (write) p.check_server_gets("data");
    p.check_answer(read);
    BOOST_TEST(p.counts().most_reads == 1);
  }
}

BOOST_AUTO_TEST_CASE(if_the_read_is_cancelled_they_read_themselves) {
  for (const bool write : {true, false}) {
    for (const auto type : types) {
      long_tickets p;
      operation read = p.read_the_first_record();
      const operation other = start_write_or_shutdown(p, write);
      settle(p.io);
      read.cancel(type);
      run_until(p.io, [&] { return read.done() && p.counts().reads == 3; });
      BOOST_TEST(read.aborted());
      BOOST_TEST(!other.done());
      BOOST_TEST(p.counts().reads_at_once == 1);
      p.send_to_client(p.rest);
      run_until(p.io, [&] { return other.done(); });
      BOOST_TEST(other.good());
      if (write) p.check_server_gets("data");
      p.check_answer(start_read(p.client, net::buffer(p.room)));
      BOOST_TEST(p.counts().most_reads == 1);
    }
  }
}

// A step on a job thread sees only what it was given.
BOOST_AUTO_TEST_CASE(they_read_for_their_steps_on_a_job_thread_too) {
  for (const bool write : {true, false}) {
    long_tickets p;
    p.give_up_reading_the_first_record();
    job_threads pool(1);
    p.client.set_mode(mode::async);
    p.client.set_job_scope(job_scope::all);
    p.client.set_placement(placement::job_threads);
    p.client.set_job_threads(pool);
    const operation other = start_write_or_shutdown(p, write);
    run_until(p.io, [&] { return p.counts().reads == 3; });
    BOOST_TEST(!other.done());
    p.send_to_client(p.rest);
    run_until(p.io, [&] { return other.done(); });
    BOOST_TEST(other.good());
    if (write) p.check_server_gets("data");
  }
}

BOOST_AUTO_TEST_CASE(a_read_waits_for_the_one_that_a_write_has_under_way) {
  for (const bool cancel : {false, true}) {
    long_tickets p;
    p.give_up_reading_the_first_record();
    operation write = start_write(p.client, net::buffer("data", 4));
    settle(p.io);
    BOOST_TEST(p.counts().reads == 3); // the write's
    const operation read = start_read(p.client, net::buffer(p.room));
    settle(p.io);
    BOOST_TEST(p.counts().reads == 3);
    if (cancel) {
      write.cancel(net::cancellation_type::total); // nothing is sealed
      run_until(p.io, [&] { return write.done() && p.counts().reads == 4; });
      BOOST_TEST(write.aborted());
      BOOST_TEST(write.bytes() == 0U);
    }
    p.send_to_client(p.rest);
    if (!cancel) {
      run_until(p.io, [&] { return write.done(); });
      BOOST_TEST(write.good());
      p.check_server_gets("data");
    }
    p.check_answer(read);
    BOOST_TEST(p.counts().most_reads == 1);
  }
}

BOOST_AUTO_TEST_CASE(who_waits_for_the_read_of_another_can_be_cancelled) {
  for (const bool write : {true, false}) {
    long_tickets p;
    const operation read = p.read_the_first_record();
    operation other = start_write_or_shutdown(p, write);
    settle(p.io);
    other.cancel(net::cancellation_type::total);
    run_until(p.io, [&] { return other.done(); });
    BOOST_TEST(other.aborted());
    BOOST_TEST(other.bytes() == 0U);
    p.send_to_client(p.rest);
    p.check_answer(read);
    BOOST_TEST(p.counts().most_reads == 1);
  }
}

BOOST_AUTO_TEST_CASE(who_waits_for_the_read_of_another_ends_with_the_stream) {
  long_tickets p;
  const operation read = p.read_the_first_record();
  const operation write = start_write(p.client, net::buffer("data", 4));
  settle(p.io);
  net::ssl::context settings = client_context(TLS1_3_VERSION);
  p.client = layered_stream(counting_layer(tcp_socket(p.io)), settings); // ends the old one
  run_out(p.io);
  BOOST_TEST(read.aborted());
  BOOST_TEST(write.aborted());
}

BOOST_AUTO_TEST_CASE(the_end_of_the_layer_reaches_both) {
  long_tickets p;
  const operation read = p.read_the_first_record();
  const operation write = start_write(p.client, net::buffer("data", 4));
  settle(p.io);
  p.to_client().close();
  run_until(p.io, [&] { return read.done() && write.done(); });
  BOOST_TEST(read.ec() == net::ssl::error::stream_truncated);
  BOOST_TEST(!write.good());
  BOOST_TEST(p.counts().most_reads == 1);
}

BOOST_AUTO_TEST_CASE(synchronous_operations_leave_the_read_alone) {
  for (const bool write : {true, false}) {
    long_tickets p;
    const operation read = p.read_the_first_record();
    socket_of(p.client).non_blocking(true);
    error_code ec;
    const auto call = [&] {
      if (write)
        p.client.write_some(net::buffer("data", 4), ec);
      else
        p.client.shutdown(shutdown_form::send_only, ec);
    };
    call();
    BOOST_TEST((ec == error::operation_in_progress));
    BOOST_TEST(p.counts().reads == 2);
    p.send_to_client(p.rest);
    run_until(p.io, [&] { return p.counts().reads > 2; });
    call();
    while ((ec == error::operation_in_progress)) {
      p.io.run_one();
      call();
    }
    BOOST_TEST(ec == error_code());
    if (write) p.check_server_gets("data");
    p.check_answer(read);
  }
}

BOOST_AUTO_TEST_SUITE_END()
