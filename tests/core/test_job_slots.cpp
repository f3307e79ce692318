// SPDX-License-Identifier: BSL-1.0
// Connections that wait for a slot in their thread's job pool: are they called in the order in which they
// came, is nobody forgotten, whoever of them goes away, and is no slot ever lost?
#include "job_guests.hpp"
#include "job_pool.hpp"
#include "leak_check.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <memory>
#include <random>
#include <vector>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// Guests of one pool. Callbacks only write down who was called.
struct crowd {
  guest& add(bool has_callback = true) {
    guests.push_back(std::make_unique<guest>(all, static_cast<int>(guests.size()), called, has_callback));
    return *guests.back();
  }
  guest& operator[](int i) { return *guests[static_cast<std::size_t>(i)]; }
  guest& holds() {
    guest& g = add();
    BOOST_REQUIRE(stops(g.try_it(), suspend::want_async));
    BOOST_TEST(!g.waits());
    return g;
  }
  guest& queues(bool has_callback = true) {
    guest& g = add(has_callback);
    BOOST_REQUIRE(stops(g.try_it(), suspend::want_async_job));
    BOOST_TEST(g.waits());
    return g;
  }
  numbers take_called() { return std::exchange(called, {}); }

  guest_settings all;
  numbers called;
  std::vector<std::unique_ptr<guest>> guests;
};

void check_called(crowd& c, const numbers& expected) {
  BOOST_TEST(c.take_called() == expected, boost::test_tools::per_element());
}

} // namespace

BOOST_AUTO_TEST_SUITE(job_slots)

BOOST_AUTO_TEST_CASE(slots_are_given_in_the_order_of_arrival) {
  for (const int slots : {1, 2}) {
    with_job_pool(static_cast<std::size_t>(slots), [slots] {
      crowd c;
      constexpr int waiting = 10;
      std::deque<int> holders;
      for (int i = 0; i < slots; ++i) {
        c.holds();
        holders.push_back(i);
      }
      for (int i = 0; i < waiting; ++i) c.queues();
      for (int i = slots; i < slots + waiting; ++i)
        BOOST_TEST(stops(c[i].try_it(), suspend::want_async_job)); // asking in vain costs nobody his place
      check_called(c, {});
      for (int next = slots; next < slots + waiting; ++next) {
        c[holders.front()].finish_job();
        holders.pop_front();
        check_called(c, {next});
        BOOST_TEST(c[next].waits());
        BOOST_TEST(stops(c[next].try_it(), suspend::want_async));
        BOOST_TEST(!c[next].waits());
        holders.push_back(next);
        if (next + 1 == slots + waiting) break;
        check_called(c, {next + 1}); // there might be another free slot
        BOOST_TEST(stops(c[next + 1].try_it(), suspend::want_async_job));
        check_called(c, {});
      }
      for (const int i : holders) c[i].finish_job();
      check_called(c, {});
      for (int i = 0; i < slots + waiting; ++i) BOOST_TEST(c[i].pair.connect());
    });
  }
}

// Who will not ask again must not stand in the way of others.
BOOST_AUTO_TEST_CASE(who_leaves_the_queue_is_not_called) {
  with_job_pool(1, [] {
    crowd c;
    c.holds();
    for (int i = 0; i < 3; ++i) c.queues();
    const auto first = [&](int i) { return c[i].pair.server.tls.first_for_slot(); };
    BOOST_TEST((first(1) && !first(2) && !first(3) && !first(0)));
    c[1].pair.server.tls.leave_slot_queue();
    BOOST_TEST(!c[1].waits());
    BOOST_TEST((!first(1) && first(2) && !first(3)));
    check_called(c, {2}); // there might be a free slot
    c[0].finish_job();
    check_called(c, {2});
    BOOST_TEST(stops(c[2].try_it(), suspend::want_async));
    BOOST_TEST(first(3));
    BOOST_TEST(stops(c[1].try_it(), suspend::want_async_job)); // at the end, if it comes after all
    BOOST_TEST((!first(1) && first(3)));
    c[2].finish_job();
  });
}

BOOST_AUTO_TEST_CASE(two_slots_that_are_freed_at_once_serve_two) {
  with_job_pool(2, [] {
    crowd c;
    c.holds();
    c.holds();
    for (int i = 0; i < 3; ++i) c.queues();
    c[0].finish_job();
    c[1].finish_job();
    check_called(c, {2, 2}); // nobody else before the first has come
    BOOST_TEST(stops(c[2].try_it(), suspend::want_async));
    check_called(c, {3});
    BOOST_TEST(stops(c[3].try_it(), suspend::want_async));
    check_called(c, {4});
    BOOST_TEST(stops(c[4].try_it(), suspend::want_async_job));
    for (const int i : {2, 3}) c[i].finish_job();
    check_called(c, {4, 4});
    BOOST_TEST(stops(c[4].try_it(), suspend::want_async));
    c[4].finish_job();
  });
}

// It gets its slot, needs it for a moment, and the next one hears of it.
BOOST_AUTO_TEST_CASE(a_job_that_does_not_pause_passes_its_slot_on) {
  with_job_pool(1, [] {
    crowd c;
    c.holds();
    for (int i = 0; i < 3; ++i) c.queues().pauser.disarm();
    c[0].finish_job();
    for (int i = 1; i <= 3; ++i) {
      check_called(c, {i});
      BOOST_TEST(stops(c[i].try_it(), suspend::want_read));
    }
    check_called(c, {});
  });
}

BOOST_AUTO_TEST_CASE(whoever_goes_away_leaves_the_queue_and_the_next_is_called) {
  enum class way { destroyed, cancelled, reset };
  for (const way how : {way::destroyed, way::cancelled, way::reset}) {
    for (const int who : {1, 2, 3}) { // the first, the middle and the last of the queue
      BOOST_TEST_CONTEXT("way " << static_cast<int>(how) << ", guest " << who) {
        with_job_pool(1, [how, who] {
          crowd c;
          c.holds();
          for (int i = 0; i < 3; ++i) c.queues();
          switch (how) {
          case way::destroyed: c.guests[static_cast<std::size_t>(who)].reset(); break;
          case way::cancelled: c[who].pair.server.tls.cancel_handshake(); break;
          case way::reset: BOOST_TEST(!c[who].pair.server.tls.reset()); break;
          }
          if (how != way::destroyed) BOOST_TEST(!c[who].waits());
          const int first = who == 1 ? 2 : 1;
          check_called(c, {first}); // there might be a free slot that it had been called for
          BOOST_TEST(stops(c[first].try_it(), suspend::want_async_job));
          c[0].finish_job();
          for (int i = 1; i <= 3; ++i) {
            if (i == who) continue;
            check_called(c, {i});
            BOOST_TEST(stops(c[i].try_it(), suspend::want_async));
            c.called.clear();
            c[i].finish_job();
          }
          check_called(c, {});
          if (how == way::cancelled) { // it comes back when it likes
            BOOST_TEST(stops(c[who].try_it(), suspend::want_async));
            c[who].finish_job();
          }
        });
      }
    }
  }
}

// It was called and goes away instead of coming: the call must not be lost with it.
BOOST_AUTO_TEST_CASE(a_call_is_passed_on_by_who_does_not_come) {
  with_job_pool(1, [] {
    crowd c;
    c.holds();
    c.queues();
    c.queues();
    c[0].finish_job();
    check_called(c, {1});
    c.guests[1].reset();
    check_called(c, {2});
    BOOST_TEST(stops(c[2].try_it(), suspend::want_async));
    c[2].finish_job();
  });
}

BOOST_AUTO_TEST_CASE(a_holder_that_is_destroyed_or_reset_frees_its_slot) {
  for (const bool by_reset : {false, true}) {
    with_job_pool(1, [by_reset] {
      crowd c;
      c.holds().pauser.release();
      c.queues();
      if (by_reset)
        BOOST_TEST(!c[0].pair.server.tls.reset());
      else
        c.guests[0].reset();
      check_called(c, {1});
      BOOST_TEST(stops(c[1].try_it(), suspend::want_async));
      c[1].finish_job();
    });
  }
}

// Nobody can call it; that must not keep the others waiting.
BOOST_AUTO_TEST_CASE(whoever_has_no_callback_is_passed_over) {
  with_job_pool(1, [] {
    crowd c;
    c.holds();
    c.queues(false);
    c.queues();
    c[0].finish_job();
    check_called(c, {2});
    BOOST_TEST(stops(c[2].try_it(), suspend::want_async));
    BOOST_TEST(stops(c[1].try_it(), suspend::want_async_job));
    c[2].finish_job();
    BOOST_TEST(stops(c[1].try_it(), suspend::want_async));
    c[1].finish_job();
  });
}

BOOST_AUTO_TEST_CASE(a_callback_that_throws_does_no_harm) {
  with_job_pool(1, [] {
    crowd c;
    c.holds();
    guest& g = c.queues();
    g.pair.server.tls.set_job_callback(
        std::make_shared<std::function<void()>>([] { throw std::runtime_error("full"); }));
    c[0].finish_job();
    BOOST_TEST(stops(g.try_it(), suspend::want_async)); // it comes by itself
    g.finish_job();
  });
}

// A connection may be destroyed on a thread that never had a job.
BOOST_AUTO_TEST_CASE(leaving_from_another_thread) {
  with_job_pool(1, [] {
    crowd c;
    c.holds();
    c.queues();
    c.queues();
    std::thread([&] { c.guests[1].reset(); }).join();
    check_called(c, {2});
    c[0].finish_job();
    check_called(c, {2});
    BOOST_TEST(stops(c[2].try_it(), suspend::want_async));
    c[2].finish_job();
  });
}

// A connection that waits here and then asks on another thread waits there, and no longer here.
BOOST_AUTO_TEST_CASE(whoever_asks_on_another_thread_waits_there) {
  with_job_pool(1, [] {
    crowd c;
    c.holds();
    c.queues();
    c.queues();
    with_job_pool(1, [&] {
      crowd there;
      there.holds();
      BOOST_TEST(stops(c[1].try_it(), suspend::want_async_job));
      check_called(c, {2});
      there[0].finish_job();
      check_called(c, {1});
      BOOST_TEST(stops(c[1].try_it(), suspend::want_async));
      c[1].finish_job();
    });
    c[0].finish_job();
    check_called(c, {2});
  });
}

// ---- crowds ----

// Nobody is driven but those who were called, or whose crypto is ready. Everybody gets there all the same.
BOOST_AUTO_TEST_CASE(no_call_is_lost) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      with_job_pool(1 + seed % 3, [seed] {
        std::mt19937 random(seed);
        crowd c;
        for (int i = 0; i < 20; ++i) c.add();
        std::deque<int> ready; // to be driven
        std::vector<int> paused;
        for (int i = 0; i < 20; ++i) ready.push_back(i);
        int left = 20;
        for (int turns = 0; left != 0 && turns < 10'000; ++turns) {
          for (const int i : c.take_called()) ready.push_back(i);
          if (!paused.empty() && (ready.empty() || random() % 2 == 0)) {
            const auto at = paused.begin() + static_cast<std::ptrdiff_t>(random() % paused.size());
            c[*at].pauser.release();
            ready.push_back(*at);
            paused.erase(at);
          }
          if (ready.empty()) break;
          const int i = ready.front();
          ready.pop_front();
          if (!c.guests[static_cast<std::size_t>(i)]) continue; // called, and gone
          const step s = c[i].try_it();
          BOOST_REQUIRE(!s.error);
          if (s.why == suspend::want_async && std::count(paused.begin(), paused.end(), i) == 0)
            paused.push_back(i);
          const bool gives_up = s.why == suspend::want_async_job && random() % 16 == 0;
          if (s.why != suspend::want_read && !gives_up) continue;
          --left;
          c.guests[static_cast<std::size_t>(i)].reset();
          std::erase(paused, i);
        }
        BOOST_TEST(left == 0);
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(paused_connections_that_are_destroyed_lose_no_slot) {
  with_job_pool(2, [] {
    const guest_settings s;
    numbers called;
    check_no_leak(
        [&] {
          guest first(s, 1, called);
          guest second(s, 2, called);
          guest third(s, 3, called);
          BOOST_REQUIRE(stops(first.try_it(), suspend::want_async));
          BOOST_REQUIRE(stops(second.try_it(), suspend::want_async));
          BOOST_REQUIRE(stops(third.try_it(), suspend::want_async_job)); // the pool is bounded, and full
          first.pauser.release();
          second.pauser.release();
          called = {};
        },
        200);
  });
}

BOOST_AUTO_TEST_SUITE_END()
