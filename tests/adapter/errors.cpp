// SPDX-License-Identifier: BSL-1.0
// Does a program written for boost::asio::ssl::stream see the same error codes? The same faults happen to
// both stream types, and to ours over a layer that is no plain socket, and what they report is compared, code
// and byte count. What differs on purpose is listed last.
#define BOOST_TEST_MODULE adapter_errors
#include "asio_relay.hpp"

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <ostream>
#include <tuple>

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

using beast_stream = stream<boost::beast::tcp_stream>;
using both_streams = std::tuple<tls_stream, beast_stream>;

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

// What operations reported, in order.
struct outcome {
  error_code ec;
  std::size_t bytes = 0;
  friend bool operator==(const outcome& a, const outcome& b) { return a.ec == b.ec && a.bytes == b.bytes; }
  friend std::ostream& operator<<(std::ostream& out, const outcome& o) {
    return out << o.ec << " (" << o.ec.message() << ") after " << o.bytes;
  }
};
using outcomes = std::vector<outcome>;

void add(outcomes& all, net::io_context& io, const operation& op) {
  run_until(io, [&] { return op.done(); });
  all.push_back({op.ec(), op.bytes()});
}

// A fault: what it does to a stream of either type, and what the stream says.
struct fault {
  const char* name;
  outcomes (*ours)(int version);
  outcomes (*layered)(int version);
  outcomes (*asio)(int version);
};

template <class Stream>
outcomes read_to_the_end(int version) {
  open_pair<tls_pair<Stream, asio_stream>> p({version});
  outcomes all;
  std::array<char, 10> room{};
  const operation write = start_write(p.server, net::buffer("hello", 5));
  add(all, p.io, start_read(p.client, net::buffer(room)));
  run_until(p.io, [&] { return write.done(); }); // Boost.Asio's shutdown never ends otherwise
  const operation bye = start_shutdown(p.server);
  add(all, p.io, start_read(p.client, net::buffer(room)));
  add(all, p.io, start_read(p.client, net::buffer(room)));
  add(all, p.io, start_shutdown(p.client));
  run_until(p.io, [&] { return bye.done(); });
  return all;
}

template <class Stream>
outcomes cut_off(int version) {
  open_pair<tls_pair<Stream, asio_stream>> p({version});
  outcomes all;
  std::array<char, 10> room{};
  p.server.lowest_layer().shutdown(tcp_socket::shutdown_send);
  add(all, p.io, start_read(p.client, net::buffer(room)));
  add(all, p.io, start_read(p.client, net::buffer(room)));
  add(all, p.io, start_write(p.client, net::buffer("hello", 5))); // the other direction still works
  return all;
}

template <class Stream>
outcomes cut_off_inside_a_record(int version) {
  relayed_pair<Stream, asio_stream> p(version);
  p.handshake();
  outcomes all;
  std::array<char, 10> room{};
  const operation write = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] { return write.done(); });
  p.send_to_client(p.next_from_server(12));
  p.to_client().shutdown(tcp_socket::shutdown_send);
  add(all, p.io, start_read(p.client, net::buffer(room)));
  return all;
}

template <class Stream>
outcomes reset_while_reading(int version) {
  open_pair<tls_pair<Stream, asio_stream>> p({version});
  outcomes all;
  std::array<char, 10> room{};
  const operation read = start_read(p.client, net::buffer(room));
  settle(p.io);
  p.server.lowest_layer().set_option(net::socket_base::linger(true, 0));
  p.server.lowest_layer().close();
  add(all, p.io, read);
  add(all, p.io, start_write(p.client, net::buffer("hello", 5)));
  return all;
}

template <class Stream>
outcomes reset_while_writing(int version) {
  open_pair<tls_pair<Stream, asio_stream>> p({version, tiny});
  outcomes all;
  const std::string text = random_bytes(500000, 1);
  operation write;
  do { // until one of them has to wait
    write = start_write(p.client, net::buffer(text));
    settle(p.io);
  } while (write.done());
  p.server.lowest_layer().set_option(net::socket_base::linger(true, 0));
  p.server.lowest_layer().close();
  add(all, p.io, write);
  return all;
}

template <class Stream>
outcomes corrupted_record(int version) {
  relayed_pair<Stream, asio_stream> p(version);
  p.handshake();
  outcomes all;
  std::array<char, 10> room{};
  const operation write = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] { return write.done(); });
  std::string record = p.next_from_server();
  record.back() = static_cast<char>(record.back() ^ 1);
  p.send_to_client(record);
  add(all, p.io, start_read(p.client, net::buffer(room)));
  return all;
}

template <class Stream>
outcomes plain_text_server(int version) {
  relayed_pair<Stream, asio_stream> p(version);
  outcomes all;
  const operation c = start_handshake(p.client, as_client);
  p.send_to_client("HTTP/1.1 400 Bad Request\r\n\r\n");
  add(all, p.io, c);
  return all;
}

template <class Stream>
outcomes plain_text_client(int version) {
  relayed_pair<asio_stream, Stream> p(version);
  outcomes all;
  const operation s = start_handshake(p.server, as_server);
  p.send_to_server("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  add(all, p.io, s);
  return all;
}

template <class Stream>
outcomes nobody_at_the_other_end(int version) {
  outcomes all;
  for (const auto type : {as_client, as_server}) {
    relayed_pair<Stream, Stream> p(version);
    Stream& s = type == as_client ? p.client : p.server;
    (type == as_client ? p.to_client() : p.to_server()).shutdown(tcp_socket::shutdown_send);
    add(all, p.io, start_handshake(s, type));
  }
  return all;
}

// Both sides of a handshake that fails are of the type under test.
template <class Stream>
outcomes failed_handshake(net::ssl::context for_client, net::ssl::context for_server) {
  tls_pair<Stream, Stream> p(std::move(for_client), std::move(for_server));
  outcomes all;
  const operation c = start_handshake(p.client, as_client);
  const operation s = start_handshake(p.server, as_server);
  run_until(p.io, [&] { return c.done() && s.done(); });
  std::array<char, 10> room{};
  add(all, p.io, c);
  add(all, p.io, s);
  if (!s.ec()) add(all, p.io, start_read(p.server, net::buffer(room))); // TLS 1.3: the refusal comes later
  return all;
}

template <class Stream>
outcomes unknown_authority(int version) {
  return failed_handshake<Stream>(client_context(version), server_context(version, stranger()));
}

template <class Stream>
outcomes refusing_callback(int version) {
  net::ssl::context settings = client_context(version);
  settings.set_verify_callback([](bool, net::ssl::verify_context& v) {
    X509_STORE_CTX_set_error(v.native_handle(), X509_V_ERR_CERT_REJECTED);
    return false;
  });
  return failed_handshake<Stream>(std::move(settings), server_context(version));
}

template <class Stream>
outcomes no_common_version(int version) {
  return failed_handshake<Stream>(
      client_context(version), server_context(version == TLS1_2_VERSION ? TLS1_3_VERSION : TLS1_2_VERSION));
}

template <class Stream>
outcomes missing_client_certificate(int version) {
  net::ssl::context settings = server_context(version);
  settings.set_verify_mode(net::ssl::verify_peer | net::ssl::verify_fail_if_no_peer_cert);
  return failed_handshake<Stream>(client_context(version), std::move(settings));
}

template <class Stream>
outcomes cancelled_read(int version) {
  open_pair<tls_pair<Stream, asio_stream>> p({version});
  outcomes all;
  std::array<char, 10> room{};
  operation read = start_read(p.client, net::buffer(room));
  settle(p.io);
  read.cancel();
  add(all, p.io, read);
  return all;
}

template <class Stream>
outcomes closed_socket(int version) {
  open_pair<tls_pair<Stream, asio_stream>> p({version});
  outcomes all;
  std::array<char, 10> room{};
  p.client.lowest_layer().close();
  add(all, p.io, start_read(p.client, net::buffer(room)));
  add(all, p.io, start_write(p.client, net::buffer("hello", 5)));
  return all;
}

template <class Stream>
outcomes shutdown_that_nobody_answers(int version) {
  open_pair<tls_pair<Stream, asio_stream>> p({version});
  outcomes all;
  const operation bye = start_shutdown(p.client);
  settle(p.io);
  p.server.lowest_layer().shutdown(tcp_socket::shutdown_send);
  add(all, p.io, bye);
  return all;
}

template <class Stream>
outcomes shutdown_with_unread_data(int version) {
  open_pair<tls_pair<Stream, asio_stream>> p({version});
  outcomes all;
  const operation write = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] { return write.done(); });
  add(all, p.io, start_shutdown(p.client));
  return all;
}

template <class Stream>
outcomes synchronous_faults(int version) {
  open_pair<tls_pair<Stream, asio_stream>> p({version});
  outcomes all;
  std::array<char, 10> room{};
  error_code ec;
  const operation write = start_write(p.server, net::buffer("hello", 5));
  run_until(p.io, [&] { return write.done(); });
  std::size_t n = p.client.read_some(net::buffer(room), ec);
  all.push_back({ec, n});
  const operation bye = start_shutdown(p.server);
  settle(p.io);
  n = p.client.read_some(net::buffer(room), ec);
  all.push_back({ec, n});
  p.client.shutdown(ec);
  all.push_back({ec == net::error::eof ? error_code() : ec, 0});
  run_until(p.io, [&] { return bye.done(); });
  return all;
}

template <class Stream>
outcomes synchronous_writes(int version) {
  outcomes all;
  error_code ec;
  {
    open_pair<tls_pair<Stream, asio_stream>> p({version});
    p.server.lowest_layer().set_option(net::socket_base::linger(true, 0));
    p.server.lowest_layer().close();
    p.client.lowest_layer().wait(tcp_socket::wait_read, ec); // the reset has come
    p.client.write_some(net::buffer("hello", 5), ec);
    all.push_back({ec, 0}); // the number is a difference on purpose
  }
  open_pair<tls_pair<Stream, asio_stream>> p({version});
  p.client.lowest_layer().close();
  p.client.write_some(net::buffer("hello", 5), ec);
  all.push_back({ec, 0});
  p.client.shutdown(ec);
  all.push_back({ec, 0});
  return all;
}

template <class Stream>
outcomes synchronous_handshakes(int version) {
  outcomes all;
  error_code ec;
  {
    relayed_pair<Stream, Stream> p(version);
    p.send_to_client("HTTP/1.1 400 Bad Request\r\n\r\n");
    p.client.handshake(as_client, ec);
    all.push_back({ec, 0});
  }
  relayed_pair<Stream, Stream> p(version);
  p.to_server().shutdown(tcp_socket::shutdown_send);
  p.server.handshake(as_server, ec);
  all.push_back({ec, 0});
  return all;
}

template <class Stream>
outcomes cancelled_handshake(int version) {
  outcomes all;
  for (const auto type : {as_client, as_server}) {
    relayed_pair<Stream, Stream> p(version);
    operation op = start_handshake(type == as_client ? p.client : p.server, type);
    settle(p.io);
    op.cancel();
    add(all, p.io, op);
  }
  return all;
}

// The peer finds fault with what we sent, behind data of its own. (Boost.Asio's stream sends no alerts.)
template <class Stream>
outcomes alert_behind_data(int version) {
  relayed_pair<Stream, tls_stream> p(version);
  p.handshake();
  outcomes all;
  std::array<char, 10> room{};
  const operation data = start_write(p.server, net::buffer("hello", 5));
  const operation write = start_write(p.client, net::buffer("world", 5));
  run_until(p.io, [&] { return data.done() && write.done(); });
  std::string record = p.next_from_client();
  record.back() = static_cast<char>(record.back() ^ 1);
  p.send_to_server(record);
  char byte = 0;
  const operation failed = start_read(p.server, net::buffer(&byte, 1));
  run_until(p.io, [&] { return failed.done(); });
  p.send_to_client(p.next_from_server());
  add(all, p.io, start_read(p.client, net::buffer(room)));
  add(all, p.io, start_read(p.client, net::buffer(room)));
  return all;
}

template <class Stream>
outcomes server_cut_off(int version) {
  open_pair<tls_pair<asio_stream, Stream>> p({version});
  outcomes all;
  std::array<char, 10> room{};
  const operation write = start_write(p.client, net::buffer("hello", 5));
  run_until(p.io, [&] { return write.done(); });
  p.client.lowest_layer().shutdown(tcp_socket::shutdown_send);
  add(all, p.io, start_read(p.server, net::buffer(room)));
  add(all, p.io, start_read(p.server, net::buffer(room)));
  add(all, p.io, start_write(p.server, net::buffer("hello", 5)));
  return all;
}

template <class Stream>
outcomes server_cut_off_in_its_handshake(int version) {
  outcomes all;
  for (const std::size_t first :
       {std::size_t{1}, std::size_t{100}, relayed_pair<Stream, Stream>::everything}) {
    relayed_pair<asio_stream, Stream> p(version);
    const operation c = start_handshake(p.client, as_client);
    const operation s = start_handshake(p.server, as_server);
    settle(p.io);
    p.send_to_server(p.next_from_client(first));
    settle(p.io);
    p.to_server().shutdown(tcp_socket::shutdown_send);
    add(all, p.io, s);
  }
  return all;
}

// What has been read before is no TLS; or it is, and the peer then says no more.
template <class Stream>
outcomes buffered_handshake(int version) {
  outcomes all;
  for (const bool junk : {true, false}) {
    relayed_pair<asio_stream, Stream> p(version);
    const operation c = start_handshake(p.client, as_client);
    settle(p.io);
    const std::string begun = junk ? "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" : p.next_from_client();
    p.to_server().shutdown(tcp_socket::shutdown_send);
    operation s;
    p.server.async_handshake(as_server, net::buffer(begun), s.make_handler());
    run_until(p.io, [&] { return s.done(); });
    all.push_back({s.ec(), 0}); // the number is a difference on purpose
  }
  return all;
}

#define FAULT(name)                                                                                          \
  fault { #name, &name < tls_stream>, &name < beast_stream>, &name < asio_stream> }
const fault faults[] = {FAULT(read_to_the_end),
                        FAULT(cut_off),
                        FAULT(cut_off_inside_a_record),
                        FAULT(reset_while_reading),
                        FAULT(reset_while_writing),
                        FAULT(corrupted_record),
                        FAULT(plain_text_server),
                        FAULT(plain_text_client),
                        FAULT(nobody_at_the_other_end),
                        FAULT(unknown_authority),
                        FAULT(refusing_callback),
                        FAULT(no_common_version),
                        FAULT(missing_client_certificate),
                        FAULT(cancelled_read),
                        FAULT(closed_socket),
                        FAULT(shutdown_that_nobody_answers),
                        FAULT(shutdown_with_unread_data),
                        FAULT(synchronous_faults),
                        FAULT(synchronous_writes),
                        FAULT(synchronous_handshakes),
                        FAULT(cancelled_handshake),
                        FAULT(alert_behind_data),
                        FAULT(server_cut_off),
                        FAULT(server_cut_off_in_its_handshake),
                        FAULT(buffered_handshake)};
#undef FAULT

} // namespace

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(the_same_fault_gives_the_same_codes) {
  for (const fault& f : faults) {
    for (const int version : versions) {
      BOOST_TEST_CONTEXT(f.name << (version == TLS1_2_VERSION ? " with TLS 1.2" : " with TLS 1.3")) {
        const outcomes ours = f.ours(version);
        const outcomes layered = f.layered(version);
        const outcomes theirs = f.asio(version);
        BOOST_TEST(ours == theirs, boost::test_tools::per_element());
        BOOST_TEST(layered == theirs, boost::test_tools::per_element());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(codes_compare_with_the_projects_own) {
  both_ours p;
  const operation read = start_read(p.client, net::mutable_buffer(&p, 1));
  run_until(p.io, [&] { return read.done(); });
  const error_code ec = read.ec();
  BOOST_TEST(ec == tlsmode::error::handshake_needed);
  BOOST_TEST(ec != tlsmode::error::wrong_role);
  BOOST_TEST(std::string(std::error_code(ec).category().name()) == "tlsmode");
  BOOST_TEST(std::error_code(ec) == tlsmode::error::handshake_needed);
  BOOST_TEST(ec.message() == make_error_code(tlsmode::error::handshake_needed).message());
  BOOST_TEST(ec.failed());
}

BOOST_AUTO_TEST_CASE(a_refused_certificate_comes_with_its_reason) {
  for (const int version : versions) {
    both_ours p(client_context(version), server_context(version, stranger()));
    BOOST_TEST(p.client.last_failure().to_string() == "no failure");
    const operation c = start_handshake(p.client, as_client);
    const operation s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return c.done(); });
    const failure& why = p.client.last_failure();
    BOOST_TEST(error_code(to_boost(why.code)) == c.ec());
    BOOST_TEST(why.operation == "handshake");
    BOOST_TEST(why.verify_error == X509_verify_cert_error_string(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT));
    BOOST_TEST(why.verify_depth == 0);
    BOOST_TEST(why.openssl_errors.find("certificate verify failed") != std::string::npos);
    BOOST_TEST(why.to_string().find(why.verify_error) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_host_name_is_refused_and_the_right_one_is_not) {
  for (const char* const name : {"localhost", "127.0.0.1", "other.example", "127.0.0.2"}) {
    const bool right = std::string(name) == "localhost" || std::string(name) == "127.0.0.1";
    both_ours p;
    p.client.set_host(name);
    const operation c = start_handshake(p.client, as_client);
    const operation s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return c.done(); });
    BOOST_TEST(c.good() == right);
    if (!right) BOOST_TEST(p.client.last_failure().verify_error.find("mismatch") != std::string::npos);
  }
}

// A verify callback of the stream replaces the context's, sees every certificate, and may not throw through.
BOOST_AUTO_TEST_CASE(verify_callbacks_decide) {
  for (const bool verdict : {true, false}) {
    both_ours p;
    int asked = 0;
    p.client.set_verify_callback([&](bool preverified, net::ssl::verify_context& v) {
      ++asked;
      BOOST_TEST(preverified);
      BOOST_TEST((X509_STORE_CTX_get_current_cert(v.native_handle()) != nullptr));
      return verdict;
    });
    const operation c = start_handshake(p.client, as_client);
    const operation s = start_handshake(p.server, as_server);
    run_until(p.io, [&] { return c.done(); });
    BOOST_TEST(c.good() == verdict);
    BOOST_TEST(asked >= 1);
  }
  both_ours p;
  p.client.set_verify_callback(
      [](bool, net::ssl::verify_context&) -> bool { throw std::runtime_error("no"); });
  const operation c = start_handshake(p.client, as_client);
  const operation s = start_handshake(p.server, as_server);
  run_until(p.io, [&] { return c.done(); });
  BOOST_TEST(bool(c.ec()));
  BOOST_TEST(p.client.last_failure().verify_error == X509_verify_cert_error_string(X509_V_ERR_CERT_REJECTED));
}

// A write that has failed has written nothing, and the next one says the same. (From Boost.Asio's stream
// comes the number of bytes that it has sealed, together with the error.)
BOOST_AUTO_TEST_CASE_TEMPLATE(a_synchronous_write_that_fails_has_no_bytes, Stream, both_streams) {
  open_pair<tls_pair<Stream, asio_stream>> p;
  p.server.lowest_layer().set_option(net::socket_base::linger(true, 0));
  p.server.lowest_layer().close();
  error_code ec;
  p.client.lowest_layer().wait(tcp_socket::wait_read, ec); // the reset has come
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(p.client.write_some(net::buffer("hello", 5), ec) == 0U);
    BOOST_TEST(ec == net::error::connection_reset);
  }
}

// The differences: local misuse has a category of its own, and a certificate that a verify callback refuses
// without giving a reason is refused as a bad certificate, not as an internal error.
BOOST_AUTO_TEST_CASE(differences_on_purpose) {
  open_pair<both_ours> p;
  const operation bye = start_shutdown_form(p.client, shutdown_form::send_only);
  const operation late = start_write(p.client, net::buffer("late", 4));
  run_until(p.io, [&] { return bye.done() && late.done(); });
  BOOST_TEST(late.ec() == tlsmode::error::write_after_shutdown);
  BOOST_TEST((late.ec().category() == error_code(make_error_code(tlsmode::error::wrong_role)).category()));

  net::ssl::context settings = client_context(TLS1_3_VERSION);
  settings.set_verify_callback([](bool, net::ssl::verify_context&) { return false; });
  const outcomes refused = failed_handshake<tls_stream>(std::move(settings), server_context(TLS1_3_VERSION));
  BOOST_TEST(refused.back().ec.message().find("alert bad certificate") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
