// SPDX-License-Identifier: BSL-1.0
// Do threads that share a client context get each ticket once, and only tickets of the peer that they ask
// for? (The store is private to the core: this test includes its header directly.)
#include "resumption.hpp"
#include "session_store.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <ctime>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(shared_contexts)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using tlsmode::detail::session_store;

constexpr unsigned thread_count = 4;

// Runs `work(thread)` on all threads at once and returns what each came to.
template <class Work>
auto on_threads(Work work) {
  std::vector<decltype(work(0u))> results(thread_count);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < thread_count; ++t) threads.emplace_back([&, t] { results[t] = work(t); });
  for (std::thread& t : threads) t.join();
  return results;
}

std::string ticket_of(const SSL_SESSION* s) {
  const unsigned char* ticket = nullptr;
  std::size_t n = 0;
  SSL_SESSION_get0_ticket(s, &ticket, &n);
  return {reinterpret_cast<const char*>(ticket), n};
}

// A session whose id says for which key, and by whom, it was made.
session_ptr make(unsigned key, unsigned thread, unsigned number) {
  session_ptr s(SSL_SESSION_new());
  SSL_SESSION_set_protocol_version(s.get(), TLS1_3_VERSION);
  const unsigned char id[] = {static_cast<unsigned char>(key), static_cast<unsigned char>(thread),
                              static_cast<unsigned char>(number >> 8), static_cast<unsigned char>(number)};
  SSL_SESSION_set1_id(s.get(), id, sizeof id);
  SSL_SESSION_set_time(s.get(), static_cast<long>(std::time(nullptr)));
  SSL_SESSION_set_timeout(s.get(), 1000);
  return s;
}

struct taken {
  unsigned key;
  std::string id;
};

// What a thread's connections offered and got, with their ports, and how many of them failed.
struct seen {
  std::vector<std::pair<std::string, std::uint16_t>> offered, received;
  int failed = 0;
};

} // namespace

BOOST_AUTO_TEST_CASE(a_store_gives_each_ticket_to_one_thread) {
  session_store store(20); // so small that entries are pushed out all the time
  const auto results = on_threads([&](unsigned thread) {
    std::vector<taken> mine;
    const session_store::family family = store.new_family();
    for (unsigned i = 0; i < 4000; ++i) {
      const unsigned key = i % 5;
      store.put({std::to_string(key), make(key, thread, i), family});
      const unsigned wanted = (i + thread) % 5;
      if (const auto e = store.take(std::to_string(wanted)); e.session) {
        unsigned int n = 0;
        const unsigned char* const id = SSL_SESSION_get_id(e.session.get(), &n);
        mine.push_back({wanted, std::string(reinterpret_cast<const char*>(id), n)});
      }
      if (i % 500 == 499) store.drop(family);
      if (i % 1500 == 1499) store.clear();
    }
    return mine;
  });
  std::map<std::string, int> uses;
  int wrong_key = 0;
  for (const auto& thread : results)
    for (const taken& t : thread) {
      ++uses[t.id];
      wrong_key += t.id.size() != 4 || static_cast<unsigned char>(t.id[0]) != t.key ? 1 : 0;
    }
  int twice = 0;
  for (const auto& [id, n] : uses) twice += n > 1 ? 1 : 0;
  BOOST_TEST(uses.size() > 1000u);
  BOOST_TEST(twice == 0);
  BOOST_TEST(wrong_key == 0);
}

TLSMODE_CASE_PER_VERSION(connections_share_the_sessions_of_their_context) {
  const context client = resuming_client(version);
  const context server = server_context(); // one ticket each: session() is the only one
  const auto connect = [&](std::uint16_t port, seen& to) {
    memory_pair pair(client, server);
    if (pair.client.tls.set_host(server_name, port)) return void(++to.failed);
    pair.client.handshake();
    if (const SSL_SESSION* const s = SSL_get_session(pair.client.native());
        s != nullptr && SSL_SESSION_has_ticket(s))
      to.offered.emplace_back(ticket_of(s), port);
    if (!pair.connect()) return void(++to.failed);
    if (const session_ptr s = pair.client.tls.session()) to.received.emplace_back(ticket_of(s.get()), port);
  };
  std::vector<seen> all(1);
  for (const int port : {1, 2, 1, 2}) connect(static_cast<std::uint16_t>(port), all.front());
  for (seen& s : on_threads([&](unsigned) {
         seen mine;
         for (std::uint16_t i = 0; i < 40; ++i) connect(static_cast<std::uint16_t>(1 + i % 2), mine);
         return mine;
       }))
    all.push_back(std::move(s));
  std::map<std::string, std::uint16_t> port_of;
  std::map<std::string, int> uses;
  for (const seen& s : all) {
    BOOST_TEST(s.failed == 0);
    for (const auto& [ticket, port] : s.received) port_of[ticket] = port;
  }
  int wrong_port = 0;
  int twice = 0;
  for (const seen& s : all)
    for (const auto& [ticket, port] : s.offered) {
      wrong_port += port_of.at(ticket) != port ? 1 : 0;
      twice += ++uses[ticket] > 1 ? 1 : 0;
    }
  BOOST_TEST(uses.size() >= 2u);
  BOOST_TEST(wrong_port == 0);
  if (version == TLS1_3_VERSION) BOOST_TEST(twice == 0); // older sessions stay
}

BOOST_AUTO_TEST_SUITE_END()
