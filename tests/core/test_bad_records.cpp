// SPDX-License-Identifier: BSL-1.0
// What does a peer that breaks the protocol get? Records that are cut, too long, changed, out of order, sent
// twice or of a wrong kind, at every place of a connection: an error that names the cause, an alert, the end;
// never data that was not sent, and never a step without end.
#include "memory_pair.hpp"
#include "step_checks.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <functional>
#include <vector>

BOOST_AUTO_TEST_SUITE(bad_records)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

struct version_pair : memory_pair {
  explicit version_pair(int version) : memory_pair(contexts_for(version), server_context()) {}
  static context contexts_for(int version) {
    context c = client_context();
    SSL_CTX_set_max_proto_version(c.native_handle(), version);
    return c;
  }
};

std::string drain(endpoint& e) {
  std::string out = text_of(e.wire.output());
  e.wire.consume(out.size());
  return out;
}

void give(endpoint& e, std::string_view bytes) { BOOST_REQUIRE(e.wire.feed(bytes_of(bytes))); }

// Whole records with their headers, as they are on the wire.
std::vector<std::string> cut_records(const std::string& wire) {
  std::vector<std::string> cut;
  for (std::size_t at = 0; at < wire.size();) {
    const auto high = static_cast<unsigned char>(wire.at(at + 3));
    const auto low = static_cast<unsigned char>(wire.at(at + 4));
    const std::size_t size = 5U + 256U * high + low;
    cut.push_back(wire.substr(at, size));
    at += size;
  }
  return cut;
}

std::string joined(const std::vector<std::string>& records) {
  std::string all;
  for (const std::string& r : records) all += r;
  return all;
}

using mutation = std::function<std::string(std::string)>;

// Shakes hands with one flight changed; returns whether both sides believe that all is well.
bool survives(int version, role victim, int flight, const mutation& change, std::string& cause) {
  version_pair p(version);
  int flights = 0;
  for (int round = 0; round < 20; ++round) {
    for (endpoint* sender : {&p.client, &p.server}) {
      endpoint& other = sender == &p.client ? p.server : p.client;
      sender->last = sender->handshake();
      std::string bytes = drain(*sender);
      if (other.side == victim && !bytes.empty() && flights++ == flight) bytes = change(bytes);
      give(other, bytes);
    }
  }
  for (endpoint* e : {&p.client, &p.server}) {
    if (!e->last.error) continue;
    if (cause.empty() || e->side == victim) cause = e->last.error.message();
    BOOST_TEST(fails(e->handshake(), e->last.error), "the failure stays");
    BOOST_TEST(!e->tls.last_failure().to_string().empty());
  }
  // In TLS 1.2 the server, in 1.3 the client may be done before the other one refuses; it hears of it when it
  // reads.
  std::string text;
  const bool open =
      p.client.last.complete() && !p.client.last.error && p.server.last.complete() && !p.server.last.error;
  for (endpoint* e : {&p.client, &p.server}) {
    endpoint& other = e == &p.client ? p.server : p.client;
    give(*e, drain(other));
    if (e->tls.state() == connection_state::open) BOOST_TEST(e->read_all().empty());
  }
  return open && p.client.tls.state() == connection_state::open &&
         p.server.tls.state() == connection_state::open;
}

std::string flip(std::string s, std::size_t at, char bits = 1) {
  s.at(at) = static_cast<char>(s.at(at) ^ bits);
  return s;
}

struct named_mutation {
  const char* what;
  mutation change;
};

const std::vector<named_mutation>& record_mutations() {
  static const std::vector<named_mutation> all = {
      {"an unknown content type", [](std::string s) { return flip(s, 0, 0x40); }},
      {"a wrong major version", [](std::string s) { return flip(s, 1, 0x0c); }},
      {"a length over the limit",
       [](std::string s) {
         s.at(3) = '\x7f';
         return s + pattern(0x8000);
       }},
      {"a record twice",
       [](const std::string& s) {
         const auto r = cut_records(s);
         return s + r.back();
       }},
      {"rubbish in front", [](const std::string& s) { return pattern(40, 9) + s; }},
      {"application data in front",
       [](const std::string& s) { return std::string("\x17\x03\x03\x00\x05hello", 10) + s; }},
      {"an alert of a made-up kind",
       [](const std::string& s) { return std::string("\x15\x03\x03\x00\x02\x02\xfe", 7) + s; }},
  };
  return all;
}

} // namespace

BOOST_AUTO_TEST_CASE(an_unchanged_handshake_succeeds) {
  for (const int version : versions) {
    std::string cause;
    BOOST_TEST(survives(
        version, role::server, 0, [](std::string s) { return s; }, cause));
    BOOST_TEST(cause.empty());
  }
}

BOOST_AUTO_TEST_CASE(no_handshake_survives_a_broken_record) {
  for (const int version : versions)
    for (const role victim : {role::client, role::server})
      for (int flight = 0; flight < 2; ++flight)
        for (const named_mutation& m : record_mutations()) {
          std::string cause;
          const bool open = survives(version, victim, flight, m.change, cause);
          BOOST_TEST_INFO("TLS " << version << ", flight " << flight << " to the "
                                 << (victim == role::client ? "client" : "server") << ": " << m.what);
          BOOST_TEST(!open);
        }
}

BOOST_AUTO_TEST_CASE(no_handshake_survives_a_changed_bit) {
  for (const int version : versions)
    for (const role victim : {role::client, role::server})
      for (int flight = 0; flight < 2; ++flight) {
        std::size_t size = 0;
        std::string cause;
        (void)survives(
            version, victim, flight,
            [&](std::string s) {
              size = s.size();
              return s;
            },
            cause);
        for (std::size_t at = 5; at < size; at += 1 + size / 60) {
          bool legal =
              false; // the version of a record is for the most part not looked at (RFC 8446 section 5.1)
          cause.clear();
          const bool open = survives(
              version, victim, flight,
              [&](const std::string& s) {
                // An ECDSA signature has 70 to 72 bytes, so a flight may be shorter than the first one.
                const std::size_t where = std::min(at, s.size() - 1);
                std::size_t begin = 0;
                for (const std::string& r : cut_records(s)) {
                  legal = legal || (where > begin && where < begin + 5);
                  legal = legal || r.front() == '\x14'; // dummy, dropped by TLS 1.3
                  begin += r.size();
                }
                return flip(s, where);
              },
              cause);
          BOOST_TEST_INFO("TLS " << version << ", flight " << flight << " to the "
                                 << (victim == role::client ? "client" : "server") << ", byte " << at);
          BOOST_TEST((!open || legal));
        }
      }
}

BOOST_AUTO_TEST_CASE(a_handshake_that_ends_at_any_byte_is_truncated) {
  for (const int version : versions)
    for (const role victim : {role::client, role::server}) {
      version_pair probe(version);
      probe.client.handshake();
      const std::string hello = drain(probe.client);
      give(probe.server, hello);
      probe.server.handshake();
      const std::string flight = victim == role::server ? hello : drain(probe.server);
      for (std::size_t size = 0; size < flight.size(); size += 1 + flight.size() / 50) {
        version_pair p(version);
        endpoint& e = victim == role::server ? p.server : p.client;
        if (victim == role::client) {
          p.client.handshake();
          give(p.server, drain(p.client));
          p.server.handshake();
          give(p.client, drain(p.server).substr(0, size));
        } else {
          give(e, flight.substr(0, size));
        }
        BOOST_TEST(stops(e.handshake(), suspend::want_read));
        e.wire.feed_eof();
        BOOST_TEST(fails(e.handshake(), error::stream_truncated));
        BOOST_TEST(fails(e.handshake(), error::stream_truncated));
      }
    }
}

BOOST_AUTO_TEST_CASE(no_broken_data_record_is_delivered) {
  const std::vector<named_mutation> data_mutations = {
      {"swapped records",
       [](const std::string& s) {
         auto r = cut_records(s);
         std::swap(r.at(0), r.at(1));
         return joined(r);
       }},
      {"a lost record",
       [](const std::string& s) {
         auto r = cut_records(s);
         r.erase(r.begin());
         return joined(r);
       }},
      {"an early end of a record",
       [](const std::string& s) {
         auto r = cut_records(s);
         r.at(0).pop_back();
         return joined(r);
       }},
      {"a wrong content type", [](std::string s) { return flip(s, 0); }},
      {"a length over the limit",
       [](std::string s) {
         s.at(3) = '\x44';
         return s + pattern(0x8000);
       }},
      {"a changed byte", [](std::string s) { return flip(s, 30); }},
      {"a changed tag", [](std::string s) { return flip(s, s.size() - 1); }},
  };
  for (const int version : versions)
    for (const bool to_server : {true, false})
      for (const named_mutation& m : data_mutations) {
        version_pair p(version);
        BOOST_REQUIRE(p.connect());
        endpoint& from = to_server ? p.client : p.server;
        endpoint& to = to_server ? p.server : p.client;
        const std::string before = pattern(100, 1);
        BOOST_TEST(completes(from.write(before), 100));
        deliver(from, to);
        const std::string first = pattern(1000, 2);
        const std::string second = pattern(2000, 3);
        BOOST_TEST(completes(from.write(first), first.size()));
        BOOST_TEST(completes(from.write(second), second.size()));
        give(to, m.change(drain(from)));
        BOOST_TEST_INFO("TLS " << version << ": " << m.what);
        const std::string got = to.read_all();
        // What was whole and in its place may be read; nothing else.
        BOOST_TEST((before + first + second).starts_with(got));
        BOOST_TEST(got.size() < before.size() + first.size() + second.size());
        BOOST_TEST(bool(to.last.error));
        BOOST_TEST(to.last.error.category().name() == openssl_category().name());
        BOOST_TEST(to.tls.state() == connection_state::failed);
        std::string room(10, '\0');
        BOOST_TEST(fails(to.read(room), to.last.error));
        BOOST_TEST(fails(to.write("x"), to.last.error));
        give(from, drain(to)); // the alert
        from.read_all();
        BOOST_TEST(from.tls.state() == connection_state::failed, "the peer hears of it");
      }
}

BOOST_AUTO_TEST_CASE(a_record_sent_again_is_refused) {
  for (const int version : versions) {
    version_pair p(version);
    BOOST_REQUIRE(p.connect());
    BOOST_TEST(completes(p.client.write("hello"), 5));
    const std::string wire = drain(p.client);
    give(p.server, wire + wire);
    BOOST_TEST(p.server.read_all() == "hello");
    BOOST_TEST(bool(p.server.last.error));
    BOOST_TEST(p.server.tls.last_failure().openssl_errors.find("bad record mac") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(empty_records_without_end_are_refused) {
  version_pair p(TLS1_2_VERSION);
  BOOST_REQUIRE(p.connect());
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += std::string("\x16\x03\x03\x00\x00", 5);
  give(p.server, flood);
  BOOST_TEST(p.server.read_all().empty());
  BOOST_TEST(bool(p.server.last.error));
  BOOST_TEST(p.server.tls.state() == connection_state::failed);
}

BOOST_AUTO_TEST_CASE(a_peer_that_stops_inside_a_record_is_waited_for_and_then_truncated) {
  for (const int version : versions) {
    version_pair p(version);
    BOOST_REQUIRE(p.connect());
    BOOST_TEST(completes(p.client.write(pattern(100)), 100));
    const std::string wire = drain(p.client);
    for (const char byte : wire.substr(0, wire.size() - 1)) {
      give(p.server, std::string_view(&byte, 1));
      BOOST_TEST(p.server.read_all().empty());
      BOOST_TEST(stops(p.server.last, suspend::want_read));
    }
    p.server.wire.feed_eof();
    BOOST_TEST(p.server.read_all().empty());
    BOOST_TEST(fails(p.server.last, error::stream_truncated));
  }
}

BOOST_AUTO_TEST_SUITE_END()
