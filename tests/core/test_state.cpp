// SPDX-License-Identifier: BSL-1.0
// Is the transition table sound, does a connection go through all of its states, and is the published
// diagram the table?
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <tlsmode/detail/state.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <tuple>

BOOST_AUTO_TEST_SUITE(state)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using detail::event;
using detail::transition;
using enum tlsmode::connection_state;

constexpr std::array all_states{fresh, handshaking, open, close_sent, close_received, closed, failed};
constexpr std::array all_events{event::handshake_begun, event::handshake_done, event::close_notify_sent,
                                event::close_notify_received, event::fatal_error};

std::optional<connection_state> next(connection_state from, event on) {
  for (const transition& t : detail::transitions())
    if (t.from == from && t.on == on) return t.to;
  return std::nullopt;
}

// The shortest ways from `fresh` to every state that the table reaches.
std::vector<std::vector<event>> ways_to_all_states(std::set<connection_state>& reached) {
  std::vector<std::vector<event>> ways{{}};
  reached = {fresh};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    for (const event e : all_events) {
      detail::state_machine m;
      for (const event earlier : ways[i]) m.on(earlier);
      m.on(e);
      if (!reached.insert(m.now()).second) continue;
      ways.push_back(ways[i]);
      ways.back().push_back(e);
    }
  }
  return ways;
}

using edge = std::tuple<std::string, std::string, std::string>;

} // namespace

BOOST_AUTO_TEST_CASE(every_state_is_reached_and_every_event_does_what_the_table_says) {
  std::set<connection_state> reached;
  const auto ways = ways_to_all_states(reached);
  BOOST_TEST(reached.size() == all_states.size());
  for (const auto& way : ways) {
    for (const event e : all_events) {
      detail::state_machine m;
      for (const event earlier : way) m.on(earlier);
      const connection_state before = m.now();
      m.on(e);
      BOOST_TEST(m.now() == next(before, e).value_or(before));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_table_has_no_contradiction_and_no_way_back) {
  std::set<std::pair<connection_state, event>> seen;
  for (const transition& t : detail::transitions()) {
    BOOST_TEST(seen.insert({t.from, t.on}).second);
    BOOST_TEST(t.from != t.to);
    BOOST_TEST((t.from < t.to)); // the states are declared in the order of a connection's life
    BOOST_TEST((t.from != closed && t.from != failed));
    BOOST_TEST((t.on == event::fatal_error) == (t.to == failed));
  }
}

BOOST_AUTO_TEST_CASE(everything_can_fail_but_what_is_over) {
  for (const connection_state s : all_states)
    BOOST_TEST(next(s, event::fatal_error).has_value() == (s != closed && s != failed));
}

BOOST_AUTO_TEST_CASE(the_order_of_the_close_notifies_does_not_matter) {
  BOOST_TEST((next(open, event::close_notify_sent) == close_sent));
  BOOST_TEST((next(open, event::close_notify_received) == close_received));
  BOOST_TEST((next(close_sent, event::close_notify_received) == closed));
  BOOST_TEST((next(close_received, event::close_notify_sent) == closed));
}

BOOST_AUTO_TEST_CASE(a_connection_lives_through_its_states) {
  memory_pair pair;
  BOOST_TEST(pair.client.tls.state() == fresh);
  pair.client.handshake();
  BOOST_TEST(pair.client.tls.state() == handshaking);
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(pair.client.tls.state() == open);
  BOOST_TEST(pair.server.tls.state() == open);
  BOOST_TEST(completes(pair.client.shutdown(shutdown_form::send_only)));
  BOOST_TEST(pair.client.tls.state() == close_sent);
  pair.settle();
  pair.server.read_all();
  BOOST_TEST(pair.server.tls.state() == close_received);
  BOOST_TEST(completes(pair.server.shutdown(shutdown_form::send_only)));
  BOOST_TEST(pair.server.tls.state() == closed);
  pair.settle();
  pair.client.read_all();
  BOOST_TEST(pair.client.tls.state() == closed);
}

BOOST_AUTO_TEST_CASE(a_broken_connection_is_failed) {
  memory_pair pair;
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of("not a ClientHello")));
  BOOST_TEST(bool(pair.server.handshake().error));
  BOOST_TEST(pair.server.tls.state() == failed);
}

// docs/architecture.md shows the table as a Mermaid state diagram, one line "from --> to : event" for each
// transition.
BOOST_AUTO_TEST_CASE(the_published_diagram_is_the_table) {
  std::set<edge> expected;
  for (const transition& t : detail::transitions())
    expected.emplace(to_string(t.from), to_string(t.to), to_string(t.on));

  std::ifstream page(TLSMODE_SOURCE_DIR "/docs/architecture.md");
  BOOST_REQUIRE(page.is_open());
  std::set<edge> shown;
  bool inside = false;
  int diagrams = 0;
  for (std::string line; std::getline(page, line);) {
    if (line == "```") inside = false;
    if (inside && line.find("-->") != std::string::npos) {
      std::istringstream words(line);
      std::string from, arrow, to, colon, on, more;
      words >> from >> arrow >> to >> colon >> on;
      BOOST_TEST((arrow == "-->" && !(words >> more)), "not understood: " << line);
      if (from == "[*]" || to == "[*]") // where a connection begins, and may end
        BOOST_TEST((colon.empty() && (to == "fresh" || from == "closed" || from == "failed")), line);
      else
        BOOST_TEST((colon == ":" && shown.emplace(from, to, on).second), "wrong or shown twice: " << line);
    }
    if (line.find("stateDiagram-v2") != std::string::npos) {
      inside = true;
      ++diagrams;
    }
  }
  BOOST_TEST(diagrams == 1);
  for (const auto& [from, to, on] : expected)
    BOOST_TEST(shown.count({from, to, on}) == 1u, "not shown: " << from << " --> " << to << " : " << on);
  for (const auto& [from, to, on] : shown)
    BOOST_TEST(expected.count({from, to, on}) == 1u,
               "not in the table: " << from << " --> " << to << " : " << on);
}

BOOST_AUTO_TEST_SUITE_END()
