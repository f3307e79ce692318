// SPDX-License-Identifier: BSL-1.0
// May a connection live as long as the program, and be destroyed after objects that the library made later?
// The sanitizers and the exit status of this program tell.
#include "test_certificates.hpp"

#include <tlsmode/engine.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <optional>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// In this order, and before any connection of this program: destroyed before OpenSSL cleans up, after all
// that the library makes with its first connection.
[[maybe_unused]] const int openssl_is_there = OPENSSL_init_ssl(0, nullptr);
std::optional<engine> last_of_all;

} // namespace

BOOST_AUTO_TEST_CASE(a_connection_may_be_the_last_thing_of_a_program) {
  last_of_all.emplace(client_context());
  BOOST_TEST((last_of_all->state() == connection_state::fresh));
}
