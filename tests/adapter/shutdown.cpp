// SPDX-License-Identifier: BSL-1.0
// Does closing do what the caller chose: send only, wait for the peer, or drain (D7)? And what is left of a
// stream that is not open, not open any more, or has failed?
#define BOOST_TEST_MODULE adapter_shutdown
#include "asio_relay.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/sslerr.h>

#include <array>

BOOST_AUTO_TEST_SUITE(closing)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

error_code ssl_error(int reason) {
  return {static_cast<int>(ERR_PACK(ERR_LIB_SSL, 0, reason)), net::error::get_ssl_category()};
}

template <class Stream>
error_code ending(net::io_context& io, Stream& s, std::string& data) {
  receiver in(s);
  in.start();
  run_until(io, [&] { return in.done(); });
  data = in.data();
  return in.ec();
}

} // namespace

BOOST_AUTO_TEST_CASE(send_only_is_a_half_close) {
  for (const int version : versions) {
    open_pair<both_ours> p({version});
    const operation bye = start_shutdown_form(p.client, shutdown_form::send_only);
    run_until(p.io, [&] { return bye.done(); }); // the peer does nothing
    BOOST_TEST(bye.ec() == error_code());
    const operation late = start_write(p.client, net::buffer("late", 4));
    run_until(p.io, [&] { return late.done(); });
    BOOST_TEST(late.ec() == tlsmode::error::write_after_shutdown);

    std::string data;
    BOOST_TEST(ending(p.io, p.server, data) == net::error::eof);
    const std::string text = random_bytes(100000, 1); // the other direction is open
    sender out(p.server, text);
    receiver in(p.client);
    out.start();
    in.start(text.size());
    run_until(p.io, [&] { return out.done() && in.done(); });
    BOOST_TEST((in.data() == text));

    const operation answer = start_shutdown(p.server);
    run_until(p.io, [&] { return answer.done(); });
    BOOST_TEST(answer.ec() == error_code());
    BOOST_TEST(ending(p.io, p.client, data) == net::error::eof);
    BOOST_TEST(ending(p.io, p.client, data) == net::error::eof, "and again");
    const operation again = start_shutdown(p.client); // nothing is left to do
    run_until(p.io, [&] { return again.done(); });
    BOOST_TEST(again.ec() == error_code());
  }
}

BOOST_AUTO_TEST_CASE(waiting_for_the_peer_with_unread_data_is_an_error_and_the_data_stays) {
  for (const int version : versions) {
    open_pair<our_client> p({version});
    const std::string text = random_bytes(100, 1);
    const operation write = start_write(p.server, net::buffer(text));
    run_until(p.io, [&] { return write.done(); });
    operation bye = start_shutdown(p.client);
    run_until(p.io, [&] { return bye.done(); });
    BOOST_TEST(bye.ec() == ssl_error(SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY));
    const operation answer = start_shutdown(p.server);
    std::string data;
    BOOST_TEST(ending(p.io, p.client, data) == net::error::eof);
    BOOST_TEST((data == text));
    bye = start_shutdown(p.client);
    run_until(p.io, [&] { return bye.done() && answer.done(); });
    BOOST_TEST(bye.ec() == error_code());
    BOOST_TEST(answer.ec() == error_code());
  }
}

BOOST_AUTO_TEST_CASE(draining_drops_what_the_peer_still_sends) {
  for (const int version : versions) {
    open_pair<our_client> p({version, tiny});
    const std::string text = random_bytes(300000, 1);
    sender out(p.server, text);
    out.start();
    const operation bye = start_shutdown_form(p.client, shutdown_form::drain);
    run_until(p.io, [&] { return out.done(); });
    settle(p.io);
    BOOST_TEST(!bye.done());
    const operation answer = start_shutdown(p.server);
    run_until(p.io, [&] { return bye.done() && answer.done(); });
    BOOST_TEST(bye.ec() == error_code());
    BOOST_TEST(answer.ec() == error_code());
  }
}

BOOST_AUTO_TEST_CASE(draining_gives_up_on_a_peer_that_does_not_end) {
  open_pair<our_client> p;
  const std::string text = random_bytes(20 << 20, 1);
  sender out(p.server, text);
  out.start();
  const operation bye = start_shutdown_form(p.client, shutdown_form::drain);
  run_until(p.io, [&] { return bye.done(); });
  BOOST_TEST(bye.ec() == ssl_error(SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY));
}

BOOST_AUTO_TEST_CASE(after_the_peers_close_notify_we_may_still_write) {
  for (const int version : versions) {
    open_pair<both_ours> p({version});
    const operation bye = start_shutdown_form(p.server, shutdown_form::send_only);
    std::string data;
    BOOST_TEST(ending(p.io, p.client, data) == net::error::eof);
    const std::string text = random_bytes(50000, 1);
    sender out(p.client, text);
    receiver in(p.server);
    out.start();
    in.start(text.size());
    run_until(p.io, [&] { return out.done() && in.done(); });
    BOOST_TEST((in.data() == text));
    const operation answer = start_shutdown(p.client);
    run_until(p.io, [&] { return answer.done(); });
    BOOST_TEST(answer.ec() == error_code());
    BOOST_TEST(ending(p.io, p.server, data) == net::error::eof);
  }
}

BOOST_AUTO_TEST_CASE(a_peer_that_goes_without_an_answer) {
  for (const auto form : {shutdown_form::wait_for_peer, shutdown_form::drain}) {
    open_pair<our_client> p;
    const operation bye = start_shutdown_form(p.client, form);
    settle(p.io);
    p.server.lowest_layer().shutdown(tcp_socket::shutdown_send);
    run_until(p.io, [&] { return bye.done(); });
    BOOST_TEST(bye.ec() == net::ssl::error::stream_truncated);
  }
  open_pair<our_client> p;
  p.server.lowest_layer().close();
  const operation bye = start_shutdown_form(p.client, shutdown_form::send_only);
  run_until(p.io, [&] { return bye.done(); }); // the kernel takes it: the peer's end is not known yet
  BOOST_TEST(bye.ec() == error_code());
}

BOOST_AUTO_TEST_CASE(before_the_handshake_everything_else_is_misuse) {
  both_ours p;
  std::array<char, 10> room{};
  const operation read = start_read(p.client, net::buffer(room));
  const operation write = start_write(p.client, net::buffer("hello", 5));
  run_until(p.io, [&] { return read.done() && write.done(); });
  BOOST_TEST(read.ec() == tlsmode::error::handshake_needed);
  BOOST_TEST(write.ec() == tlsmode::error::handshake_needed);
  for (const auto form : {shutdown_form::send_only, shutdown_form::wait_for_peer, shutdown_form::drain}) {
    const operation bye = start_shutdown_form(p.client, form);
    run_until(p.io, [&] { return bye.done(); });
    BOOST_TEST(bye.ec() == tlsmode::error::handshake_needed);
  }
  p.handshake(); // no harm is done
  const operation again = start_handshake(p.client, as_client);
  const operation wrong = start_handshake(p.client, as_server);
  run_until(p.io, [&] { return again.done() && wrong.done(); });
  BOOST_TEST(again.ec() == error_code());
  BOOST_TEST(wrong.ec() == tlsmode::error::wrong_role);
  const operation fine = start_write(p.client, net::buffer("hello", 5));
  run_until(p.io, [&] { return fine.done(); });
  BOOST_TEST(fine.ec() == error_code());
}

BOOST_AUTO_TEST_CASE(a_failure_stays) {
  relayed_pair<tls_stream, asio_stream> p;
  p.handshake();
  const operation write = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] { return write.done(); });
  std::string record = p.next_from_server();
  record.back() = static_cast<char>(record.back() ^ 1);
  p.send_to_client(record);
  std::array<char, 10> room{};
  const operation read = start_read(p.client, net::buffer(room));
  run_until(p.io, [&] { return read.done(); });
  BOOST_TEST(read.ec() == ssl_error(SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC));
  BOOST_TEST(read.bytes() == 0U);
  BOOST_TEST(!p.next_from_client().empty(), "the alert is on its way");
  const operation ops[] = {start_read(p.client, net::buffer(room)),
                           start_write(p.client, net::buffer("x", 1)), start_shutdown(p.client),
                           start_handshake(p.client, as_client)};
  for (const operation& op : ops) {
    run_until(p.io, [&] { return op.done(); });
    BOOST_TEST(op.ec() == read.ec());
  }
}

// With a peer that does not read, the alert of a failure waits for room; the operation does not end before it
// is out, and the deadline of the alert bounds that.
BOOST_AUTO_TEST_CASE(the_alert_of_a_failure_goes_out_behind_blocked_data) {
  relayed_pair<tls_stream, asio_stream> p(TLS1_3_VERSION, tiny);
  p.handshake();
  p.client.clear_mode(mode::enable_partial_write); // so that the write is not over at the first room
  const std::string text = random_bytes(100000, 1);
  operation blocked = start_write(p.client, net::buffer(text));
  settle(p.io);
  BOOST_TEST(!blocked.done());
  p.send_to_client("this is no TLS record");
  std::array<char, 10> room{};
  const operation read = start_read(p.client, net::buffer(room));
  std::string sent;
  run_until(p.io, [&] {
    sent += p.from_client();
    return read.done() && blocked.done();
  });
  BOOST_TEST(read.ec() == ssl_error(SSL_R_WRONG_VERSION_NUMBER));
  BOOST_TEST(bool(blocked.ec()));
  p.send_to_server(sent);
  receiver in(p.server);
  in.start();
  p.run_until([&] { return in.done(); });
  const error_code end = in.ec();
  const std::string& data = in.data();
  BOOST_TEST((end.category() == net::error::get_ssl_category()));
  BOOST_TEST(end.message().find("alert") != std::string::npos, end.message());
  BOOST_TEST((data == text.substr(0, data.size())));
}

BOOST_AUTO_TEST_SUITE_END()
