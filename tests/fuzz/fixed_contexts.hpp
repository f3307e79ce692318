// SPDX-License-Identifier: BSL-1.0
// Contexts that are the same in every process: fixed key, fixed dates, fixed random numbers. An input then
// means the same bytes on the wire each time.
#ifndef TLSMODE_TESTS_FUZZ_FIXED_CONTEXTS_HPP
#define TLSMODE_TESTS_FUZZ_FIXED_CONTEXTS_HPP

#include <tlsmode/context.hpp>

#include <string>

namespace tlsmode::fuzz {

inline constexpr const char* host = "fuzz.test";

/// An Ed25519 certificate for `host`, signed by itself, and its key, as PEM.
[[nodiscard]] const std::string& certificate_pem();
[[nodiscard]] const std::string& key_pem();

/// Shows the certificate; trusts it, and verifies.
[[nodiscard]] context server();
[[nodiscard]] context client();

/// Begins the random numbers anew: first thing of every run of a target.
void begin_run();

} // namespace tlsmode::fuzz

#endif
