// SPDX-License-Identifier: BSL-1.0
// What a step came to, as conditions for BOOST_TEST that say what happened instead.
#ifndef TLSMODE_TESTS_SUPPORT_STEP_CHECKS_HPP
#define TLSMODE_TESTS_SUPPORT_STEP_CHECKS_HPP

#include <tlsmode/engine.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <ostream>

namespace tlsmode {

inline std::ostream& boost_test_print_type(std::ostream& out, connection_state s) {
  return out << to_string(s);
}
inline std::ostream& boost_test_print_type(std::ostream& out, suspend s) { return out << to_string(s); }
inline std::ostream& boost_test_print_type(std::ostream& out, mode_set m) { return out << to_string(m); }

namespace test {

using verdict = boost::test_tools::assertion_result;

inline verdict judge(const step& s, bool good) {
  verdict v(good);
  v.message() << "stopped by " << to_string(s.why) << ", " << s.bytes << " bytes, error " << s.error << " ("
              << s.error.message() << ")";
  return v;
}

/// Complete, without error, with so many bytes.
inline verdict completes(const step& s, std::size_t bytes = 0) {
  return judge(s, s.complete() && !s.error && s.bytes == bytes);
}
/// Stopped for this reason.
inline verdict stops(const step& s, suspend why) {
  return judge(s, s.why == why && !s.error && s.bytes == 0);
}
/// Complete with this error.
inline verdict fails(const step& s, std::error_code ec) {
  return judge(s, s.complete() && s.error == ec && s.bytes == 0);
}
/// Complete with OpenSSL's error of this reason, an SSL_R_ constant.
inline verdict fails_for(const step& s, int reason) {
  const bool ours = s.error.category() == openssl_category();
  return judge(s, s.complete() && s.bytes == 0 && ours &&
                      ERR_GET_REASON(static_cast<unsigned long>(s.error.value())) == reason);
}
/// The same bytes; says where they differ instead of printing them.
inline verdict same_bytes(std::string_view got, std::string_view expected) {
  verdict v(got == expected);
  const auto diverge = std::mismatch(got.begin(), got.end(), expected.begin(), expected.end());
  v.message() << got.size() << " bytes instead of " << expected.size() << ", equal up to byte "
              << diverge.first - got.begin();
  return v;
}

} // namespace test
} // namespace tlsmode

#endif
