// SPDX-License-Identifier: BSL-1.0
// Does our stream talk to boost::asio::ssl::stream, and to itself, byte by byte: in both roles, in both
// directions, at every size around a record, in TLS 1.2 and 1.3?
#define BOOST_TEST_MODULE adapter_interop
#include "asio_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <tuple>

BOOST_AUTO_TEST_SUITE(interop)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
constexpr std::size_t sizes[] = {0, 1, 2, 100, 16383, 16384, 16385, 65536, 1 << 20, 10 << 20};
using pairs = std::tuple<our_client, our_server, both_ours>;
using our_pairs = std::tuple<our_client, both_ours>;

template <class From, class To>
void check_transfer(net::io_context& io, From& from, To& to, std::size_t size, unsigned seed) {
  const std::string data = random_bytes(size, seed);
  sender<From> out(from, data, seed);
  receiver<To> in(to, seed + 1);
  out.start();
  in.start(size);
  run_until(io, [&] { return out.done() && in.done(); });
  BOOST_TEST(out.ec() == error_code());
  BOOST_TEST(in.ec() == error_code());
  BOOST_TEST((in.data() == data), size << " bytes arrive as they were sent");
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(transfers_are_byte_exact_at_every_size, pair, pairs) {
  for (const int version : versions) {
    open_pair<pair> p({version});
    unsigned seed = 1;
    for (const std::size_t size : sizes) {
      check_transfer(p.io, p.client, p.server, size, ++seed);
      check_transfer(p.io, p.server, p.client, size, ++seed);
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(both_directions_at_once, pair, pairs) {
  for (const int version : versions) {
    open_pair<pair> p({version, tiny});
    const std::string up = random_bytes(300000, 1);
    const std::string down = random_bytes(400000, 2);
    sender out_up(p.client, up);
    sender out_down(p.server, down);
    receiver in_up(p.server);
    receiver in_down(p.client);
    out_up.start();
    out_down.start();
    in_up.start(up.size());
    in_down.start(down.size());
    run_until(p.io, [&] { return in_up.done() && in_down.done() && out_up.done() && out_down.done(); });
    BOOST_TEST((in_up.data() == up));
    BOOST_TEST((in_down.data() == down));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(shutdown_from_either_side_ends_the_other_one_with_eof, pair, pairs) {
  for (const int version : versions) {
    for (const bool client_first : {true, false}) {
      open_pair<pair> p({version});
      receiver at_client(p.client);
      receiver at_server(p.server);
      operation first;
      operation second;
      if (client_first) {
        at_server.start();
        first = start_shutdown(p.client);
        run_until(p.io, [&] { return at_server.done(); });
        BOOST_TEST(at_server.ec() == net::error::eof);
        second = start_shutdown(p.server);
      } else {
        at_client.start();
        first = start_shutdown(p.server);
        run_until(p.io, [&] { return at_client.done(); });
        BOOST_TEST(at_client.ec() == net::error::eof);
        second = start_shutdown(p.client);
      }
      run_until(p.io, [&] { return first.done() && second.done(); });
      BOOST_TEST(first.ec() == error_code());
      BOOST_TEST(second.ec() == error_code());
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(data_before_close_notify_arrives_and_data_before_a_cut_too, pair, our_pairs) {
  for (const int version : versions) {
    for (const bool cut : {false, true}) {
      open_pair<pair> p({version});
      const std::string data = random_bytes(50000, 3);
      sender out(p.server, data);
      receiver in(p.client);
      out.start();
      run_until(p.io, [&] { return out.done(); });
      operation bye;
      if (cut) {
        p.server.lowest_layer().shutdown(tcp_socket::shutdown_send);
      } else {
        bye = start_shutdown(p.server);
      }
      in.start();
      run_until(p.io, [&] { return in.done(); });
      BOOST_TEST((in.data() == data));
      BOOST_TEST(in.ec() ==
                 (cut ? error_code(net::ssl::error::stream_truncated) : error_code(net::error::eof)));
    }
  }
}

// The settings of a Boost.Asio context are all in force: here the client's certificate, and the server's
// refusal of one that it does not know.
BOOST_AUTO_TEST_CASE(client_certificates_are_verified_by_our_server) {
  for (const bool known : {true, false}) {
    const identity& who = known ? client_identity() : stranger();
    net::ssl::context client_settings = client_context(TLS1_3_VERSION);
    client_settings.use_certificate_chain(net::buffer(who.certificate));
    client_settings.use_private_key(net::buffer(who.key), net::ssl::context::pem);
    net::ssl::context server_settings = server_context(TLS1_3_VERSION);
    server_settings.add_certificate_authority(net::buffer(authority().certificate));
    server_settings.set_verify_mode(net::ssl::verify_peer | net::ssl::verify_fail_if_no_peer_cert);
    both_ours p(std::move(client_settings), std::move(server_settings));
    const operation c = start_handshake(p.client, as_client);
    const operation s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return c.done() && s.done(); });
    BOOST_TEST(s.good() == known);
  }
}

BOOST_AUTO_TEST_SUITE_END()
