// SPDX-License-Identifier: BSL-1.0
// The course of a walk.
#include "walk.hpp"

#include "expect.hpp"
#include "fixed_random.hpp"

#include <tlsmode/stats.hpp>

#include <openssl/ssl.h>

namespace tlsmode::model {

using state = connection_state;

struct walks::pair {
  pair(walks& w, randomness& r, bool jobs, const side::log& tell)
      : random(r), ends(w.client_, w.server_), client(ends.client, r, w.there_, w.back_, jobs, tell),
        server(ends.server, r, w.back_, w.there_, jobs, tell) {
    client.promises().meets(server.promises());
    server.promises().meets(client.promises());
    if (r() % 3 == 0) SSL_set_max_proto_version(ends.client.native(), TLS1_2_VERSION);
  }
  void calm_down() {
    client.calm_down();
    server.calm_down();
  }
  // All that is on its way arrives.
  void settle() {
    for (int i = 0; i < 1000; ++i) {
      const bool idle = ends.client.wire.output().empty() && ends.server.wire.output().empty() &&
                        !ends.client.tls.flush_pending() && !ends.server.tls.flush_pending();
      if (idle) return;
      ends.client.flush();
      ends.server.flush();
      client.receive(ends.server, test::no_limit);
      server.receive(ends.client, test::no_limit);
      if (ends.client.tls.state() == state::failed && ends.server.tls.state() == state::failed) return;
    }
    expect(false, "without trouble everything arrives");
  }
  // Both sides go as far as they can.
  void come_to_an_end() {
    calm_down();
    for (int i = 0; i < 30 && (!up(ends.client) || !up(ends.server)); ++i) {
      ends.client.handshake();
      server.receive(ends.client, test::no_limit);
      ends.server.handshake();
      client.receive(ends.server, test::no_limit);
    }
    expect(up(ends.client) && up(ends.server), "without trouble a handshake comes to its end");
    client.finish();
    server.finish();
    settle();
    for (side* s : {&client, &server}) {
      s->end().last = {};
      s->read_to_the_end();
      s->promises().judge_the_end(s->look());
    }
  }
  // 3: who fails tells the peer why, if the way is good.
  void check_alerts() {
    calm_down();
    settle();
    for (side* s : {&client, &server}) {
      side& other = s == &client ? server : client;
      const failure& f = s->end().tls.last_failure();
      if (s->end().tls.state() != state::failed || f.alert_sent < 0 || !s->promises().sends_well()) continue;
      if (other.end().tls.state() == state::failed || !other.promises().reads_well()) continue;
      if (other.end().tls.state() != state::open && other.end().tls.state() != state::close_sent) continue;
      other.give_up();
      other.end().last = {};
      other.read_to_the_end();
      expect(other.end().tls.last_failure().alert_received == f.alert_sent,
             "a failure's alert reaches the peer");
    }
  }
  static bool up(const test::endpoint& e) {
    return e.tls.state() != state::fresh && e.tls.state() != state::handshaking;
  }

  randomness& random;
  test::memory_pair ends;
  side client;
  side server;
};

walks::walks() : client_(test::client_context()), server_(test::server_context()) {}

std::uint64_t walks::connect_and_talk(pair& p, bool harm) {
  randomness& random = p.random;
  const std::uint64_t most = 50 + random() % 700;
  const std::uint64_t harm_at = harm ? random() % most : most;
  std::uint64_t after_the_end = 0;
  std::uint64_t n = 0;
  while (n < most && after_the_end < 10) {
    const auto what = random() % 4;
    if (n++ == harm_at) {
      side& s = random() % 2 == 0 ? p.client : p.server;
      random() % 2 == 0 ? s.break_transport() : s.break_wire();
    }
    if (what == 0) p.client.receive(p.ends.server, random() % 3 == 0 ? test::no_limit : random() % 40'000);
    if (what == 1) p.server.receive(p.ends.client, random() % 3 == 0 ? test::no_limit : random() % 40'000);
    if (what >= 2) (random() % 2 == 0 ? p.client : p.server).take_a_step();
    if (p.client.over() && p.server.over()) ++after_the_end;
  }
  return n;
}

std::uint64_t walks::run(std::uint64_t number, const side::log& tell) {
  test::fix_openssl_random(number);
  randomness random(static_cast<randomness::result_type>(number ^ number >> 32));
  const bool jobs = random() % 2 == 0;
  const std::uint64_t abandoned = abandoned_jobs();
  std::uint64_t steps = 0;
  {
    pair p(*this, random, jobs, tell);
    for (auto connections = 1 + random() % 3; connections != 0; --connections) {
      const bool harm = random() % 4 == 0;
      steps += connect_and_talk(p, harm);
      const auto end = random() % 4;
      if (p.client.promises().unharmed() && p.server.promises().unharmed() && end != 0)
        p.come_to_an_end();
      else if (end != 0)
        p.check_alerts();
      p.calm_down();
      if (connections == 1) break;
      p.client.reset();
      p.server.reset();
    }
  }
  expect(abandoned_jobs() == abandoned, "no job is left behind"); // 10
  return steps;
}

} // namespace tlsmode::model
