// SPDX-License-Identifier: BSL-1.0
// Invariant 4: does each form of shutdown do what its name says, once, and after every record?
#include "alert_log.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

constexpr shutdown_form all_forms[] = {shutdown_form::send_only, shutdown_form::wait_for_peer,
                                       shutdown_form::drain};

struct connected : memory_pair {
  explicit connected(int version = TLS1_3_VERSION) : memory_pair(client_context(), server_of(version)) {
    BOOST_REQUIRE(connect());
  }
  static context server_of(int version) {
    context ctx = server_context();
    SSL_CTX_set_max_proto_version(ctx.native_handle(), version);
    return ctx;
  }
  alert_log client_alerts{client.native()};
  alert_log server_alerts{server.native()};
};

// OpenSSL's own error for data that nobody has read; boost::asio::ssl gives the same.
constexpr int unread_data = SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY;

} // namespace

BOOST_AUTO_TEST_SUITE(shutdown)

BOOST_AUTO_TEST_CASE(send_only_does_not_wait) {
  connected pair;
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
  BOOST_TEST(pair.client.tls.state() == connection_state::close_sent);
  BOOST_TEST(pair.client.wire.output().size() == 2 + record_overhead);
}

BOOST_AUTO_TEST_CASE(the_other_forms_wait_for_the_peers_close_notify) {
  for (const auto form : {shutdown_form::wait_for_peer, shutdown_form::drain}) {
    connected pair;
    for (int i = 0; i < 3; ++i) BOOST_TEST(stops(pair.client.shutdown(form), suspend::want_read));
    pair.settle();
    pair.server.read_all();
    BOOST_TEST(fails(pair.server.last, error::end_of_stream));
    BOOST_TEST(completes(pair.server.shutdown(form))); // its peer has closed already
    BOOST_TEST(pair.server.tls.state() == connection_state::closed);
    pair.settle();
    BOOST_TEST(completes(pair.client.shutdown(form)));
    BOOST_TEST(pair.client.tls.state() == connection_state::closed);
    BOOST_TEST(!pair.client.tls.last_failure().code);
  }
}

BOOST_AUTO_TEST_CASE(close_notify_is_sent_once_however_often_it_is_asked_for) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    connected pair(version);
    std::string wire;
    const auto call_all = [&](endpoint& e) {
      for (int i = 0; i < 2; ++i)
        for (const auto form : all_forms) e.shutdown(form);
      wire += text_of(e.wire.output());
    };
    call_all(pair.client);
    pair.settle();
    call_all(pair.server);
    pair.settle();
    call_all(pair.client);
    pair.settle();
    BOOST_TEST(pair.client.tls.state() == connection_state::closed);
    BOOST_TEST(pair.server.tls.state() == connection_state::closed);
    BOOST_TEST(pair.client_alerts.sent(SSL_AD_CLOSE_NOTIFY) == 1);
    BOOST_TEST(pair.client_alerts.received(SSL_AD_CLOSE_NOTIFY) == 1);
    BOOST_TEST(pair.server_alerts.sent(SSL_AD_CLOSE_NOTIFY) == 1);
    BOOST_TEST(pair.server_alerts.received(SSL_AD_CLOSE_NOTIFY) == 1);
    BOOST_TEST(records_of(wire).size() == 2u);
    if (version == TLS1_2_VERSION) BOOST_TEST(count_records(wire, content::alert) == 2u);
  }
}

BOOST_AUTO_TEST_CASE(close_notify_waits_for_records_that_are_held_back) {
  for (const auto form : all_forms) {
    connected pair;
    const std::string data = pattern(16384);
    pair.client.wire.set_capacity(100);
    BOOST_TEST(stops(pair.client.write(data), suspend::want_write));
    BOOST_TEST(fails(pair.client.shutdown(form), error::operation_in_progress)); // the write is not over
    BOOST_TEST(pair.client.tls.state() == connection_state::open);
    BOOST_TEST(pair.client.tls.cancel_write() == data.size());
    step s;
    while (s = pair.client.shutdown(form), s.why == suspend::want_write) deliver(pair.client, pair.server);
    BOOST_TEST(!pair.client.tls.flush_pending());
    BOOST_TEST((form == shutdown_form::send_only ? completes(s) : stops(s, suspend::want_read)));
    pair.settle();
    BOOST_TEST(same_bytes(pair.server.read_all(), data));
    BOOST_TEST(fails(pair.server.last, error::end_of_stream));
  }
}

BOOST_AUTO_TEST_CASE(waiting_for_the_peer_does_not_swallow_its_data) {
  connected pair;
  const std::string data = pattern(30'000);
  BOOST_TEST(completes(pair.server.write(data), data.size()));
  BOOST_TEST(completes(pair.server.shutdown(shutdown_form::send_only)));
  pair.settle();
  for (int i = 0; i < 3; ++i)
    BOOST_TEST(fails_for(pair.client.shutdown(shutdown_form::wait_for_peer), unread_data));
  BOOST_TEST(pair.client.tls.state() == connection_state::close_sent);
  BOOST_TEST(same_bytes(pair.client.read_all(), data));
  BOOST_TEST(fails(pair.client.last, error::end_of_stream));
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::wait_for_peer)));
  BOOST_TEST(pair.client_alerts.sent(SSL_AD_CLOSE_NOTIFY) == 1);
}

BOOST_AUTO_TEST_CASE(draining_drops_what_the_peer_still_sends) {
  connected pair;
  const std::string data = pattern(100'000);
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(completes(pair.server.write(data), data.size()));
    pair.settle();
    BOOST_TEST(stops(pair.client.shutdown(shutdown_form::drain), suspend::want_read));
  }
  BOOST_TEST(completes(pair.server.shutdown(shutdown_form::send_only)));
  pair.settle();
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::drain)));
  BOOST_TEST(pair.client.tls.state() == connection_state::closed);
  BOOST_TEST(pair.client.wire.unread() == 0u);
}

// A peer that never stops would keep the connection for ever.
BOOST_AUTO_TEST_CASE(draining_ends_after_16_mebibytes_in_however_many_steps) {
  for (const std::size_t part : {std::size_t{1} << 18, std::size_t{1} << 24}) {
    connected pair;
    pair.server.tls.clear_mode(mode::enable_partial_write);
    const std::string data = pattern(part);
    std::size_t dropped = 0;
    step s = pair.client.shutdown(shutdown_form::drain);
    while (s.why == suspend::want_read && dropped < 64u << 20) {
      BOOST_REQUIRE(completes(pair.server.write(data), data.size()));
      dropped += data.size();
      pair.settle();
      s = pair.client.shutdown(shutdown_form::drain);
    }
    BOOST_TEST(fails_for(s, unread_data));
    BOOST_TEST(dropped > 16u << 20);
    BOOST_TEST(dropped <= (16u << 20) + part);
  }
}

BOOST_AUTO_TEST_CASE(each_direction_closes_by_itself) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    connected pair(version);
    const std::string data = pattern(50'000);
    BOOST_TEST(completes(pair.client.write("last words"), 10));
    BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
    pair.settle();
    BOOST_TEST(same_bytes(pair.server.read_all(), "last words"));
    BOOST_TEST(fails(pair.server.last, error::end_of_stream));
    BOOST_TEST(pair.server.tls.state() == connection_state::close_received);

    BOOST_TEST(completes(pair.server.write(data), data.size())); // after receiving close_notify
    pair.settle();
    BOOST_TEST(same_bytes(pair.client.read_all(), data)); // after sending it
    BOOST_TEST(pair.client.last.why == suspend::want_read);
    BOOST_TEST(fails(pair.client.write("too late"), error::write_after_shutdown));

    BOOST_TEST(completes(pair.server.shutdown(shutdown_form::wait_for_peer)));
    BOOST_TEST(fails(pair.server.write("too late"), error::write_after_shutdown));
    pair.settle();
    pair.client.read_all();
    BOOST_TEST(fails(pair.client.last, error::end_of_stream));
    BOOST_TEST(pair.client.tls.state() == connection_state::closed);
    BOOST_TEST(!pair.client.tls.last_failure().code);
    BOOST_TEST(!pair.server.tls.last_failure().code);
  }
}

// OpenSSL refuses to shut down in the middle of a handshake message, also of one after the handshake.
BOOST_AUTO_TEST_CASE(close_notify_follows_a_key_update_that_is_still_to_send) {
  connected pair;
  BOOST_REQUIRE(SSL_key_update(pair.client.native(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
  BOOST_TEST(records_of(text_of(pair.client.wire.output())).size() == 2u);
  pair.settle();
  pair.server.read_all();
  BOOST_TEST(fails(pair.server.last, error::end_of_stream));
}

BOOST_AUTO_TEST_CASE(writing_and_closing_wait_for_the_rest_of_a_ticket) {
  const memory_file ca(authority().certificate_pem);
  context server_ctx = server_context();
  BOOST_REQUIRE(!server_ctx.require_client_certificate(ca.path())); // which makes tickets long
  SSL_CTX_set_max_send_fragment(server_ctx.native_handle(), 512);
  for (const bool write_first : {false, true}) {
    memory_pair pair(client_context(), server_ctx);
    SSL_use_certificate(pair.client.native(), client_identity().certificate.get());
    SSL_use_PrivateKey(pair.client.native(), client_identity().key.get());
    BOOST_TEST(pair.advance());
    BOOST_TEST(completes(pair.client.handshake()));
    deliver(pair.client, pair.server);
    BOOST_TEST(completes(pair.server.handshake()));
    const std::string tickets = text_of(pair.server.wire.output());
    const std::size_t first_record = 5 + records_of(tickets).front().body.size();
    BOOST_REQUIRE(first_record == 512 + record_overhead); // there is more to come
    BOOST_REQUIRE(pair.client.wire.feed(bytes_of(tickets).first(first_record)));
    pair.client.read_all();
    const auto operation = [&] {
      return write_first ? pair.client.write("data") : pair.client.shutdown(shutdown_form::send_only);
    };
    BOOST_TEST(stops(operation(), suspend::want_read));
    BOOST_REQUIRE(pair.client.wire.feed(bytes_of(tickets).subspan(first_record)));
    BOOST_TEST(completes(operation(), write_first ? 4 : 0));
    deliver(pair.client, pair.server);
    BOOST_TEST(pair.server.read_all() == (write_first ? "data" : ""));
  }
}

BOOST_AUTO_TEST_CASE(operations_before_the_handshake_are_refused) {
  memory_pair pair;
  std::string room(10, '\0');
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(fails(pair.client.read(room), error::handshake_needed));
    BOOST_TEST(fails(pair.client.write("x"), error::handshake_needed));
    for (const auto form : all_forms) BOOST_TEST(fails(pair.client.shutdown(form), error::handshake_needed));
    pair.client.handshake(); // begun, not done
  }
  BOOST_REQUIRE(pair.connect()); // and nothing is spoilt
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(truncation)

BOOST_AUTO_TEST_CASE(in_a_handshake) {
  for (const std::size_t cut : {0u, 3u, 50u, 200u}) {
    memory_pair pair;
    pair.client.handshake();
    BOOST_REQUIRE(pair.server.wire.feed(pair.client.wire.output().first(cut)));
    pair.server.wire.feed_eof();
    for (int i = 0; i < 2; ++i) BOOST_TEST(fails(pair.server.handshake(), error::stream_truncated));
    BOOST_TEST(pair.server.tls.state() == connection_state::failed);
    BOOST_TEST(pair.server.tls.last_failure().operation == "handshake");
  }
}

BOOST_AUTO_TEST_CASE(between_records_and_inside_one) {
  for (const std::size_t cut : {0u, 3u, 5u, 30u}) {
    connected pair;
    BOOST_TEST(completes(pair.client.write("whole"), 5));
    deliver(pair.client, pair.server);
    BOOST_TEST(completes(pair.client.write(pattern(100)), 100));
    BOOST_REQUIRE(pair.server.wire.feed(pair.client.wire.output().first(cut)));
    pair.server.wire.feed_eof();
    BOOST_TEST(same_bytes(pair.server.read_all(), "whole")); // what came before is not lost
    BOOST_TEST(fails(pair.server.last, error::stream_truncated));
    pair.server.read_all();
    BOOST_TEST(fails(pair.server.last, error::stream_truncated));
    BOOST_TEST(pair.server.tls.state() == connection_state::open); // the other direction works
    BOOST_TEST(completes(pair.server.write("answer"), 6));
    deliver(pair.server, pair.client);
    BOOST_TEST(same_bytes(pair.client.read_all(), "answer"));
    BOOST_TEST(completes(pair.server.shutdown(shutdown_form::send_only)));
  }
}

BOOST_AUTO_TEST_CASE(while_waiting_for_close_notify) {
  for (const auto form : {shutdown_form::wait_for_peer, shutdown_form::drain}) {
    connected pair;
    BOOST_TEST(stops(pair.client.shutdown(form), suspend::want_read));
    pair.client.wire.feed_eof();
    BOOST_TEST(fails(pair.client.shutdown(form), error::stream_truncated));
    BOOST_TEST(pair.client.tls.last_failure().operation == "shutdown");
  }
}

BOOST_AUTO_TEST_CASE(a_peer_that_closes_in_a_handshake) {
  memory_pair pair;
  BOOST_TEST(stops(pair.client.handshake(), suspend::want_read));
  BOOST_REQUIRE(pair.client.wire.feed(bytes_of(std::string_view("\x15\x03\x03\x00\x02\x01\x00", 7))));
  for (int i = 0; i < 2; ++i) BOOST_TEST(fails(pair.client.handshake(), error::end_of_stream));
  BOOST_TEST(pair.client.tls.state() == connection_state::failed);
}

BOOST_AUTO_TEST_CASE(is_no_truncation_after_close_notify) {
  connected pair;
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
  deliver(pair.client, pair.server);
  pair.server.wire.feed_eof();
  pair.server.read_all();
  BOOST_TEST(fails(pair.server.last, error::end_of_stream));
  BOOST_TEST(completes(pair.server.shutdown(shutdown_form::wait_for_peer)));
}

BOOST_AUTO_TEST_SUITE_END()
