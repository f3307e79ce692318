// SPDX-License-Identifier: BSL-1.0
// When and how often is a handler called? Never from inside the initiating function, exactly once, never
// after its io_context is gone; and it may do to the stream what it likes. And does io_context::run() stay
// for it?
#include "asio_layered.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <optional>

BOOST_AUTO_TEST_SUITE(invocation)

using namespace tlsmode;
using namespace tlsmode::test;

BOOST_AUTO_TEST_CASE_TEMPLATE(never_from_inside_the_initiating_function, Stream, both_channels) {
  open_pair<tls_pair<Stream, asio_stream>> p;
  std::array<char, 5> room{};
  // Data that is decrypted already: the rest of a record.
  const operation reply = start_write(p.server, net::buffer("0123456789abcdef", 16));
  const operation first = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return first.done(); });
  BOOST_TEST(p.client.pending() == 11U);
  const operation second = start_read(p.client, net::buffer(room));
  BOOST_TEST(!second.done());
  const operation write = start_write(p.client, net::buffer("hello", 5));
  BOOST_TEST(!write.done());
  const operation nothing = start_write(p.client, net::const_buffer());
  BOOST_TEST(!nothing.done());
  const operation again = start_handshake(p.client, as_client);
  BOOST_TEST(!again.done());
  operation cancelled = start_read(p.client, net::buffer(room));
  cancelled.cancel();
  BOOST_TEST(!cancelled.done());
  const operation bye = start_shutdown_form(p.client, shutdown_form::send_only);
  BOOST_TEST(!bye.done());
  const operation late = start_write(p.client, net::buffer("hello", 5));
  BOOST_TEST(!late.done());
  run_out(p.io);
  for (const operation& op : {second, write, nothing, again, cancelled, bye, late})
    BOOST_TEST(op.calls() == 1);
  BOOST_TEST(second.bytes() == 5U);
  BOOST_TEST(late.ec() == tlsmode::error::write_after_shutdown);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_handler_may_start_the_next_operation, Stream, both_channels) {
  open_pair<tls_pair<Stream, asio_stream>> p;
  int writes = 0;
  std::function<void(error_code, std::size_t)> next = [&](error_code ec, std::size_t) {
    BOOST_TEST(ec == error_code());
    if (++writes < 1000) start_write(p.client, net::buffer("x", 1), next);
  };
  start_write(p.client, net::buffer("x", 1), next);
  receiver in(p.server);
  in.start(1000);
  run_until(p.io, [&] { return writes == 1000 && in.done(); });
  BOOST_TEST(in.data() == std::string(1000, 'x'));
}

// At every operation's end, with the other direction still outstanding.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_handler_may_destroy_the_stream, Stream, both_channels) {
  for (int which = 0; which < 4; ++which) {
    net::io_context io;
    net::ssl::context client_settings = client_context(TLS1_3_VERSION);
    net::ssl::context server_settings = server_context(TLS1_3_VERSION);
    auto sockets = tcp_pair(io.get_executor(), io.get_executor());
    std::optional<Stream> client;
    client.emplace(std::move(sockets.first), client_settings);
    asio_stream server(std::move(sockets.second), server_settings);
    const auto destroy_if = [&](int mine) {
      return [&, mine](auto, auto) {
        if (which == mine) client.reset();
      };
    };
    const operation s = start_handshake(server, as_server);
    const operation c = start_handshake(*client, as_client, destroy_if(0));
    run_until(io, [&] { return c.done() && s.done(); });
    if (!client) continue;
    std::array<char, 10> room{};
    const operation pending = start_read(*client, net::buffer(room), destroy_if(1));
    const operation reply = which == 1 ? start_write(server, net::buffer("hello", 5)) : operation();
    const operation write = start_write(*client, net::buffer("hello", 5), destroy_if(2));
    run_until(io, [&] { return write.done() && (which == 2 || which != 1 || pending.done()); });
    if (client) {
      const operation bye = start_shutdown(*client, destroy_if(3));
      const operation bye_too = start_shutdown(server);
      run_until(io, [&] { return bye.done(); });
    }
    BOOST_TEST(!client);
    run_out(io);
    BOOST_TEST(pending.calls() == 1);
    if (which == 2) BOOST_TEST(pending.aborted());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_io_context_may_be_destroyed_with_operations_pending, Stream,
                              both_channels) {
  operation read;
  operation write;
  operation second_write;
  operation second_read;
  operation bye;
  operation handshake;
  const std::string text = random_bytes(500000, 1);
  const auto alive = std::make_shared<int>(0);
  std::array<char, 10> room{};
  {
    open_pair<tls_pair<Stream, asio_stream>> p({TLS1_3_VERSION, tiny});
    tls_pair<asio_stream, Stream> other;
    const auto hold = [alive](auto, auto) {};
    write = start_write(p.client, net::buffer(text), hold);
    second_write = start_write(p.client, net::buffer(text), hold);
    bye = start_shutdown(p.client, hold);
    read = start_read(p.client, net::buffer(room), hold);
    second_read = start_read(p.client, net::buffer(room), hold);
    handshake = start_handshake(other.server, as_server, hold);
    settle(p.io);
    settle(other.io);
    BOOST_TEST(alive.use_count() > 6);
  }
  // The records keep the callbacks that were not called; without them nothing holds on to `alive`.
  for (operation* op : {&read, &write, &second_write, &second_read, &bye, &handshake}) {
    BOOST_TEST(op->calls() == 0);
    *op = operation();
  }
  BOOST_TEST(alive.use_count() == 1);
}

// The stream belongs to its handlers: destroying the io_context destroys them, and the stream with them.
BOOST_AUTO_TEST_CASE_TEMPLATE(the_io_context_may_be_destroyed_with_streams_owned_by_handlers, Stream,
                              both_channels) {
  auto io = std::make_unique<net::io_context>();
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io->get_executor(), io->get_executor(), tiny);
  auto client = std::make_shared<Stream>(std::move(sockets.first), client_settings);
  auto server = std::make_shared<tls_stream>(std::move(sockets.second), server_settings);
  {
    const operation c = start_handshake(*client, as_client);
    const operation s = start_handshake(*server, as_server);
    run_until(*io, [&] { return c.done() && s.done(); });
  }
  const std::weak_ptr<Stream> watch = client;
  const std::string text = random_bytes(500000, 1);
  std::array<char, 10> room{};
  operation cancelled = start_write(*client, net::buffer(text));
  start_read(*client, net::buffer(room), [client](auto, auto) {});
  settle(*io);
  cancelled.cancel(); // leaves bytes to flush behind the read
  settle(*io);
  start_write(*client, net::buffer(text), [client](auto, auto) {});
  start_write(*client, net::buffer(text), [client](auto, auto) {});
  start_read(*server, net::buffer(room), [server](auto, auto) {});
  client.reset();
  server.reset();
  BOOST_TEST(!watch.expired());
  io.reset();
  BOOST_TEST(watch.expired());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(run_stays_while_an_operation_waits_and_no_longer, Stream, both_channels) {
  open_pair<tls_pair<Stream, asio_stream>> p({TLS1_3_VERSION, tiny});
  const auto stays = [&] {
    settle(p.io);
    return p.io.poll() == 0 && !p.io.stopped();
  };
  // Another layer may go on with what it was given already, so there the peer takes it.
  const auto runs_out = [&] {
    if (std::is_same_v<Stream, tls_stream>) return run_out(p.io);
    std::array<char, 4096> taken;
    error_code ignored;
    p.server.next_layer().non_blocking(true);
    p.io.restart();
    for (int i = 0; i < 10000 && !p.io.stopped(); ++i) {
      p.server.next_layer().read_some(net::buffer(taken), ignored);
      p.io.run_one_for(std::chrono::milliseconds(1));
    }
    BOOST_TEST(p.io.stopped());
  };
  std::array<char, 10> room{};
  const std::string text = random_bytes(100000, 1);
  run_out(p.io); // nothing outstanding: returns

  operation read = start_read(p.client, net::buffer(room)); // waits on the socket
  BOOST_TEST(stays());
  operation second = start_read(p.client, net::buffer(room)); // waits in a queue
  read.cancel();
  BOOST_TEST(stays());
  second.cancel();
  run_out(p.io);

  operation write = start_write(p.client, net::buffer(text)); // waits for room
  BOOST_TEST(stays());
  operation bye = start_shutdown(p.client); // waits for the write
  BOOST_TEST(stays());
  bye.cancel();
  write.cancel();
  // What the cancelled write has sealed waits for the next operation; the loop does not wait for it.
  runs_out();
  BOOST_TEST(write.bytes() != 0U);
  read = start_read(p.client, net::buffer(room));
  BOOST_TEST(stays());
  read.cancel();
  runs_out();
}

BOOST_AUTO_TEST_SUITE_END()
