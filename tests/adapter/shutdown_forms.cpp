// SPDX-License-Identifier: BSL-1.0
// Does each form of shutdown end as it should in each situation, over a plain socket and over another layer,
// with asynchronous operations and with synchronous ones where these can end? That close_notify went out, and
// once, the peer says, which decrypts it.
#include "alert_log.hpp"
#include "asio_layered.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/sslerr.h>

#include <array>
#include <chrono>

BOOST_AUTO_TEST_SUITE(shutdown_forms)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr shutdown_form forms[] = {shutdown_form::send_only, shutdown_form::wait_for_peer,
                                   shutdown_form::drain};
constexpr bool waits_for_the_peer(shutdown_form f) { return f != shutdown_form::send_only; }

const error_code unread_data{
    static_cast<int>(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY)),
    net::error::get_ssl_category()};

// Calls `check(form, synchronous)` for all of them.
template <class F>
void for_all(F check) {
  for (const shutdown_form form : forms)
    for (const bool synchronous : {false, true})
      BOOST_TEST_CONTEXT("form " << static_cast<int>(form) << (synchronous ? ", synchronous" : ""))
  check(form, synchronous);
}

template <class Stream>
struct closing : open_pair<tls_pair<Stream, asio_stream>> {
  explicit closing(int buffer = 0)
      : open_pair<tls_pair<Stream, asio_stream>>({TLS1_3_VERSION, buffer}),
        log(this->server.native_handle()) {}

  // A shutdown to its end. Synchronous ones do not block, so that the peer can act on the same thread.
  error_code shutdown(shutdown_form form, bool synchronous) {
    error_code ec;
    if (!synchronous) {
      const operation bye = start_shutdown_form(this->client, form);
      run_until(this->io, [&] { return bye.done(); });
      BOOST_TEST(bye.calls() == 1);
      return bye.ec();
    }
    socket_of(this->client).non_blocking(true);
    run_until(this->io, [&] {
      this->client.shutdown(form, ec);
      net::post(this->io, [] {}); // the loop has something to do
      return ec != net::error::would_block;
    });
    return ec;
  }
  void check_close_notify_once() {
    receiver in(this->server);
    in.start();
    run_until(this->io, [&] { return in.done(); });
    BOOST_TEST(in.ec() == net::error::eof);
    BOOST_TEST(log.received(SSL_AD_CLOSE_NOTIFY) == 1);
  }
  void answer() {
    const operation op = start_shutdown(this->server);
    run_until(this->io, [&] { return op.done(); });
    BOOST_TEST(op.good());
  }
  // Sends close_notify, and data before it, without waiting for ours.
  operation close_early(std::string_view data) {
    if (!data.empty()) {
      const operation write = start_write(this->server, net::buffer(data));
      run_until(this->io, [&] { return write.done(); });
    }
    operation op = start_shutdown(this->server);
    settle(this->io);
    wait_for_bytes(socket_of(this->client), 1);
    return op;
  }
  std::string blocked_text = random_bytes(200000, 1);
  alert_log log;
};

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(the_peer_answers, Stream, both_channels) {
  for_all([](shutdown_form form, bool synchronous) {
    closing<Stream> p;
    const operation answer = p.close_early("");
    BOOST_TEST(p.shutdown(form, synchronous) == error_code());
    run_until(p.io, [&] { return answer.done(); });
    BOOST_TEST(answer.good());
    BOOST_TEST(p.log.received(SSL_AD_CLOSE_NOTIFY) == 1);
    BOOST_TEST(p.shutdown(form, synchronous) == error_code()); // and nothing is left to do
    BOOST_TEST(p.log.received(SSL_AD_CLOSE_NOTIFY) == 1);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(unread_data_from_the_peer, Stream, both_channels) {
  for_all([](shutdown_form form, bool synchronous) {
    closing<Stream> p;
    const std::string text = random_bytes(16000, 2);
    const operation answer = p.close_early(text);
    const error_code ec = p.shutdown(form, synchronous);
    BOOST_TEST(ec == (form == shutdown_form::wait_for_peer ? unread_data : error_code()));
    run_until(p.io, [&] { return answer.done(); });
    BOOST_TEST(answer.good(), "close_notify went out in any case");
    BOOST_TEST(p.log.received(SSL_AD_CLOSE_NOTIFY) == 1);
    socket_of(p.client).non_blocking(false);
    receiver in(p.client);
    in.start();
    run_until(p.io, [&] { return in.done(); });
    BOOST_TEST(in.ec() == net::error::eof);
    BOOST_TEST((in.data() == (form == shutdown_form::drain ? "" : text)), "what is not dropped is readable");
    BOOST_TEST(p.shutdown(form, synchronous) == error_code());
  });
}

// Behind a write that is blocked: all of it goes out, and close_notify behind it.
BOOST_AUTO_TEST_CASE_TEMPLATE(a_blocked_write, Stream, both_channels) {
  for (const shutdown_form form : forms) {
    closing<Stream> p(tiny);
    p.client.clear_mode(mode::enable_partial_write);
    const operation write = start_write(p.client, net::buffer(p.blocked_text));
    const operation bye = start_shutdown_form(p.client, form);
    settle(p.io);
    BOOST_TEST(!write.done());
    BOOST_TEST(!bye.done());
    error_code ec;
    p.client.shutdown(form, ec);
    BOOST_TEST(ec == tlsmode::error::operation_in_progress, "a synchronous one does not wait for others");
    receiver in(p.server);
    in.start();
    run_until(p.io, [&] { return in.done(); });
    BOOST_TEST(in.ec() == net::error::eof);
    BOOST_TEST((in.data() == p.blocked_text));
    BOOST_TEST(write.good());
    settle(p.io);
    BOOST_TEST(bye.done() == !waits_for_the_peer(form));
    p.answer();
    run_until(p.io, [&] { return bye.done(); });
    BOOST_TEST(bye.good());
    BOOST_TEST(p.log.received(SSL_AD_CLOSE_NOTIFY) == 1);
  }
}

// Behind the bytes that a cancelled write has left.
BOOST_AUTO_TEST_CASE_TEMPLATE(bytes_of_a_cancelled_write, Stream, both_channels) {
  for_all([](shutdown_form form, bool synchronous) {
    closing<Stream> p(tiny);
    operation write = start_write(p.client, net::buffer(p.blocked_text));
    settle(p.io);
    write.cancel();
    run_until(p.io, [&] { return write.done(); });
    BOOST_REQUIRE(write.aborted());
    receiver in(p.server);
    operation answer;
    in.start();
    // The peer answers when it has read everything.
    struct answering {
      receiver<asio_stream>& in;
      closing<Stream>& p;
      operation& answer;
      void operator()() const {
        if (!in.done()) return net::post(p.io, *this);
        p.server.async_shutdown(answer.make_handler());
      }
    };
    answering{in, p, answer}();
    BOOST_TEST(p.shutdown(form, synchronous) == error_code());
    run_until(p.io, [&] { return in.done() && answer.done(); });
    BOOST_TEST(in.ec() == net::error::eof);
    BOOST_TEST((in.data() == p.blocked_text.substr(0, write.bytes())));
    BOOST_TEST(answer.good());
    BOOST_TEST(p.log.received(SSL_AD_CLOSE_NOTIFY) == 1);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_peer_is_gone_without_close_notify, Stream, both_channels) {
  for_all([](shutdown_form form, bool synchronous) {
    closing<Stream> p;
    p.server.next_layer().shutdown(tcp_socket::shutdown_send);
    const error_code expected =
        waits_for_the_peer(form) ? error_code(net::ssl::error::stream_truncated) : error_code();
    BOOST_TEST(p.shutdown(form, synchronous) == expected);
    p.check_close_notify_once();
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_peer_has_reset_the_connection, Stream, both_channels) {
  for_all([](shutdown_form form, bool synchronous) {
    closing<Stream> p;
    std::array<char, 10> room{};
    const operation read = start_read(p.client, net::buffer(room)); // tells when the reset is here
    p.server.next_layer().set_option(net::socket_base::linger(true, 0));
    p.server.next_layer().close();
    run_until(p.io, [&] { return read.done(); });
    BOOST_TEST(read.ec() == net::error::connection_reset);
    const error_code ec = p.shutdown(form, synchronous);
    BOOST_TEST((ec == net::error::broken_pipe || ec == net::error::connection_reset), ec.message());
  });
}

// With the window shut the reset comes while the shutdown waits for room.
BOOST_AUTO_TEST_CASE_TEMPLATE(the_peer_resets_while_it_waits, Stream, both_channels) {
  for (const shutdown_form form : forms) {
    for (const bool for_room : {false, true}) {
      if (!for_room && !waits_for_the_peer(form)) continue;
      closing<Stream> p(tiny);
      if (for_room) {
        operation write = start_write(p.client, net::buffer(p.blocked_text));
        settle(p.io);
        write.cancel();
        run_until(p.io, [&] { return write.done(); });
      }
      const operation bye = start_shutdown_form(p.client, form);
      settle(p.io);
      BOOST_TEST(!bye.done());
      p.server.next_layer().set_option(net::socket_base::linger(true, 0));
      p.server.next_layer().close();
      run_until(p.io, [&] { return bye.done(); });
      BOOST_TEST((bye.ec() == net::error::broken_pipe || bye.ec() == net::error::connection_reset),
                 bye.ec().message());
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_peer_never_answers, Stream, both_channels) {
  for_all([](shutdown_form form, bool synchronous) {
    closing<Stream> p;
    if (!waits_for_the_peer(form)) {
      BOOST_TEST(p.shutdown(form, synchronous) == error_code());
      p.check_close_notify_once();
      return;
    }
    if (synchronous) {
      socket_of(p.client).non_blocking(true);
      error_code ec;
      for (int i = 0; i < 3; ++i) {
        p.client.shutdown(form, ec);
        BOOST_TEST(ec == net::error::would_block);
        settle(p.io);
      }
    } else {
      operation bye = start_shutdown_form(p.client, form);
      settle(p.io);
      BOOST_TEST(!bye.done());
      bye.cancel();
      run_until(p.io, [&] { return bye.done(); });
      BOOST_TEST(bye.aborted());
    }
    BOOST_TEST((p.client.state() == connection_state::close_sent));
    p.check_close_notify_once();
    const operation answer = p.close_early("");
    BOOST_TEST(p.shutdown(form, synchronous) == error_code(), "it goes on where it was");
    run_until(p.io, [&] { return answer.done(); });
    BOOST_TEST(p.log.received(SSL_AD_CLOSE_NOTIFY) == 1);
  });
}

// A limit ends it where it waits: for room, or for the peer.
BOOST_AUTO_TEST_CASE_TEMPLATE(with_a_deadline, Stream, both_channels) {
  for (const shutdown_form form : forms) {
    for (const bool for_room : {false, true}) {
      if (!for_room && !waits_for_the_peer(form)) continue;
      closing<Stream> p(tiny);
      std::size_t sealed = 0;
      if (for_room) {
        operation write = start_write(p.client, net::buffer(p.blocked_text));
        settle(p.io);
        write.cancel();
        run_until(p.io, [&] { return write.done(); });
        sealed = write.bytes();
      }
      p.client.expires_after(std::chrono::milliseconds(5));
      BOOST_TEST(p.shutdown(form, false) == net::error::timed_out);
      BOOST_TEST((p.client.state() == connection_state::close_sent));
      p.client.expires_never();
      const operation again = start_shutdown_form(p.client, form);
      receiver in(p.server);
      in.start();
      run_until(p.io, [&] { return in.done(); });
      BOOST_TEST(in.ec() == net::error::eof);
      BOOST_TEST((in.data() == p.blocked_text.substr(0, sealed)));
      p.answer();
      run_until(p.io, [&] { return again.done(); });
      BOOST_TEST(again.good());
      BOOST_TEST(p.log.received(SSL_AD_CLOSE_NOTIFY) == 1);
    }
  }
}

// One direction is closed, the other one goes on, to its own end.
BOOST_AUTO_TEST_CASE_TEMPLATE(half_close_by_us, Stream, both_channels) {
  for (const bool synchronous : {false, true}) {
    tls_pair<Stream, tls_stream> p;
    p.handshake();
    error_code ec;
    if (synchronous) {
      p.client.shutdown(shutdown_form::send_only, ec);
      BOOST_TEST(ec == error_code());
      BOOST_TEST(p.client.write_some(net::buffer("late", 4), ec) == 0U);
      BOOST_TEST(ec == tlsmode::error::write_after_shutdown);
    } else {
      const operation bye = start_shutdown_form(p.client, shutdown_form::send_only);
      run_until(p.io, [&] { return bye.done(); });
      BOOST_TEST(bye.good());
      const operation late = start_write(p.client, net::buffer("late", 4));
      run_until(p.io, [&] { return late.done(); });
      BOOST_TEST(late.ec() == tlsmode::error::write_after_shutdown);
    }
    receiver<tls_stream> end(p.server);
    end.start();
    run_until(p.io, [&] { return end.done(); });
    BOOST_TEST(end.ec() == net::error::eof);
    BOOST_TEST(end.data().empty());

    const std::string text = random_bytes(synchronous ? 10000 : 300000, 3);
    sender<tls_stream> out(p.server, text);
    receiver<Stream> in(p.client);
    out.start();
    if (!synchronous) in.start(text.size());
    run_until(p.io, [&] { return out.done() && (synchronous || in.done()); });
    const operation answer = start_shutdown_form(p.server, shutdown_form::send_only);
    run_until(p.io, [&] { return answer.done(); });
    BOOST_TEST(answer.good());
    std::string got = in.data();
    if (synchronous) {
      const watchdog dog({socket_of(p.client).native_handle()});
      std::string room(5000, '\0');
      while (!ec || ec == tlsmode::error::write_after_shutdown)
        got.append(room, 0, p.client.read_some(net::buffer(room), ec));
      BOOST_TEST(ec == net::error::eof);
    } else {
      in.start();
      run_until(p.io, [&] { return in.done(); });
      BOOST_TEST(in.ec() == net::error::eof);
      got = in.data();
    }
    BOOST_TEST((got == text));
    BOOST_TEST((p.client.state() == connection_state::closed));
    BOOST_TEST((p.server.state() == connection_state::closed));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(half_close_by_the_peer, Stream, both_channels) {
  for (const bool synchronous : {false, true}) {
    tls_pair<Stream, tls_stream> p;
    p.handshake();
    const operation bye = start_shutdown_form(p.server, shutdown_form::send_only);
    receiver<Stream> end(p.client);
    end.start();
    run_until(p.io, [&] { return end.done() && bye.done(); });
    BOOST_TEST(end.ec() == net::error::eof);

    const std::string text = random_bytes(synchronous ? 10000 : 300000, 3);
    receiver<tls_stream> in(p.server);
    in.start();
    error_code ec;
    if (synchronous) {
      for (std::size_t n = 0; n < text.size() && !ec;) n += p.client.write_some(net::buffer(text) + n, ec);
      p.client.shutdown(shutdown_form::send_only, ec);
    } else {
      sender<Stream> out(p.client, text);
      out.start();
      run_until(p.io, [&] { return out.done(); });
      const operation answer = start_shutdown(p.client);
      run_until(p.io, [&] { return answer.done(); });
      ec = answer.ec();
    }
    BOOST_TEST(ec == error_code());
    run_until(p.io, [&] { return in.done(); });
    BOOST_TEST(in.ec() == net::error::eof);
    BOOST_TEST((in.data() == text));
    BOOST_TEST((p.client.state() == connection_state::closed));
  }
}

BOOST_AUTO_TEST_SUITE_END()
