// SPDX-License-Identifier: BSL-1.0
// Is the store of sessions bounded, does it give out the right one, and nothing that is too old? (It is
// private to the core: this test includes its header directly.)
#include "session_store.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <ctime>
#include <string>

BOOST_AUTO_TEST_SUITE(session_stores)

namespace {

using tlsmode::session_ptr;
using tlsmode::detail::session_store;

// Sessions are told apart by their ids.
session_ptr make(int version, unsigned char id, long age = 0) {
  session_ptr s(SSL_SESSION_new());
  SSL_SESSION_set_protocol_version(s.get(), version);
  SSL_SESSION_set1_id(s.get(), &id, 1);
  SSL_SESSION_set_time(s.get(), static_cast<long>(std::time(nullptr)) - age);
  SSL_SESSION_set_timeout(s.get(), 1000);
  return s;
}

int id_of(const session_ptr& s) {
  if (!s) return -1;
  unsigned int n = 0;
  const unsigned char* const id = SSL_SESSION_get_id(s.get(), &n);
  return n == 1 ? id[0] : -2;
}

struct filled : session_store {
  using session_store::session_store;
  void put_ticket(const std::string& key, unsigned char id, family f = 1, long age = 0) {
    put({key, make(TLS1_3_VERSION, id, age), f});
  }
  void put_old(const std::string& key, unsigned char id, family f = 1, long age = 0) {
    put({key, make(TLS1_2_VERSION, id, age), f});
  }
  int next(const std::string& key) { return id_of(take(key).session); }
};

} // namespace

BOOST_AUTO_TEST_CASE(tickets_are_given_out_once_the_newest_first) {
  filled store(10);
  for (unsigned char id = 1; id <= 3; ++id) store.put_ticket("a", id);
  store.put_ticket("b", 4);
  for (const int id : {3, 2, 1, -1}) BOOST_TEST(store.next("a") == id);
  for (const int id : {4, -1}) BOOST_TEST(store.next("b") == id);
}

BOOST_AUTO_TEST_CASE(older_versions_sessions_stay_and_replace_each_other) {
  filled store(10);
  store.put_old("a", 1);
  store.put_ticket("a", 2);
  store.put_old("a", 3);
  for (const int id : {3, 3, 3}) BOOST_TEST(store.next("a") == id);
  store.put_ticket("a", 4);
  for (const int id : {4, 3, 3}) BOOST_TEST(store.next("a") == id);
}

// What a connection does to its session must not reach the one that is kept.
BOOST_AUTO_TEST_CASE(what_stays_is_given_out_as_a_copy) {
  session_store store(10);
  store.put({"a", make(TLS1_2_VERSION, 1), 1});
  const session_ptr one = store.take("a").session;
  const session_ptr two = store.take("a").session;
  BOOST_TEST(one.get() != two.get());
  BOOST_TEST(id_of(two) == 1);
}

BOOST_AUTO_TEST_CASE(the_longest_unused_goes_first) {
  filled store(3);
  store.put_old("a", 1);
  store.put_old("b", 2);
  store.put_old("c", 3);
  BOOST_TEST(store.next("a") == 1); // used
  store.put_old("d", 4);
  BOOST_TEST(store.next("b") == -1);
  for (const char* key : {"a", "c", "d"}) BOOST_TEST(store.next(key) != -1);
}

BOOST_AUTO_TEST_CASE(one_key_does_not_push_the_others_out) {
  filled store(100);
  store.put_ticket("quiet", 200);
  for (unsigned char id = 0; id < 150; ++id) store.put_ticket("loud", id);
  BOOST_TEST(store.next("quiet") == 200);
  std::size_t kept = 0;
  for (int id = 149; store.next("loud") == id; --id) ++kept;
  BOOST_TEST(kept == session_store::most_per_key);
}

BOOST_AUTO_TEST_CASE(what_is_too_old_or_unusable_is_passed_over) {
  filled store(10);
  store.put_ticket("a", 1);
  store.put_ticket("a", 2, 1, 1000);
  store.put_ticket("a", 3, 1, -100); // from the future: the clock was set back
  store.put({"a", session_ptr(SSL_SESSION_new()), 1});
  store.put_old("a", 4, 1, 5000);
  for (const int id : {1, -1}) BOOST_TEST(store.next("a") == id);
  store.put_ticket("b", 1, 1, 990); // still good
  BOOST_TEST(store.next("b") == 1);
}

BOOST_AUTO_TEST_CASE(a_family_falls_together_and_alone) {
  filled store(10);
  const auto one = store.new_family();
  const auto two = store.new_family();
  BOOST_TEST(one != 0u);
  BOOST_TEST(one != two);
  store.put_ticket("a", 1, one);
  store.put_ticket("b", 2, one);
  store.put_ticket("a", 3, two);
  BOOST_TEST(store.take("a").origin == two);
  store.put_ticket("a", 4, two);
  store.drop(one);
  for (const int id : {4, -1}) BOOST_TEST(store.next("a") == id);
  BOOST_TEST(store.next("b") == -1);
}

BOOST_AUTO_TEST_SUITE_END()
