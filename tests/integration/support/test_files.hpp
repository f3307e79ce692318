// SPDX-License-Identifier: BSL-1.0
// Files that the tests make for themselves: a scratch directory, and a small world of certificates in it.
#ifndef TESTS_INTEGRATION_TEST_FILES_HPP
#define TESTS_INTEGRATION_TEST_FILES_HPP

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace integration {

/// A directory of its own, removed at the end of the test program.
[[nodiscard]] const std::filesystem::path& scratch();

/// Writes a file below scratch() and returns its path.
std::string write_file(const std::string& name, std::string_view content);

/// A certificate from ca for localhost, its key, and of which kind that is.
struct key_files {
  std::string kind; ///< "p256", "p384", "rsa" (2048 bits), "ed25519"
  std::string certificate, key;
};

/// PEM files, made once per test program. Keys are ECDSA P-256 unless said otherwise.
struct certificates {
  std::string ca;                   ///< signs server and client
  std::string other_ca;             ///< signs nothing but other_client; nobody's friend
  std::string server, server_key;   ///< for localhost and 127.0.0.1
  std::string encrypted_key;        ///< server_key under a password
  std::string service, service_key; ///< from ca, for localhost: another server
  std::string foreign, foreign_key; ///< from ca, for elsewhere.example only
  std::string expired, expired_key; ///< from ca, for localhost, no longer valid
  std::string client, client_key;   ///< from ca
  std::string other_client, other_client_key;
  std::vector<key_files> kinds;
};
[[nodiscard]] const certificates& certs();

} // namespace integration

#endif
