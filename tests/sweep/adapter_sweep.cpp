// SPDX-License-Identifier: BSL-1.0
// What does a stream do when something goes wrong at any step of any operation? Errors are those that they
// must be, no byte is lost or invented, the heap comes back to where it was, nothing hangs, and the stream
// serves again. Which cases are run says docs/testing.md.
#define BOOST_TEST_MODULE sweep_adapter
#include "conformance.hpp"
#include "heap_counter.hpp"
#include "sweep_case.hpp"
#include "sweep_settings.hpp"

#include <tlsmode/stats.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/tls1.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>

namespace {

using namespace tlsmode::test;

struct tally {
  long steps = 0, cases = 0, struck = 0, aborted = 0, failed = 0;
};

std::string describe(const sweep_case& c) {
  return std::string(scenario_names[static_cast<std::size_t>(c.what)]) + ", " +
         variant_names[static_cast<std::size_t>(c.how)] +
         (c.version == TLS1_3_VERSION ? ", TLS 1.3, " : ", TLS 1.2, ") +
         (c.client ? "client, " : "server, ") + std::to_string(c.chunk) + " bytes at once, " +
         fault_names[static_cast<std::size_t>(c.meets)] + " at step " + std::to_string(c.step) +
         " (TLSMODE_SWEEP_CASE=" + std::to_string(static_cast<int>(c.what)) + "," +
         std::to_string(static_cast<int>(c.how)) + "," + std::to_string(c.version) + "," +
         std::to_string(c.client) + "," + std::to_string(c.chunk) + "," +
         std::to_string(static_cast<int>(c.meets)) + "," + std::to_string(c.step) + ")";
}

// The case of that setting.
std::optional<sweep_case> chosen_case() {
  const char* const text = std::getenv("TLSMODE_SWEEP_CASE");
  if (text == nullptr) return std::nullopt;
  std::array<long, 7> n{};
  std::istringstream in(text);
  char comma = 0;
  bool good = true;
  for (std::size_t i = 0; i < n.size(); ++i)
    good = good && (i == 0 || (in >> comma && comma == ',')) && in >> n[i];
  good = good && in.peek() == std::istringstream::traits_type::eof();
  const auto within = [](long x, const auto& names) { return x >= 0 && x < static_cast<long>(names.size()); };
  good = good && (n[2] == TLS1_2_VERSION || n[2] == TLS1_3_VERSION) && n[4] > 0;
  if (!good || !within(n[0], scenario_names) || !within(n[1], variant_names) || !within(n[5], fault_names))
    throw std::invalid_argument(std::string("TLSMODE_SWEEP_CASE is no case: ") + text);
  return sweep_case{static_cast<scenario>(n[0]),
                    static_cast<variant>(n[1]),
                    static_cast<int>(n[2]),
                    n[3] != 0,
                    static_cast<std::size_t>(n[4]),
                    static_cast<fault>(n[5]),
                    n[6]};
}

void record(const sweep_case& c, bool struck) {
  const auto name = [](const auto& names, auto which) {
    return std::string(names[static_cast<std::size_t>(which)]);
  };
  if (struck)
    conforms("sweep", name(scenario_names, c.what) + ", " + name(variant_names, c.how),
             name(fault_names, c.meets));
  if (c.meets == fault::none) {
    conforms("next layers", "a layer in memory", c.how == variant::synchronous ? "blocking" : "asynchronous");
    if (c.chunk == 1) conforms("next layers", "a layer in memory", "one byte at a time");
  }
  if (struck && c.meets == fault::error)
    conforms("next layers", "a layer in memory", "fails at each operation");
}

// One case, and again if it leaves something behind: caches grow once, leaks each time.
sweep_result check_case(const sweep_case& c, tally& t) {
  sweep_result r;
  const auto abandoned = tlsmode::abandoned_jobs();
  bool grows = true;
  for (int again = 0; again < 4 && grows; ++again) {
    const std::size_t before = heap_bytes();
    const std::size_t stacks = job_stacks();
    r = {};
    r = run_case(c);
    { // gone before the heap is looked at
      std::string wrong;
      for (const std::string& w : r.wrong) wrong += w + "; ";
      r.wrong = {};
      BOOST_TEST(wrong.empty(), describe(c) << ": " << wrong);
    }
    grows = heap_bytes() > before || job_stacks() > stacks;
  }
  BOOST_TEST(!grows, describe(c) << ": something is left behind each time");
  BOOST_TEST(tlsmode::abandoned_jobs() == abandoned);
  record(c, r.struck);
  ++t.cases;
  if (r.struck) ++t.struck;
  if (r.aborted) ++t.aborted;
  if (r.failed) ++t.failed;
  return r;
}

// How many steps of each sweep are taken.
long most_steps(const sweep_case& c) {
  if (c.meets == fault::allocation) return most_of("TLSMODE_SWEEP_ALLOCATIONS", sweep_is_slow() ? 2 : 6);
  if (c.chunk == 1) return most_of("TLSMODE_SWEEP_ONE_BYTE_STEPS", 1);
  if (c.chunk < 1024) return most_of("TLSMODE_SWEEP_SMALL_STEPS", 1);
  return most_of("TLSMODE_SWEEP_STEPS", sweep_is_slow() ? 1 : c.how == variant::plain ? 4 : 2);
}

// How many steps there are without a fault. All faults but one count the same ones.
long count_steps(sweep_case c, tally& t) {
  static std::map<std::tuple<scenario, variant, int, bool, std::size_t, bool>, long> known;
  const bool memory = c.meets == fault::allocation;
  const auto [at, is_new] = known.try_emplace({c.what, c.how, c.version, c.client, c.chunk, memory}, 0);
  if (!memory) c.meets = fault::none;
  c.step = 0;
  if (is_new) at->second = check_case(c, t).steps;
  return at->second;
}

std::uint32_t salt_of(const sweep_case& c) {
  return static_cast<std::uint32_t>(static_cast<int>(c.what) * 89 + static_cast<int>(c.how) * 31 +
                                    c.version * 7 + c.client * 3 + static_cast<int>(c.meets) * 13);
}

constexpr std::size_t chunks[] = {1, 5, 13, 64, 1024};

// Whether this build's subset has the sweep: those with big chunks, and every other one with one of the
// small.
bool takes(const sweep_case& c) {
  if (sweep_everything()) return true;
  const std::uint32_t salt = salt_of(c);
  if (sweep_is_slow() && salt % 4 != 0) return false;
  if (c.chunk == 1024) return true;
  return c.how != variant::hooks && c.chunk == chunks[salt % 4] && salt / 4 % 2 == 0;
}

void sweep(sweep_case c, tally& t) {
  const fault meets = c.meets;
  const long steps = count_steps(c, t);
  t.steps += steps;
  const std::uint32_t salt = salt_of(c) + static_cast<std::uint32_t>(c.chunk);
  // What comes after the last step is the same for all faults.
  for (const long step : steps_to_take(steps, most_steps(c), salt, meets == fault::error)) {
    const bool beyond = step > steps;
    c.step = beyond ? step + 40 : step; // how long signatures are varies
    const bool struck = check_case(c, t).struck;
    if (beyond && meets != fault::allocation)
      BOOST_TEST(!struck, describe(c) << ": there were only " << steps << " steps");
  }
}

// A whole sweep takes long.
void tell_progress(fault meets, scenario what, const tally& t) {
  if (!sweep_everything()) return;
  std::cerr << fault_names[static_cast<std::size_t>(meets)] << ": "
            << scenario_names[static_cast<std::size_t>(what)] << " is done, " << t.cases << " cases so far"
            << std::endl;
}

void sweep_all(fault meets) {
  BOOST_REQUIRE(heap_is_counted());
  tally t;
  if (const auto one = chosen_case()) {
    if (one->meets == meets) check_case(*one, t);
    return;
  }
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t what = 0; what < scenario_names.size(); ++what) {
    for (std::size_t how = 0; how < variant_names.size(); ++how) {
      for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        for (const bool client : {true, false}) {
          for (const std::size_t chunk : chunks) {
            const sweep_case c{
                static_cast<scenario>(what), static_cast<variant>(how), version, client, chunk, meets, 0};
            // Where memory is short, how much the layer moves makes no difference.
            if (!applies(c) || (meets == fault::allocation && chunk != 1024)) continue;
            if (!takes(c)) continue;
            sweep(c, t);
          }
        }
      }
    }
    tell_progress(meets, static_cast<scenario>(what), t);
  }
  std::cout << fault_names[static_cast<std::size_t>(meets)] << ": " << t.steps << " steps, " << t.cases
            << " cases, the fault struck in " << t.struck << ", operations failed in " << t.failed
            << " and were aborted in " << t.aborted << "; "
            << std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin)
                   .count()
            << " ms\n";
  BOOST_TEST(t.struck > 0);
  if (meets == fault::error || meets == fault::reset || meets == fault::eof)
    BOOST_TEST(t.failed > t.struck / 2);
  if (meets == fault::cancel_terminal || meets == fault::cancel_partial) BOOST_TEST(t.aborted > t.struck / 4);
  if (meets == fault::cancel_total) BOOST_TEST(t.aborted > 0);
}

} // namespace

BOOST_AUTO_TEST_SUITE(sweep_adapter)

BOOST_AUTO_TEST_CASE(the_layer_fails) { sweep_all(fault::error); }
BOOST_AUTO_TEST_CASE(the_connection_is_reset) { sweep_all(fault::reset); }
BOOST_AUTO_TEST_CASE(the_peer_ends_without_a_word) { sweep_all(fault::eof); }
BOOST_AUTO_TEST_CASE(nothing_moves_for_a_while) { sweep_all(fault::stall); }
BOOST_AUTO_TEST_CASE(cancelled_terminally) { sweep_all(fault::cancel_terminal); }
BOOST_AUTO_TEST_CASE(cancelled_partially) { sweep_all(fault::cancel_partial); }
BOOST_AUTO_TEST_CASE(cancelled_totally) { sweep_all(fault::cancel_total); }
BOOST_AUTO_TEST_CASE(no_memory) { sweep_all(fault::allocation); }
BOOST_AUTO_TEST_CASE(the_stream_is_destroyed) { sweep_all(fault::destroy_stream); }
BOOST_AUTO_TEST_CASE(the_io_context_is_destroyed) { sweep_all(fault::destroy_context); }

BOOST_AUTO_TEST_SUITE_END()
