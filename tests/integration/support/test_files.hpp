// SPDX-License-Identifier: BSL-1.0
// Files that the tests make for themselves: a scratch directory, and a small world of certificates in it.
#ifndef TESTS_INTEGRATION_TEST_FILES_HPP
#define TESTS_INTEGRATION_TEST_FILES_HPP

#include <filesystem>
#include <string>
#include <string_view>

namespace integration {

/// A directory of its own, removed at the end of the test program.
[[nodiscard]] const std::filesystem::path& scratch();

/// Writes a file below scratch() and returns its path.
std::string write_file(const std::string& name, std::string_view content);

/// PEM files, made once per test program. All keys are ECDSA P-256.
struct certificates {
  std::string ca;                   ///< signs server and client
  std::string other_ca;             ///< signs nothing but other_client; nobody's friend
  std::string server, server_key;   ///< for localhost and 127.0.0.1
  std::string encrypted_key;        ///< server_key under a password
  std::string foreign, foreign_key; ///< from ca, for elsewhere.example only
  std::string expired, expired_key; ///< from ca, for localhost, no longer valid
  std::string client, client_key;   ///< from ca
  std::string other_client, other_client_key;
};
[[nodiscard]] const certificates& certs();

} // namespace integration

#endif
