// SPDX-License-Identifier: BSL-1.0
// Does our stream do what boost::asio::ssl::stream does, for whatever happens, but for the differences that
// are listed? Random scripts through both; a failing one is made as short as it gets and printed. See
// docs/testing.md.
#define BOOST_TEST_MODULE differential
#include "comparison.hpp"
#include "settings.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

namespace {

using namespace tlsmode::test;

#if defined(TLSMODE_SANITIZE_ADDRESS) || defined(TLSMODE_SANITIZE_THREAD)
constexpr unsigned long default_scripts = 60;
#else
constexpr unsigned long default_scripts = 600;
#endif

void report(const script& failing, const std::string& difference) {
  const script least = shrink(failing, [](const script& s) { return !compare(s).difference.empty(); });
  BOOST_ERROR("\n  " << difference << "\n  the script: " << to_string(failing)
                     << "\n  shrunk: TLSMODE_DIFFERENTIAL_SCRIPT='" << to_string(least) << "'\n  "
                     << compare(least).difference);
}

} // namespace

BOOST_AUTO_TEST_SUITE(differential)

BOOST_AUTO_TEST_CASE(random_scripts) {
  if (const char* const one = std::getenv("TLSMODE_DIFFERENTIAL_SCRIPT")) {
    const verdict v = compare(parse_script(one));
    BOOST_TEST(v.difference.empty(), v.difference);
    return;
  }
  const unsigned long seed = setting("TLSMODE_DIFFERENTIAL_SEED", 1UL);
  const unsigned long scripts = setting("TLSMODE_DIFFERENTIAL_SCRIPTS", default_scripts, 1UL);
  std::map<std::string, int> rules;
  std::size_t steps = 0;
  unsigned long whole = 0;
  unsigned long failures = 0;
  for (unsigned long i = 0; i < scripts && failures < 5; ++i) {
    const script s = random_script(seed + i);
    const verdict v = compare(s);
    steps += v.steps;
    whole += v.to_the_end ? 1U : 0U;
    for (const auto& [name, times] : v.rules) rules[name] += times;
    if (v.difference.empty()) continue;
    ++failures;
    std::cout << "seed " << seed + i << '\n';
    report(s, v.difference);
  }
  std::cout << scripts << " scripts from seed " << seed << ", " << steps << " actions, " << whole
            << " scripts compared to their end\n";
  for (const auto& [name, times] : rules) std::cout << "  " << times << " times: " << name << '\n';
  BOOST_TEST(whole > scripts / 4);
}

// A rule that nothing meets allows differences for no reason; one that is not in the document, too.
BOOST_AUTO_TEST_CASE(each_listed_difference_is_met) {
  std::ifstream file(TLSMODE_DIFFERENCES);
  const std::string document(std::istreambuf_iterator<char>(file), {});
  for (const auto& [rule, text] : {
           std::pair{differences::partial_cancellation, "client13 H r100 q"},
           std::pair{differences::cancelled_write, "client13 H s w16384 C"},
           std::pair{differences::read_takes_all, "client13 H p10 p10 r100"},
           std::pair{differences::found_behind_bytes, "client13 H p100 b r200 w1"},
           std::pair{differences::write_takes_all, "client13 H g16000"},
           std::pair{differences::failed_connection, "client13 H e r100"},
           std::pair{differences::last_alert, "server13 H s b R100 W100"},
           std::pair{differences::data_after_the_end, "server13 H n b r100"},
           std::pair{differences::two_failures, "client13 H p100 r1 s S x"},
       }) {
    const verdict v = compare(parse_script(text));
    BOOST_TEST(v.difference.empty(), text << ": " << v.difference);
    BOOST_TEST(v.rules.count(rule) == 1U, text << " does not meet: " << rule);
    BOOST_TEST(document.find("| " + std::string(rule) + " |") != std::string::npos,
               "not in docs/differences.md: " << rule);
  }
}

BOOST_AUTO_TEST_CASE(scripts_are_read_as_they_are_printed) {
  for (unsigned long seed = 1; seed < 50; ++seed) {
    const std::string text = to_string(random_script(seed));
    BOOST_TEST(to_string(parse_script(text)) == text);
  }
}

// Else nobody would know that a failure is short because it was made so.
BOOST_AUTO_TEST_CASE(shrinking_keeps_what_matters) {
  const auto fails = [](const script& s) {
    bool wrote = false;
    for (const action& a : s.actions) {
      if (a.what == act::write && a.n >= 100) wrote = true;
      if (a.what == act::shutdown && wrote) return true;
    }
    return false;
  };
  const script s = parse_script("client13 H k5 p100 W5000 r100 R20 c S n e");
  BOOST_TEST(to_string(shrink(s, fails)) == "client13 W156 S");
}

BOOST_AUTO_TEST_SUITE_END()
